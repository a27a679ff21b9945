/**
 * Server side of TLS for one listener: makes an encrypted socket of a plain one, checks the client certificate, and says
 * in the log why a handshake failed. Must not know when a handshake begins, nor what comes after it.
 */
import { constants } from 'node:crypto';
import type { Socket } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import type { PeerTls, TlsSession } from '../session/ports.ts';
import { publicKeyFingerprint, readClientCertificate } from '../tls/client-certificate.ts';
import type { TlsCredentials } from '../tls/credentials.ts';
import type { RepeatLimiter } from '../util/logger.ts';

/** TLS of a listener. */
export interface ListenerTls {
  readonly credentials: TlsCredentials;
  /** A client certificate is required. */
  readonly verify: boolean;
  /** The client certificate says who the client is. */
  readonly mapsCertificate: boolean;
  /** SHA-256 of the public keys that may connect; empty: any. */
  readonly pinnedCerts: readonly string[];
  /** How long INFO waits for a client that starts with its handshake; Infinity: until the handshake is done. */
  readonly infoDelayMs: number;
  /** Clients may go on without TLS. */
  readonly isOptional: boolean;
  readonly timeoutMs: number;
}

/** TLS of one connection; its session is filled in after the handshake. */
export class ConnectionTls implements PeerTls {
  readonly isRequired: boolean;
  readonly verifiesClient: boolean;
  readonly identifiesClient: boolean;
  readonly timeoutMs: number;
  session: TlsSession | null = null;

  constructor({ isOptional, verify, mapsCertificate, timeoutMs }: ListenerTls) {
    this.isRequired = !isOptional;
    this.verifiesClient = verify;
    this.identifiesClient = mapsCertificate;
    this.timeoutMs = timeoutMs;
  }
}

/** Told that a handshake has succeeded. When it fails, the plain socket is destroyed and nobody is called. */
export type OnSecured = (socket: TLSSocket, session: TlsSession) => void;

/** First byte of a TLS record that holds a ClientHello. */
export const HANDSHAKE_RECORD = 0x16;

/** See the head of this file. */
export class TlsHandshakes {
  readonly policy: ListenerTls;
  readonly #listener: string;
  readonly #pins: ReadonlySet<string>;
  readonly #log: RepeatLimiter;
  /** Never listens: sockets are handed to it, as node:tls provides for. */
  readonly #server: Server;
  /** By both ends of the connection, which is all that a plain and an encrypted socket officially share. */
  readonly #waiting = new Map<string, OnSecured>();

  constructor(listener: string, tls: ListenerTls, log: RepeatLimiter) {
    this.#listener = listener;
    this.policy = tls;
    this.#pins = new Set(tls.pinnedCerts);
    this.#log = log;
    this.#server = createServer({
      ...this.#contextOptions(),
      requestCert: tls.verify,
      rejectUnauthorized: tls.verify,
      // Whoever begins a handshake has a shorter limit of its own.
      handshakeTimeout: 2 * tls.timeoutMs,
    })
      .on('secureConnection', (socket) => this.#onSecure(socket))
      .on('tlsClientError', (error, socket) => this.#onFailed(error, socket));
    // For handshakes that begin from then on.
    tls.credentials.onRenewed = () => this.#server.setSecureContext(this.#contextOptions());
  }

  /** Begins a handshake. The plain socket belongs to TLS from now on; what it has read already is taken into account. */
  begin(socket: Socket, onSecured: OnSecured): void {
    const ends = endsOf(socket);
    if (ends === null) {
      socket.destroy();
      return;
    }
    this.#waiting.set(ends, onSecured);
    socket.once('close', () => this.#waiting.delete(ends));
    // Whoever closes its side in the middle of a handshake will not complete it.
    socket.allowHalfOpen = false;
    this.#server.emit('connection', socket);
  }

  /** New files are not looked for any more; handshakes that have begun go on. Idempotent. */
  close(): void {
    this.policy.credentials.close();
  }

  #contextOptions(): object {
    const { options } = this.policy.credentials.material;
    // With renegotiation a client could make us compute without end; `disableRenegotiation` does not stop it.
    const noRenegotiation = constants.SSL_OP_NO_RENEGOTIATION;
    // A resumed session would bring back a certificate that may have expired or lost its authority since.
    const noTicket = this.policy.verify ? constants.SSL_OP_NO_TICKET : 0;
    return { ...options, secureOptions: noRenegotiation | noTicket };
  }

  #onSecure(socket: TLSSocket): void {
    const ends = endsOf(socket);
    const onSecured = ends === null ? undefined : this.#waiting.get(ends);
    if (ends !== null) this.#waiting.delete(ends);
    const session = onSecured === undefined ? null : this.#sessionOf(socket);
    if (onSecured === undefined || session === null) {
      // The client may be gone; its error would have nobody to go to.
      socket.on('error', () => {});
      socket.destroy();
      return;
    }
    socket.allowHalfOpen = true;
    onSecured(socket, session);
  }

  /** @returns null when the certificate may not connect */
  #sessionOf(socket: TLSSocket): TlsSession | null {
    const version = (socket.getProtocol() ?? '').replace('TLSv', '');
    const cipher = socket.getCipher().standardName;
    if (!this.policy.verify) return { version, cipher, certificate: null };
    const certificate = socket.getPeerX509Certificate();
    if (certificate === undefined || !socket.authorized) return this.#refuse(socket, 'no certificate');
    if (this.#pins.size > 0 && !this.#pins.has(publicKeyFingerprint(certificate))) {
      return this.#refuse(socket, 'certificate not among pinned_certs');
    }
    const names = readClientCertificate(certificate);
    if (names === null) return this.#refuse(socket, 'ambiguous names in the certificate');
    return { version, cipher, certificate: names };
  }

  #refuse(socket: TLSSocket, detail: string): null {
    this.#logFailure(socket, detail);
    return null;
  }

  #onFailed(error: NodeJS.ErrnoException, socket: TLSSocket): void {
    // Set when the certificate was not accepted; the error then only says that the connection ended.
    const { authorizationError } = socket as { authorizationError?: unknown };
    const detail = typeof authorizationError === 'string' ? authorizationError : (error.code ?? error.name);
    this.#logFailure(socket, detail);
  }

  #logFailure({ remoteAddress }: TLSSocket, detail: string): void {
    const fields = { event: 'client.tls_failed', listener: this.#listener, remote: remoteAddress, detail };
    this.#log.log('warn', fields, 'a TLS handshake failed');
  }
}

function endsOf({ remoteAddress, remotePort, localAddress, localPort }: Socket): string | null {
  if (remoteAddress === undefined) return null;
  return `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`;
}
