/**
 * Settings of TLS, on the side of the clients and on that of the broker: what they may hold, which of them contradict
 * each other, and what the program makes of them. Opens no file.
 */
import type { ListenerTlsConfig, TlsConfig, UpstreamTlsConfig } from './config.ts';
import { boolean, choice, duration, either, listOf, text } from './formats.ts';
import { key, type Parsed } from './key.ts';
import * as names from './name-formats.ts';

const minVersion = choice('1.2', '1.3');

/** OpenSSL's own language; it is OpenSSL that says at start whether it understands it. */
const cipherList = text('cipher names with ":" between them, as OpenSSL spells them', (value) =>
  /^[\w:!+@=.-]*$/.test(value),
);

const fingerprint = text('64 lower-case hexadecimal digits', (value) => /^[0-9a-f]{64}$/.test(value));

/** Settings of `listeners[].tls`. */
export const LISTENER_TLS_KEYS = {
  cert_file: key(
    "PEM file with the listener's certificate, intermediate ones after it. Required for the types `tls` and `wss`. Read again when it changes, as are the other files.",
    names.oneLine,
    '',
  ),
  key_file: key('PEM file with the private key of the certificate.', names.oneLine, ''),
  key_passphrase: key('Passphrase of an encrypted `key_file`.', names.oneLine, '', true),
  key_passphrase_file: key('File that holds `key_passphrase`.', names.oneLine, ''),
  ca_file: key('PEM file with the authorities whose client certificates are trusted.', names.oneLine, ''),
  verify: key('Require a client certificate that `ca_file` vouches for.', boolean, false),
  verify_and_map: key(
    'As `verify`; and the certificate says who the client is, for the authentication method `tls_certificate`.',
    boolean,
    false,
  ),
  pinned_certs: key(
    'Client certificates that may connect, by the SHA-256 of their public key (SubjectPublicKeyInfo); empty: all that `verify` lets through.',
    listOf(fingerprint, 'SHA-256 fingerprints in lower-case hexadecimal'),
    [],
  ),
  handshake_first: key(
    '`false`: INFO in clear text, then the handshake, which every client understands. `true`: nothing before the handshake. `"auto"` or a duration: wait for a handshake for 50 ms or this long, then send INFO. Only for type `tls`.',
    either(choice(true, false, 'auto'), duration({ min: '1ms', max: '10s' })),
    false,
  ),
  optional: key(
    'Clients may use TLS but need not; for type `tcp`, where it must be set if there is a certificate.',
    boolean,
    false,
  ),
  min_version: key('Oldest TLS version that is spoken.', minVersion, '1.2'),
  ciphers: key('Cipher suites, in the syntax of OpenSSL; empty: those of Node.js.', cipherList, ''),
  timeout: key('How long a client may take for its handshake.', duration({ min: '10ms', max: '10m' }), '2s'),
} as const;

/** Settings of `upstream.tls`. */
export const UPSTREAM_TLS_KEYS = {
  ca_file: key(
    'PEM file with the authorities that the broker’s certificate must come from; empty: those that Node.js trusts. Only for `mqtts://` and `wss://`; the files are read again when they change.',
    names.oneLine,
    '',
  ),
  cert_file: key("PEM file with the gateway's own client certificate.", names.oneLine, ''),
  key_file: key('PEM file with the private key of `cert_file`.', names.oneLine, ''),
  key_passphrase: key('Passphrase of an encrypted `key_file`.', names.oneLine, '', true),
  key_passphrase_file: key('File that holds `upstream.tls.key_passphrase`.', names.oneLine, ''),
  verify: key('Check the certificate of the broker. `false` lets anyone pose as the broker.', boolean, true),
  server_name: key(
    'Name that the certificate of the broker must have, if not the host of the URL.',
    text('a host name, or empty', (value) => /^[a-z0-9._:-]*$/i.test(value)),
    '',
  ),
  alpn: key(
    'Protocols to offer (ALPN), which some cloud brokers ask for.',
    listOf(
      text('', (value) => /^[\x21-\x7e]{1,255}$/.test(value)),
      'protocol names',
    ),
    [],
  ),
  min_version: key('Oldest TLS version that is spoken.', minVersion, '1.2'),
  ciphers: key('Cipher suites, in the syntax of OpenSSL; empty: those of Node.js.', cipherList, ''),
} as const;

/** What `"auto"` stands for. */
const AUTO_WAIT_MS = 50;

type ListenerTlsSettings = Parsed<typeof LISTENER_TLS_KEYS>;
type UpstreamTlsSettings = Parsed<typeof UPSTREAM_TLS_KEYS>;
type Add = (name: string, message: string) => void;

