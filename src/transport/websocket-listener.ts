/**
 * Accepts NATS clients on WebSockets, plain or over TLS. Must not know about NATS or sessions.
 */
import { createServer, type Server as HttpServer, type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type ServerOptions, WebSocketServer } from 'ws';
import type { Logger } from '../util/logger.ts';
import type { Acceptor } from './acceptor.ts';
import { type Listener, type ListenerAddress, type ListenerOptions, originOf } from './listener.ts';
import { ListeningSocket, type SocketTaker } from './listening-socket.ts';
import type { ProxiedClient } from './proxy-header.ts';
import { ConnectionTls, type TlsHandshakes } from './tls-handshakes.ts';
import {
  type AllowedOrigins,
  isOriginAllowed,
  refusalHeaders,
  refuse,
  statusOfBadRequest,
} from './websocket-handshake.ts';
import { WebSocketStream } from './websocket-stream.ts';

/** Settings of a WebSocket listener. */
export interface WebSocketListenerOptions extends ListenerOptions {
  /** Longest message accepted, after inflating: room for the largest operation and then some. */
  readonly maxMessageBytes: number;
  /** How long a client may take until its upgrade is complete, in milliseconds. */
  readonly handshakeTimeoutMs: number;
  /** Whether permessage-deflate is accepted. */
  readonly compression?: boolean;
  /** The only path that is served; undefined: any. */
  readonly path?: string | undefined;
  /** Undefined: any. */
  readonly allowedOrigins?: AllowedOrigins | undefined;
}

/** Shorter output is sent as it is: below, deflate makes it longer more often than not. */
const COMPRESS_FROM_BYTES = 65;

/** How long a client may leave the TCP connection open after the close frames were exchanged. */
const CLOSE_TIMEOUT_MS = 1000;

/** Connections without a completed upgrade. They are not counted as clients, so they need a bound of their own. */
const MAX_HANDSHAKES = 1024;

/** What is below a byte stream that HTTP reads. */
interface Below {
  readonly socket: Socket;
  /** Whom a proxy speaks for; null: the other end of the socket. */
  readonly client: ProxiedClient | null;
  readonly tls: ConnectionTls | null;
}

/** See {@link Listener}. */
export class WebSocketListener implements Listener, SocketTaker {
  readonly #options: WebSocketListenerOptions;
  readonly #acceptor: Acceptor;
  readonly #logger: Logger;
  #socket: ListeningSocket | null = null;
  /** Never listens: it gets each connection when there is nothing more to settle below HTTP. */
  readonly #http: HttpServer;
  readonly #webSockets: WebSocketServer;
  /** Connections that are not WebSockets yet, each with its time limit. */
  readonly #handshakes = new Map<Socket, NodeJS.Timeout>();
  /** The TCP socket below what HTTP sees, and the TLS between the two. */
  readonly #below = new WeakMap<Duplex, Below>();
  #port: number;

