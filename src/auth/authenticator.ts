/** What a client certificate says of its owner. Types only. */

/** The client certificate of a TLS connection, verified against the listener's CA. */
export interface ClientCertificate {
  readonly emails: readonly string[];
  readonly dnsNames: readonly string[];
  readonly uris: readonly string[];
  /** RFC 2253 text, most specific part first, such as `CN=alice,OU=Dev,O=Acme,C=US`. */
  readonly subject: string;
  /** Empty when there is none. */
  readonly commonName: string;
}
