/**
 * Accepts NATS clients on TCP, plain or with TLS that begins within the connection. Must not know about NATS or
 * sessions.
 */
import type { Socket } from 'node:net';
import type { Logger } from '../util/logger.ts';
import type { Acceptor } from './acceptor.ts';
import type { ByteStream } from './byte-stream.ts';
import { type Listener, type ListenerAddress, type ListenerOptions, originOf } from './listener.ts';
import { ListeningSocket, type SocketTaker } from './listening-socket.ts';
import type { ProxiedClient } from './proxy-header.ts';
import { SocketStream } from './socket-stream.ts';
import { ConnectionTls } from './tls-handshakes.ts';
import { TlsStream } from './tls-stream.ts';

/** See {@link Listener}. */
export class TcpListener implements Listener, SocketTaker {
  readonly #options: ListenerOptions;
  readonly #acceptor: Acceptor;
  readonly #logger: Logger;
  #socket: ListeningSocket | null = null;
  #port: number;

  constructor(options: ListenerOptions, acceptor: Acceptor, logger: Logger) {
    this.#options = options;
    this.#acceptor = acceptor;
    this.#logger = logger;
    this.#port = options.port;
  }

  get address(): ListenerAddress {
    const { name, host, tls } = this.#options;
    const isTls = tls !== undefined && !tls.policy.isOptional;
    return { name, type: isTls ? 'tls' : 'tcp', host, port: this.#port };
  }

  get isListening(): boolean {
    return this.#socket !== null;
  }

  async open(): Promise<void> {
    this.#socket = await ListeningSocket.open(this.#options, this.#logger);
    this.#port = this.#socket.port;
  }

  begin(): void {
    this.#socket?.passTo(this);
    this.#logger.info({ event: 'listener.started', ...this.address }, 'listening for NATS clients');
  }

  follow(former: Listener): void {
    this.#socket = former.release();
    this.#socket?.passTo(this);
    this.#port = this.#socket?.port ?? this.#port;
    this.#logger.info({ event: 'listener.changed', ...this.address }, 'listening with other settings');
  }

  release(): ListeningSocket | null {
    const socket = this.#socket;
    this.#socket = null;
    this.#options.tls?.close();
    return socket;
  }

  async close(): Promise<void> {
    const socket = this.release();
    this.#options.proxyGate?.close();
    if (socket === null) return;
    socket.close();
    this.#logger.info({ event: 'listener.closed', ...this.address }, 'no longer listening');
  }

  /** What comes before the bytes of the client, and before TLS, has to be taken off the socket here. */
  onSocket(socket: Socket): void {
    const { proxyGate } = this.#options;
    if (proxyGate === undefined) this.#admit(socket, null);
    else proxyGate.read(socket, (client) => this.#admit(socket, client));
  }

  /** @param client whom a proxy speaks for; null: the other end of the socket */
  #admit(socket: Socket, client: ProxiedClient | null): void {
    const { name, maxConnections, tls: handshakes, gatekeeper } = this.#options;
    const remoteAddress = client?.address ?? socket.remoteAddress;
    const isAdmitted = gatekeeper?.admits(remoteAddress) !== false;
    if (!isAdmitted || gatekeeper?.takesOneMore(remoteAddress) === false) {
      socket.destroy();
      return;
    }
    const tls = handshakes === undefined ? null : new ConnectionTls(handshakes.policy);
    const origin = originOf(socket, name, 'tcp', tls, client);
    if (origin === null) {
      socket.destroy();
      return;
    }
    const stream: ByteStream =
      handshakes === undefined || tls === null
        ? new SocketStream(socket)
        : new TlsStream(socket, handshakes, tls);
    this.#acceptor.accept({ stream, origin, maxConnections, pace: this.#options.pace ?? null });
  }
}