/** @param add names a setting of the listener, such as `tls.verify` */
export function checkListenerTls(type: string, tls: ListenerTlsSettings, add: Add): void {
  const needsCertificate = type === 'tls' || type === 'wss';
  if (tls.cert_file === '') {
    if (needsCertificate) add('tls.cert_file', `is missing; listeners of type "${type}" need a certificate`);
    else if (isAnySet(tls)) add('tls', 'is not used without tls.cert_file');
    return;
  }
  if (tls.key_file === '') add('tls.key_file', 'is missing; it belongs to tls.cert_file');
  if (type === 'ws') add('tls', 'is not for type "ws"; use "wss"');
  if (type === 'tcp' && !tls.optional) {
    add('tls', 'is not used by type "tcp" unless tls.optional is true; use "tls" to require it');
  }
  if (type !== 'tcp' && tls.optional) add('tls.optional', `is only for type "tcp"; "${type}" requires TLS`);
  if (type !== 'tls' && tls.handshake_first !== false) {
    add('tls.handshake_first', 'is only for type "tls"');
  }
  checkVerification(tls, add);
}

function checkVerification(tls: ListenerTlsSettings, add: Add): void {
  const isVerified = tls.verify || tls.verify_and_map;
  // Otherwise anybody with a certificate of any public authority would be let in.
  if (isVerified && tls.ca_file === '')
    add('tls.ca_file', 'is missing; client certificates are checked with it');
  if (!isVerified && tls.ca_file !== '') add('tls.ca_file', 'is not used without tls.verify');
  if (!isVerified && tls.pinned_certs.length > 0) add('tls.pinned_certs', 'is not used without tls.verify');
}

function isAnySet(tls: ListenerTlsSettings): boolean {
  const { key_file, ca_file, verify, verify_and_map, pinned_certs, optional } = tls;
  return key_file !== '' || ca_file !== '' || verify || verify_and_map || pinned_certs.length > 0 || optional;
}

/** @param add names a setting of `upstream`, such as `tls.cert_file` */
export function checkUpstreamTls(url: string, tls: UpstreamTlsSettings, add: Add): void {
  if ((tls.cert_file === '') !== (tls.key_file === '')) {
    const missing = tls.cert_file === '' ? 'cert_file' : 'key_file';
    add(`tls.${missing}`, 'is missing; cert_file and key_file belong together');
  }
  const isUsed = tls.ca_file !== '' || tls.cert_file !== '' || tls.server_name !== '' || tls.alpn.length > 0;
  if (!isTlsUrl(url) && (isUsed || !tls.verify)) {
    add('tls', 'is only for brokers with mqtts:// or wss://');
  }
}

function isTlsUrl(url: string): boolean {
  return /^(?:mqtts|ssl|tls|wss):/i.test(url);
}

/** @returns null without a certificate */
export function toListenerTls(tls: ListenerTlsSettings, path: string): ListenerTlsConfig | null {
  if (tls.cert_file === '') return null;
  return {
    ...toTls(tls, path),
    verify: tls.verify || tls.verify_and_map,
    mapsCertificate: tls.verify_and_map,
    pinnedCerts: tls.pinned_certs,
    infoDelayMs: infoDelay(tls.handshake_first),
    isOptional: tls.optional,
    timeoutMs: tls.timeout,
  };
}

/** @returns null for brokers without TLS */
export function toUpstreamTls(url: string, tls: UpstreamTlsSettings): UpstreamTlsConfig | null {
  if (!isTlsUrl(url)) return null;
  return {
    ...toTls(tls, 'upstream.tls'),
    verify: tls.verify,
    serverName: tls.server_name === '' ? null : tls.server_name,
    alpn: tls.alpn,
  };
}

function toTls(tls: ListenerTlsSettings | UpstreamTlsSettings, path: string): TlsConfig {
  const orNull = (value: string) => (value === '' ? null : value);
  return {
    path,
    certFile: orNull(tls.cert_file),
    keyFile: orNull(tls.key_file),
    keyPassphrase: orNull(tls.key_passphrase),
    caFile: orNull(tls.ca_file),
    minVersion: tls.min_version,
    ciphers: orNull(tls.ciphers),
  };
}

function infoDelay(handshakeFirst: ListenerTlsSettings['handshake_first']): number {
  if (typeof handshakeFirst === 'number') return handshakeFirst;
  if (handshakeFirst === 'auto') return AUTO_WAIT_MS;
  return handshakeFirst ? Number.POSITIVE_INFINITY : 0;
}
