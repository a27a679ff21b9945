/**
 * What all listeners have in common. Must not know about NATS or sessions.
 */
import type { Socket } from 'node:net';
import type { PeerInfo, PeerTls } from '../session/ports.ts';
import type { Gatekeeper } from './gatekeeper.ts';
import type { PaceLimits } from './input-pace.ts';
import type { ListeningSocket } from './listening-socket.ts';
import { plainAddress } from './networks.ts';
import type { ProxyGate } from './proxy-gate.ts';
import type { ProxiedClient } from './proxy-header.ts';
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
  /**
   * Clients can connect, and wait until {@link Listener.begin}.
   * @throws {GatewayError} `GW_LISTEN` with `listener`, `address` and the system's `code` in its context
   */
  open(): Promise<void>;
  /** Serves clients. */
  begin(): void;
  /** Takes over the socket of the listener that was at this address before, in place of `open` and `begin`. */
  follow(former: Listener): void;
  /** Gives its socket away; connections that were accepted stay. @returns null when it does not listen */
  release(): ListeningSocket | null;
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
  /** How fast each client may publish; undefined: as fast as it can. */
  readonly pace?: PaceLimits | undefined;
  /** Undefined: no TLS. */
  readonly tls?: TlsHandshakes | undefined;
  /** Undefined: everybody may connect. */
  readonly gatekeeper?: Gatekeeper | undefined;
  /** Undefined: clients connect themselves, and not through a proxy that says who they are. */
  readonly proxyGate?: ProxyGate | undefined;
}

/** Idle time after which the kernel asks whether a silent peer still exists. */
export const TCP_KEEPALIVE_MS = 60_000;

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
  client: ProxiedClient | null = null,
): Omit<PeerInfo, 'cid'> | null {
  const { remoteAddress, remotePort, localAddress, localPort } = socket;
  if (remoteAddress === undefined || remotePort === undefined) return null;
  return {
    listener,
    transport,
    remoteAddress: client?.address ?? plainAddress(remoteAddress),
    remotePort: client?.port ?? remotePort,
    localAddress: plainAddress(localAddress ?? ''),
    localPort: localPort ?? 0,
    tls,
  };
}