  constructor(options: WebSocketListenerOptions, acceptor: Acceptor, logger: Logger) {
    this.#options = options;
    this.#acceptor = acceptor;
    this.#logger = logger;
    this.#port = options.port;
    this.#webSockets = new WebSocketServer(serverOptions(options));
    this.#webSockets.on('wsClientError', (_error, socket, request) =>
      refuse(socket, statusOfBadRequest(request)),
    );
    this.#http = createServer((request, response) => {
      const status = statusOfBadRequest(request);
      const text = STATUS_CODES[status] ?? '';
      request.resume();
      response.writeHead(status, refusalHeaders(text)).end(text);
    })
      // Also what a NATS client without WebSocket gets: its first line is no HTTP.
      .on('clientError', (_error, socket) => refuse(socket, 400))
      .on('connect', (_request, socket) => refuse(socket, 405))
      .on('upgrade', (request, socket, head) => this.#onUpgrade(request, socket, head));
  }

  get address(): ListenerAddress {
    const { name, host, tls } = this.#options;
    return { name, type: tls === undefined ? 'ws' : 'wss', host, port: this.#port };
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
    for (const one of this.#handshakes.keys()) one.destroy();
    this.#logger.info({ event: 'listener.closed', ...this.address }, 'no longer listening');
  }

  onSocket(socket: Socket): void {
    const { proxyGate } = this.#options;
    if (proxyGate === undefined) this.#admit(socket, null);
    else proxyGate.read(socket, (client) => this.#admit(socket, client));
  }

  /** @param client whom a proxy speaks for; null: the other end of the socket */
  #admit(socket: Socket, client: ProxiedClient | null): void {
    const { gatekeeper } = this.#options;
    const remoteAddress = client?.address ?? socket.remoteAddress;
    const isAdmitted = gatekeeper?.admitsPeer(remoteAddress) !== false;
    if (
      !isAdmitted ||
      gatekeeper?.takesOneMore(remoteAddress) === false ||
      this.#handshakes.size >= MAX_HANDSHAKES
    ) {
      socket.destroy();
      return;
    }
    const { tls: handshakes, handshakeTimeoutMs } = this.#options;
    const limitMs = handshakeTimeoutMs + (handshakes?.policy.timeoutMs ?? 0);
    const timer = setTimeout(() => socket.destroy(), limitMs);
    this.#handshakes.set(socket, timer);
    socket.once('close', () => this.#endHandshake(socket));
    // What comes before TLS has to be taken off the socket here.
    if (handshakes === undefined) this.#toHttp(socket, { socket, client, tls: null });
    else this.#startTls(socket, handshakes, client);
  }

  #startTls(socket: Socket, handshakes: TlsHandshakes, client: ProxiedClient | null): void {
    // Until TLS has taken over, nobody else listens.
    socket.on('error', () => socket.destroy());
    const tls = new ConnectionTls(handshakes.policy);
    const timer = setTimeout(() => socket.destroy(), tls.timeoutMs);
    socket.once('close', () => clearTimeout(timer));
    handshakes.begin(socket, (secured, session) => {
      clearTimeout(timer);
      tls.session = session;
      this.#toHttp(secured, { socket, client, tls });
    });
  }

  #toHttp(stream: Duplex, below: Below): void {
    this.#below.set(stream, below);
    this.#http.emit('connection', stream);
  }

  #endHandshake(socket: Socket): void {
    clearTimeout(this.#handshakes.get(socket));
    this.#handshakes.delete(socket);
  }

  #onUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { path, allowedOrigins, gatekeeper } = this.#options;
    const below = this.#below.get(socket);
    const address = below?.client?.address ?? request.socket.remoteAddress ?? '';
    const client = gatekeeper?.clientBehind(address, forwardedFor(request));
    const requested = (request.url ?? '').split('?', 1)[0];
    if (request.method === 'GET' && request.headers['sec-websocket-version'] !== '13') {
      refuse(socket, 400);
    } else if (path !== undefined && path !== requested) {
      refuse(socket, 404);
    } else if (!isOriginAllowed(request, allowedOrigins ?? null, this.#options.tls !== undefined)) {
      refuse(socket, 403);
    } else if (client !== undefined && gatekeeper?.admits(client) === false) {
      refuse(socket, 403);
    } else {
      this.#webSockets.handleUpgrade(request, socket, head, (webSocket) => {
        if (below !== undefined) this.#endHandshake(below.socket);
        const peer = originOf(request.socket, this.#options.name, 'ws', below?.tls ?? null, below?.client);
        if (peer === null) {
          webSocket.terminate();
          return;
        }
        // Which port a client has behind a proxy is not known.
        const isBehindProxy = client !== undefined && client !== peer.remoteAddress;
        const origin = isBehindProxy ? { ...peer, remoteAddress: client, remotePort: 0 } : peer;
        const stream = new WebSocketStream(webSocket, socket);
        this.#acceptor.accept({
          stream,
          origin,
          maxConnections: this.#options.maxConnections,
          pace: this.#options.pace ?? null,
        });
      });
    }
  }
}

/** Several headers are one list. */
function forwardedFor({ headers }: IncomingMessage): string | undefined {
  const value = headers['x-forwarded-for'];
  return Array.isArray(value) ? value.join(',') : value;
}

function serverOptions(options: WebSocketListenerOptions): ServerOptions {
  const settings: ServerOptions & { closeTimeout: number } = {
    noServer: true,
    clientTracking: false,
    maxPayload: options.maxMessageBytes,
    closeTimeout: CLOSE_TIMEOUT_MS,
    // Text messages are bytes like any other.
    skipUTF8Validation: true,
    // nats-server picks no sub-protocol, whatever is offered.
    handleProtocols: () => false,
    // nats.go refuses an answer without either of the two parameters.
    perMessageDeflate: options.compression === true && {
      serverNoContextTakeover: true,
      clientNoContextTakeover: true,
      threshold: COMPRESS_FROM_BYTES,
    },
  };
  return settings;
}
