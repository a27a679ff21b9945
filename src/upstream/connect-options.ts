/**
 * Turns an upstream URL and an identity into a socket and MQTT.js options. The stream is built by us, so that
 * Nagle is off from the first byte and no credential can hide in a URL.
 */
import net from 'node:net';
import type { Duplex } from 'node:stream';
import tls from 'node:tls';
import type { IClientOptions } from 'mqtt';
import { createWebSocketStream, WebSocket } from 'ws';
import type { UpstreamIdentity } from '../session/ports.ts';
import type { TlsCredentials } from '../tls/credentials.ts';

/** TLS towards the broker. */
export interface BrokerTls {
  readonly credentials: TlsCredentials;
  /** The certificate of the broker is checked. */
  readonly verify: boolean;
  /** Name expected in it; null: the host of the URL. */
  readonly serverName: string | null;
  /** Protocols to offer. */
  readonly alpn: readonly string[];
}

/** What every MQTT session to this broker has in common. Times in milliseconds. */
export interface BrokerOptions {
  /** `mqtt://`, `mqtts://`, `ws://`, `wss://`, `mqtt+unix://`; without credentials. */
  readonly url: string;
  readonly protocolVersion: 4 | 5;
  readonly keepaliveMs: number;
  readonly connectTimeoutMs: number;
  readonly ackTimeoutMs: number;
  /** Most QoS 1 publications in flight per session; the broker's Receive Maximum may lower it. */
  readonly maxInflight: number;
  /** Publications go past MQTT.js, not through it. */
  readonly isFastPath: boolean;
  /** Null for URLs without TLS. */
  readonly tls: BrokerTls | null;
}

/** Place in the broker's Receive Maximum that is kept free for the barrier. */
export const MARKERS_IN_FLIGHT = 1;

/** Most MQTT sessions of a pair that queue groups have for themselves, where the broker makes that necessary. */
export const GROUP_SESSIONS_PER_PAIR = 8;

/** How many QoS 1 deliveries a broker may have in flight towards us. */
const RECEIVE_MAXIMUM = 1000;

const DEFAULT_PORTS: Record<string, number> = {
  'mqtt:': 1883,
  'tcp:': 1883,
  'mqtts:': 8883,
  'ssl:': 8883,
  'tls:': 8883,
};

/** Opens the byte stream to the broker; errors and close come as stream events. */
export function openStream(broker: BrokerOptions): Duplex {
  const url = new URL(broker.url);
  const port = Number(url.port) || DEFAULT_PORTS[url.protocol] || 1883;
  const host = url.hostname.replace(/^\[|\]$/g, '');
  switch (url.protocol) {
    case 'ws:':
    case 'wss:':
      return openWebSocket(broker, host);
    case 'mqtts:':
    case 'ssl:':
    case 'tls:': {
      const socket = tls.connect({ host, port, ...tlsOptions(broker.tls, host) });
      socket.setNoDelay(true);
      return socket;
    }
    case 'mqtt+unix:':
    case 'unix:':
      return net.connect({ path: decodeURIComponent(url.pathname) });
    default:
      return net.connect({ host, port, noDelay: true });
  }
}

function openWebSocket(broker: BrokerOptions, host: string): Duplex {
  const isTls = broker.tls !== null;
  const socket = new WebSocket(broker.url, broker.protocolVersion === 5 ? ['mqtt'] : ['mqtt', 'mqttv3.1'], {
    handshakeTimeout: broker.connectTimeoutMs,
    perMessageDeflate: false,
    ...(isTls && tlsOptions(broker.tls, host)),
  });
  return createWebSocketStream(socket);
}

/** Asked for each connection, so that new ones use renewed files. */
function tlsOptions(broker: BrokerTls | null, host: string): tls.ConnectionOptions {
  const servername = broker?.serverName ?? (net.isIP(host) === 0 ? host : undefined);
  return {
    ...(servername !== undefined && { servername }),
    ...(broker !== null && { secureContext: broker.credentials.context, rejectUnauthorized: broker.verify }),
    ...(broker !== null && broker.alpn.length > 0 && { ALPNProtocols: [...broker.alpn] }),
  };
}

/**
 * MQTT.js options for one session attempt. The library only encodes, decodes and keeps QoS state: reconnecting,
 * resubscribing and queueing are ours, so all of them are off.
 */
export function mqttOptions(broker: BrokerOptions, identity: UpstreamIdentity): IClientOptions {
  // MQTT.js destroys its stream without an error when a password comes without a user name.
  const username = identity.username ?? (identity.password === undefined ? undefined : '');
  return {
    clientId: identity.clientId,
    ...(username !== undefined && { username }),
    ...(identity.password !== undefined && { password: identity.password }),
    protocolVersion: broker.protocolVersion,
    protocolId: 'MQTT',
    keepalive: Math.max(1, Math.round(broker.keepaliveMs / 1000)),
    connectTimeout: broker.connectTimeoutMs,
    clean: true,
    reconnectPeriod: 0,
    resubscribe: false,
    queueQoSZero: false,
    manualConnect: true,
    // Disabled debug() calls still cost a tenth of a publish.
    log: () => {},
    ...(broker.protocolVersion === 5 && {
      properties: { sessionExpiryInterval: 0, receiveMaximum: RECEIVE_MAXIMUM },
    }),
  };
}
