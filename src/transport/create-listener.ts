/** Makes the listener that a configuration describes. Must not know about NATS or sessions. */
import type { Counters } from '../metrics/counters.ts';
import type { CredentialStore } from '../tls/credential-store.ts';
import type { TlsSettings } from '../tls/material.ts';
import { systemClock } from '../util/clock.ts';
import { type Logger, RepeatLimiter } from '../util/logger.ts';
import type { Acceptor } from './acceptor.ts';
import { Gatekeeper } from './gatekeeper.ts';
import type { PaceLimits } from './input-pace.ts';
import type { Listener } from './listener.ts';
import type { ListenerPlan } from './listener-set.ts';
import { ProxyGate } from './proxy-gate.ts';
import { TcpListener } from './tcp-listener.ts';
import { type ListenerTls, TlsHandshakes } from './tls-handshakes.ts';
import { WebSocketListener } from './websocket-listener.ts';

/** A listener as configured. */
export interface ListenerSettings extends ListenerPlan {
  readonly type: 'tcp' | 'tls' | 'ws' | 'wss';
  /** 0: only the limit of the gateway counts. */
  readonly maxConnections: number;
  readonly maxConnectionRate: number;
  readonly maxMessageRate: number;
  readonly maxByteRate: number;
  readonly accessRules: readonly string[];
  readonly proxyProtocol: { readonly from: readonly string[]; readonly timeoutMs: number } | null;
  readonly tls: (TlsSettings & Omit<ListenerTls, 'credentials'>) | null;
  readonly websocket: {
    readonly compression: boolean;
    readonly path: string | null;
    /** Empty: any. */
    readonly allowedOrigins: 'same_origin' | readonly string[];
    readonly trustedProxies: readonly string[];
  };
  /** How long the upgrade to a WebSocket may take, in milliseconds. */
  readonly webSocketHandshakeMs: number;
  /** Longest WebSocket message. */
  readonly maxMessageBytes: number;
}

/** What all listeners of a gateway share. */
export interface ListenerParts {
  readonly acceptor: Acceptor;
  readonly counters: Counters;
  readonly certificates: CredentialStore;
  readonly logger: Logger;
}

/** @throws {GatewayError} `GW_CONFIG` when its certificate cannot be used */
export function createListener(settings: ListenerSettings, parts: ListenerParts): Listener {
  const { name, host, port, maxConnections, type, websocket } = settings;
  const counters = parts.counters.ofListener(name);
  const log = new RepeatLimiter(parts.logger, systemClock);
  const { proxyProtocol } = settings;
  const common = {
    name,
    host,
    port,
    maxConnections: maxConnections === 0 ? undefined : maxConnections,
    pace: paceOf(settings),
    tls: handshakes(settings, parts),
    gatekeeper: new Gatekeeper(
      {
        name,
        accessRules: settings.accessRules,
        trustedProxies: websocket.trustedProxies,
        maxConnectionRate: settings.maxConnectionRate,
      },
      counters,
      log,
      systemClock,
    ),
    proxyGate:
      proxyProtocol === null
        ? undefined
        : new ProxyGate({ name, ...proxyProtocol }, { counters, log, clock: systemClock }),
  };
  if (type === 'tcp' || type === 'tls') return new TcpListener(common, parts.acceptor, parts.logger);
  const { allowedOrigins } = websocket;
  const isAnyOrigin = allowedOrigins !== 'same_origin' && allowedOrigins.length === 0;
  return new WebSocketListener(
    {
      ...common,
      compression: websocket.compression,
      path: websocket.path ?? undefined,
      allowedOrigins: isAnyOrigin ? undefined : allowedOrigins,
      handshakeTimeoutMs: settings.webSocketHandshakeMs,
      maxMessageBytes: settings.maxMessageBytes,
    },
    parts.acceptor,
    parts.logger,
  );
}

function paceOf({ maxMessageRate, maxByteRate }: ListenerSettings): PaceLimits | undefined {
  if (maxMessageRate === 0 && maxByteRate === 0) return undefined;
  return { messages: maxMessageRate, bytes: maxByteRate };
}

function handshakes({ name, tls }: ListenerSettings, parts: ListenerParts): TlsHandshakes | undefined {
  if (tls === null) return undefined;
  const credentials = parts.certificates.open(tls);
  return new TlsHandshakes(name, { ...tls, credentials }, new RepeatLimiter(parts.logger, systemClock));
}
