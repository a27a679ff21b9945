/**
 * Accepts NATS clients on TCP, plain or with TLS that begins within the connection. Must not know about NATS or
 * sessions.
 */
import { createServer, type Server, type Socket } from 'node:net';
import type { Logger } from '../util/logger.ts';
import type { Acceptor } from './acceptor.ts';
import type { ByteStream } from './byte-stream.ts';
import {
  type Listener,
  type ListenerAddress,
  type ListenerOptions,
  listen,
  logAcceptErrors,
  originOf,
  TCP_KEEPALIVE_MS,
} from './listener.ts';
import { SocketStream } from './socket-stream.ts';
import { ConnectionTls } from './tls-handshakes.ts';
import { TlsStream } from './tls-stream.ts';

/** See {@link Listener}. */
export class TcpListener implements Listener {
  readonly #options: ListenerOptions;
  readonly #acceptor: Acceptor;
  readonly #logger: Logger;
  readonly #server: Server;
  #port: number;

  constructor(options: ListenerOptions, acceptor: Acceptor, logger: Logger) {
    this.#options = options;
    this.#acceptor = acceptor;
    this.#logger = logger;
    this.#port = options.port;
    this.#server = createServer(
      // Half-open: a client that closes its side after its last PUB still gets what it is owed.
      { noDelay: true, keepAlive: true, keepAliveInitialDelay: TCP_KEEPALIVE_MS, allowHalfOpen: true },
      (socket) => this.#onSocket(socket),
    );
  }

  get address(): ListenerAddress {
    const { name, host, tls } = this.#options;
    const isTls = tls !== undefined && !tls.policy.isOptional;
    return { name, type: isTls ? 'tls' : 'tcp', host, port: this.#port };
  }

  get isListening(): boolean {
    return this.#server.listening;
  }

  async start(): Promise<void> {
    this.#port = await listen(this.#server, this.#options);
    logAcceptErrors(this.#server, this.#options.name, this.#logger);
    this.#logger.info({ event: 'listener.started', ...this.address }, 'listening for NATS clients');
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return;
    // The callback waits for the connections too, and they have an end of their own.
    this.#server.close();
    this.#logger.info({ event: 'listener.closed', ...this.address }, 'no longer listening');
  }

  /** What comes before the bytes of the client, and before TLS, has to be taken off the socket here. */
  #onSocket(socket: Socket): void {
    const { name, maxConnections, tls: handshakes } = this.#options;
    const tls = handshakes === undefined ? null : new ConnectionTls(handshakes.policy);
    const origin = originOf(socket, name, 'tcp', tls);
    if (origin === null) {
      socket.destroy();
      return;
    }
    const stream: ByteStream =
      handshakes === undefined || tls === null
        ? new SocketStream(socket)
        : new TlsStream(socket, handshakes, tls);
    this.#acceptor.accept({ stream, origin, maxConnections });
  }
}
