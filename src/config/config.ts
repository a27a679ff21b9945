/**
 * The configuration as the program uses it: complete, checked, frozen. Times in milliseconds and sizes in bytes
 * unless the name says otherwise. Knows nothing of files, environment or flags.
 */
import type { Permissions } from '../auth/permissions.ts';
import type { MethodConfig } from './authentication/methods.ts';
import type { HttpConfig } from './http.ts';

/** How NATS names become MQTT names. */
export type MappingProfile = 'escape' | 'emqx' | 'nats-server';

/** Options that only WebSocket listeners have. */
export interface WebSocketConfig {
  /** Offer permessage-deflate, without context takeover on either side. */
  readonly compression: boolean;
  /** The only path served, or null for any. */
  readonly path: string | null;
  /** Origins a browser may come from; empty = any. Requests without an Origin header always pass. */
  readonly allowedOrigins: 'same_origin' | readonly string[];
  /** Addresses and networks whose `X-Forwarded-For` counts. */
  readonly trustedProxies: readonly string[];
}

/** A certificate with its key, and whom to trust. */
export interface TlsConfig {
  /** Where it stands in the configuration, such as `listeners[0].tls`. */
  readonly path: string;
  readonly certFile: string | null;
  readonly keyFile: string | null;
  readonly keyPassphrase: string | null;
  /** Null: the authorities that Node.js trusts. */
  readonly caFile: string | null;
  readonly minVersion: '1.2' | '1.3';
  /** As OpenSSL spells them; null: those of Node.js. */
  readonly ciphers: string | null;
}

/** TLS towards clients. */
export interface ListenerTlsConfig extends TlsConfig {
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

/** TLS towards the broker. */
export interface UpstreamTlsConfig extends TlsConfig {
  /** The certificate of the broker is checked. */
  readonly verify: boolean;
  /** Name expected in it; null: the host of the URL. */
  readonly serverName: string | null;
  readonly alpn: readonly string[];
}

/** One address that NATS clients connect to. */
export interface ListenerConfig {
  readonly name: string;
  readonly type: 'tcp' | 'tls' | 'ws' | 'wss';
  /** The setting to change when this address is taken, such as `listeners[0].bind`. */
  readonly bindKey: string;
  /** Address without brackets; `0.0.0.0` and `::` mean every interface. */
  readonly host: string;
  /** 0 = any free port. */
  readonly port: number;
  /** 0 = only the gateway-wide limit applies. */
  readonly maxConnections: number;
  /** Connections per second; 0 = any number. */
  readonly maxConnectionRate: number;
  /** Per second and client; 0 = any. */
  readonly maxMessageRate: number;
  readonly maxByteRate: number;
  /** Such as `allow 10.0.0.0/8`; the first that matches counts. */
  readonly accessRules: readonly string[];
  /** Load balancers that say who the client is; null: clients connect themselves. */
  readonly proxyProtocol: { readonly from: readonly string[]; readonly timeoutMs: number } | null;
  /** Template that replaces the gateway-wide one, or null. */
  readonly mountpoint: string | null;
  /** False: clients of this listener need no credentials. */
  readonly isAuthenticated: boolean;
  readonly websocket: WebSocketConfig;
  /** Null: no TLS. */
  readonly tls: ListenerTlsConfig | null;
}

/** Templates of the MQTT CONNECT identity of a client. */
export interface ClientInfoConfig {
  readonly clientId: string;
  readonly username: string;
  readonly password: string;
}

/** How names cross. */
export interface MappingConfig {
  readonly profile: MappingProfile;
  readonly escapeDollar: boolean;
  /** Reserved first tokens that are opened nevertheless, for instance `$SYS`. */
  readonly allowDollar: readonly string[];
  /** Whether retained messages reach new subscriptions. */
  readonly retained: 'deliver' | 'suppress';
  /** Most levels a topic may have. */
  readonly maxLevels: number;
  readonly maxTopicBytes: number;
}

/** How publications to matching subjects are sent; null leaves the default. The first matching rule wins. */
export interface RuleConfig {
  /** May have the wildcards `*` and `>`. */
  readonly subject: string;
  readonly qos: 0 | 1 | null;
  readonly retain: boolean | null;
  readonly messageExpirySeconds: number | null;
}

/** The MQTT broker and how it is used. */
export interface UpstreamConfig {
  /** `embedded:`, or an MQTT URL without credentials. */
  readonly url: string;
  readonly isEmbedded: boolean;
  /** Address of the broker behind `embedded:`. */
  readonly embeddedHost: string;
  readonly embeddedPort: number;
  /** The gateway's own account, for the probe and for pooled sessions; null = anonymous. */
  readonly username: string | null;
  readonly password: string | null;
  readonly mode: 'per_client' | 'pooled';
  /** Most session pairs in `pooled` mode. */
  readonly poolSize: number;
  readonly sessions: 'auto' | 'separate' | 'single';
  readonly protocolVersion: 4 | 5;
  readonly keepaliveMs: number;
  readonly connectTimeoutMs: number;
  readonly ackTimeoutMs: number;
  readonly outageGraceMs: number;
  /** Most QoS 1 publications in flight per MQTT session. */
  readonly maxInflight: number;
  /** Publications go past MQTT.js, not through it. */
  readonly isFastPath: boolean;
  readonly probe: boolean;
  readonly authRequired: 'auto' | boolean;
  /** Null for URLs without TLS. */
  readonly tls: UpstreamTlsConfig | null;
}

/** What is logged and how. */
export interface LogConfig {
  readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal';
  readonly format: 'auto' | 'json' | 'pretty';
  /** Null: standard output. */
  readonly file: string | null;
}

/** Everything that can be set. */
export interface Config {
  readonly serverName: string;
  /** Processes that the program serves clients with. `createGateway` is always one of them. */
  readonly workers: number;
  /** Template of the topic prefix of every client; empty, or ends in `/`. */
  readonly mountpoint: string;
  readonly maxPayloadBytes: number;
  readonly maxControlLineBytes: number;
  readonly maxConnections: number;
  /** Per client; 0 = unlimited. */
  readonly maxSubscriptions: number;
  readonly maxPendingBytes: number;
  readonly maxTotalPendingBytes: number;
  readonly maxTotalInputBytes: number;
  readonly writeDeadlineMs: number;
  readonly authTimeoutMs: number;
  /** Longest pause before credentials of an address with failures are looked at; 0: none. */
  readonly authFailureDelayMs: number;
  readonly pingIntervalMs: number;
  readonly pingTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly shutdownTimeoutMs: number;
  /** Before the first client is closed. */
  readonly lameDuckGraceMs: number;
  /** Until the last client is closed, the grace included. */
  readonly lameDuckDurationMs: number;
  readonly listeners: readonly ListenerConfig[];
  /** Methods in order; empty: the broker decides. */
  readonly authentication: readonly MethodConfig[];
  /** User of `built_in` that clients are which show nothing, or null. */
  readonly noAuthUser: string | null;
  /** Of clients that bring none; null: everything is allowed. */
  readonly defaultPermissions: Permissions | null;
  readonly clientInfo: ClientInfoConfig;
  readonly mapping: MappingConfig;
  readonly rules: readonly RuleConfig[];
  /** Whether clients may set MQTT fields through `Mqtt-…` headers. */
  readonly controlHeaders: boolean;
  readonly upstream: UpstreamConfig;
  /** Messages and bytes are counted per client. */
  readonly countsClients: boolean;
  readonly http: HttpConfig;
  readonly log: LogConfig;
}
