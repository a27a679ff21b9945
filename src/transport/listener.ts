/**
 * What all listeners have in common. Must not know about NATS or sessions.
 */
import type { AddressInfo, Server, Socket } from 'node:net';
import { GatewayError } from '../errors.ts';
import type { PeerInfo, PeerTls } from '../session/ports.ts';
import type { Logger } from '../util/logger.ts';
import type { TlsHandshakes } from './tls-handshakes.ts';

/** Where a listener can be reached. */
export interface ListenerAddress {
  /** Name of the listener in the configuration. */
  readonly name: string;
  readonly type: 'tcp' | 'tls' | 'ws' | 'wss';
  readonly host: string;
  readonly port: number;
}

/** A place where clients connect. */
export interface Listener {
  /** Where it was asked to listen; with the real port once it is started. */
  readonly address: ListenerAddress;
  readonly isListening: boolean;
  /** @throws {GatewayError} `GW_LISTEN` with `listener`, `address` and the system's `code` in its context */
  start(): Promise<void>;
  /** Stops accepting. Connections that were accepted stay. Idempotent. */
  close(): Promise<void>;
}

/** Settings that every listener has. */
export interface ListenerOptions {
  readonly name: string;
  /** Empty: all addresses of the machine. */
  readonly host: string;
  /** 0: a free port. */
  readonly port: number;
  /** Limit of this listener; undefined: only that of the gateway. */
  readonly maxConnections?: number | undefined;
  /** Undefined: no TLS. */
  readonly tls?: TlsHandshakes | undefined;
}

/** Thousands of clients come back at once after a restart; the kernel caps this at its own limit. */
const BACKLOG = 4096;

/** Idle time after which the kernel asks whether a silent peer still exists. */
export const TCP_KEEPALIVE_MS = 60_000;

/**
 * Starts listening.
 * @returns the port, which is a chosen one when `options.port` is 0
 * @throws {GatewayError} `GW_LISTEN`
 */
export function listen(server: Server, options: ListenerOptions): Promise<number> {
  const { name, host, port } = options;
  return new Promise((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException): void => {
      const address = formatAddress(host, port);
      reject(
        new GatewayError(
          'GW_LISTEN',
          `listener "${name}" cannot listen on ${address}: ${error.code ?? error.message}`,
          {
            cause: error,
            context: { listener: name, address, code: error.code },
          },
        ),
      );
    };
    server.once('error', onError);
    server.listen({ port, backlog: BACKLOG, ...(host !== '' && { host }) }, () => {
      server.off('error', onError);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

/** Reports clients that could not be accepted: out of file descriptors, mostly. The listener goes on. */
export function logAcceptErrors(server: Server, listener: string, logger: Logger): void {
  server.on('error', (error: NodeJS.ErrnoException) => {
    logger.error(
      { event: 'listener.accept_failed', listener, code: error.code },
      'a client could not be accepted',
    );
  });
}

/** `host:port`, with brackets around an IPv6 address. */
export function formatAddress(host: string, port: number): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** Who is at the other end; null when the client has left already and nobody can say. */
export function originOf(
  socket: Socket,
  listener: string,
  transport: PeerInfo['transport'],
  tls: PeerTls | null,
): Omit<PeerInfo, 'cid'> | null {
  const { remoteAddress, remotePort, localAddress, localPort } = socket;
  if (remoteAddress === undefined || remotePort === undefined) return null;
  return {
    listener,
    transport,
    remoteAddress: plainAddress(remoteAddress),
    remotePort,
    localAddress: plainAddress(localAddress ?? ''),
    localPort: localPort ?? 0,
    tls,
  };
}

/** An IPv4 client of a dual-stack socket is shown as IPv4. */
function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice('::ffff:'.length) : address;
}
