/**
 * A socket that accepts connections, and whoever takes them: a listener, or after a reload the one that follows it at
 * the same address, without a moment in which nobody listens. Must not know what becomes of a connection.
 */
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { GatewayError } from '../errors.ts';
import type { Logger } from '../util/logger.ts';
import { formatAddress, type ListenerOptions, TCP_KEEPALIVE_MS } from './listener.ts';

/** Thousands of clients come back at once after a restart; the kernel caps this at its own limit. */
const BACKLOG = 4096;

/** Who takes the connections. */
export interface SocketTaker {
  onSocket(socket: Socket): void;
}

/** See the head of this file. */
export class ListeningSocket {
  readonly #server: Server;
  /** Null: connections wait. */
  #taker: SocketTaker | null = null;
  #waiting: Socket[] = [];

  private constructor(server: Server, listener: string, logger: Logger) {
    this.#server = server;
    server.on('connection', (socket) => this.#onSocket(socket));
    // Out of file descriptors, mostly. The listener goes on.
    server.on('error', (error: NodeJS.ErrnoException) => {
      logger.error(
        { event: 'listener.accept_failed', listener, code: error.code },
        'a client could not be accepted',
      );
    });
  }

  /** @throws {GatewayError} `GW_LISTEN` with `listener`, `address` and the system's `code` in its context */
  static async open({ name, host, port }: ListenerOptions, logger: Logger): Promise<ListeningSocket> {
    // Half-open: a client that closes its side after its last PUB still gets what it is owed.
    const server = createServer({
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: TCP_KEEPALIVE_MS,
      allowHalfOpen: true,
    });
    return await new Promise((resolve, reject) => {
      const onError = (error: NodeJS.ErrnoException): void => {
        const address = formatAddress(host, port);
        const words = `listener "${name}" cannot listen on ${address}: ${error.code ?? error.message}`;
        const context = { listener: name, address, code: error.code };
        reject(new GatewayError('GW_LISTEN', words, { cause: error, context }));
      };
      server.once('error', onError);
      // In the same turn: connections may come in the next one.
      server.listen({ port, backlog: BACKLOG, ...(host !== '' && { host }) }, () => {
        server.off('error', onError);
        resolve(new ListeningSocket(server, name, logger));
      });
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** From now on somebody takes the connections, or somebody else. */
  passTo(taker: SocketTaker): void {
    this.#taker = taker;
    for (const socket of this.#waiting.splice(0)) {
      socket.off('error', destroy);
      if (!socket.destroyed) taker.onSocket(socket);
    }
  }

  /** Connections that were accepted stay; their end is not waited for. */
  close(): void {
    this.#server.close();
    for (const socket of this.#waiting.splice(0)) socket.destroy();
  }

  #onSocket(socket: Socket): void {
    if (this.#taker !== null) {
      this.#taker.onSocket(socket);
      return;
    }
    socket.on('error', destroy);
    this.#waiting.push(socket);
  }
}

/** Of a connection that nobody has taken yet. */
function destroy(this: Socket): void {
  this.destroy();
}
