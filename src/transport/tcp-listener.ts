/**
 * Accepts NATS clients on plain TCP. Must not know about NATS or sessions.
 */
import { createServer, type Server } from 'node:net';
import type { Logger } from '../util/logger.ts';
import type { Acceptor } from './acceptor.ts';
import {
  type Listener,
  type ListenerAddress,
  type ListenerOptions,
  listen,
  originOf,
  TCP_KEEPALIVE_MS,
} from './listener.ts';
import { SocketStream } from './socket-stream.ts';

/** See {@link Listener}. */
export class TcpListener implements Listener {
  readonly #options: ListenerOptions;
  readonly #logger: Logger;
  readonly #server: Server;
  #port: number;

  constructor(options: ListenerOptions, acceptor: Acceptor, logger: Logger) {
    this.#options = options;
    this.#logger = logger;
    this.#port = options.port;
    this.#server = createServer(
      // Half-open: a client that closes its side after its last PUB still gets what it is owed.
      { noDelay: true, keepAlive: true, keepAliveInitialDelay: TCP_KEEPALIVE_MS, allowHalfOpen: true },
      (socket) => {
        const origin = originOf(socket, options.name, 'tcp');
        if (origin === null) socket.destroy();
        else
          acceptor.accept({
            stream: new SocketStream(socket),
            origin,
            maxConnections: options.maxConnections,
          });
      },
    );
  }

  get address(): ListenerAddress {
    return { name: this.#options.name, type: 'tcp', host: this.#options.host, port: this.#port };
  }

  async start(): Promise<void> {
    this.#port = await listen(this.#server, this.#options);
    this.#server.on('error', (error: NodeJS.ErrnoException) => {
      // Out of file descriptors, mostly. The listener goes on when there are some again.
      this.#logger.error(
        { event: 'listener.accept_failed', listener: this.#options.name, code: error.code },
        'a client could not be accepted',
      );
    });
    this.#logger.info({ event: 'listener.started', ...this.address }, 'listening for NATS clients');
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return;
    // The callback waits for the connections too, and they have an end of their own.
    this.#server.close();
    this.#logger.info({ event: 'listener.closed', ...this.address }, 'no longer listening');
  }
}
