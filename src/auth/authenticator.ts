/** What every authentication method has in common: what it is shown, and what it may answer. Types only. */
import type { Permissions } from './permissions.ts';

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

/** What a client has shown. Absent texts are empty, as in nats-server. */
export interface Credentials {
  readonly user: string;
  readonly pass: string;
  /** `auth_token` of CONNECT. */
  readonly token: string;
  readonly jwt: string;
  readonly nkey: string;
  readonly sig: string;
  /** Nonce of this connection's INFO, which `sig` signs; empty when none was offered. */
  readonly nonce: string;
  /** `name` of CONNECT. */
  readonly clientName: string;
  readonly listener: string;
  readonly transport: 'tcp' | 'ws';
  readonly isTls: boolean;
  readonly remoteAddress: string;
  readonly certificate: ClientCertificate | null;
}

/** Who a client is. */
export interface Identity {
  /** User name, public key or subject of a token: for logs, status and `${identity.name}`. */
  readonly name: string;
  /** Method that accepted it. */
  readonly method: string;
  /** Null: `default_permissions`. */
  readonly permissions: Permissions | null;
  /** Milliseconds since 1970; null: does not expire. */
  readonly expiresAtMs: number | null;
  /** Permissions are not looked at. */
  readonly isSuperuser: boolean;
  /** Replaces the template of the MQTT client id, or null. */
  readonly clientId: string | null;
  /** Replaces the listener's mountpoint, or null. */
  readonly mountpoint: string | null;
  /** Limits of this client alone; null: those of the gateway. */
  readonly maxSubscriptions: number | null;
  /** Bytes. */
  readonly maxPayloadBytes: number | null;
  /** For templates: `${identity.NAME}`. */
  readonly attributes: Readonly<Record<string, string>>;
}

/**
 * Answer of one method. `skip`: these are no credentials of mine, ask the next. Whoever gets a reject learns no reason:
 * `detail` is for the log, and holds no secret.
 */
export type Verdict =
  | { readonly kind: 'accept'; readonly identity: Identity }
  | { readonly kind: 'reject'; readonly detail: string }
  | { readonly kind: 'skip' };

/** One authentication method. */
export interface Authenticator {
  /** As in the configuration, such as `built_in`. */
  readonly method: string;
  /** INFO has to carry a nonce for clients to sign. */
  readonly needsNonce: boolean;
  /**
   * @param signal aborts when nobody waits for the answer any more; every wait has to end then
   * @throws {Error} when a backend fails: the chain denies and counts it
   */
  authenticate(credentials: Credentials, signal: AbortSignal): Promise<Verdict>;
  /** Only of methods that know users by name alone: for `no_auth_user`. Null: no such user. */
  identityOf?(name: string): Identity | null;
  /** Releases connections and timers. Idempotent. */
  close(): Promise<void>;
}
