/**
 * Clients as an operator sees them. Types of plain data only: workers send them to their primary, and the admin API
 * to the browser. Times in milliseconds since 1970, durations in milliseconds, sizes in bytes.
 */
import type { CloseReason } from '../close-reason.ts';

/** How far a client has come; see `session/session.ts`. `closed`: it is gone, and remembered. */
export type ClientState = 'greeted' | 'authenticating' | 'connecting' | 'ready' | 'closed';

/** One client, connected or remembered. */
export interface ClientView {
  readonly cid: number;
  /** The process that serves it: 0 where there is only one, else 1 … n. */
  readonly worker: number;
  readonly state: ClientState;
  readonly listener: string;
  readonly transport: 'tcp' | 'ws';
  /** What the client is reached at: behind a trusted proxy that of the client, not of the proxy. */
  readonly address: string;
  readonly port: number;
  readonly startMs: number;
  /** When it last sent something or was sent a message. */
  readonly lastActivityMs: number;
  /** Null while it is connected. */
  readonly stopMs: number | null;
  readonly reason: CloseReason | null;
  /** Time from a PING to its PONG; null before the first one. */
  readonly rttMs: number | null;
  readonly pendingBytes: number;
  /** From the client. 0 everywhere with `enable_stats: false`. */
  readonly inMessages: number;
  /** To the client. */
  readonly outMessages: number;
  readonly inBytes: number;
  readonly outBytes: number;
  readonly subscriptions: number;
  /** As CONNECT says; empty when it says nothing. */
  readonly name: string;
  readonly lang: string;
  readonly version: string;
  /** Who it is: the name that authentication found, else the user of CONNECT; empty when it is nobody. */
  readonly user: string;
  /** The method that accepted it; empty where the gateway does not ask. */
  readonly method: string;
  /** Public key of the account (`nats_jwt`), else empty. */
  readonly account: string;
  /** Null without TLS. */
  readonly tls: { readonly version: string; readonly cipher: string; readonly subject: string | null } | null;
  /** Client id of its own MQTT session; empty before there is one, and in `pooled` mode. */
  readonly mqttClientId: string;
  readonly mountpoint: string;
  /** When its credentials end; null: never. */
  readonly expiresMs: number | null;
}

/** One subscription of a client. */
export interface SubscriptionView {
  readonly cid: number;
  readonly subject: string;
  /** Empty: no queue group. */
  readonly queue: string;
  readonly sid: string;
  /** Delivered so far. */
  readonly messages: number;
  /** It ends after so many; 0: never. */
  readonly max: number;
}

/** A client together with what it listens to. */
export interface ClientDetail extends ClientView {
  readonly subscriptionList: readonly SubscriptionView[];
  /** What it may do, as nats-server writes it; null: everything. */
  readonly permissions: PermissionsView | null;
}

/** What a client may do. Empty `allow`: everything that is not denied. */
export interface PermissionsView {
  readonly publish: { readonly allow: readonly string[]; readonly deny: readonly string[] };
  readonly subscribe: { readonly allow: readonly string[]; readonly deny: readonly string[] };
}

/** What clients can be ordered by; the names are those of nats-server's `/connz`. */
export const CLIENT_SORTS = [
  'cid',
  'start',
  'subs',
  'pending',
  'msgs_to',
  'msgs_from',
  'bytes_to',
  'bytes_from',
  'last',
  'idle',
  'uptime',
  'stop',
  'reason',
  'rtt',
] as const;

/** See {@link CLIENT_SORTS}. */
export type ClientSort = (typeof CLIENT_SORTS)[number];

/** Which clients are asked for; what is left out does not restrict. */
export interface ClientQuery {
  readonly state: 'open' | 'closed' | 'any';
  readonly cid?: number;
  /** Exactly. */
  readonly user?: string;
  readonly account?: string;
  readonly listener?: string;
  /** Part of name, user, address or MQTT client id, in any letter case. */
  readonly search?: string;
  /** Subscribed to exactly this subject, or with a wildcard that matches it. */
  readonly subject?: string;
  /** `cid`, `start`, and `reason` begin with the smallest, all others with the largest, as in nats-server. */
  readonly sort: ClientSort;
  /** Turns the order of `sort` round. */
  readonly isReversed?: boolean;
  readonly offset: number;
  readonly limit: number;
  /** Fill `subscriptionList` (and `permissions`); else they are empty. */
  readonly withDetails: boolean;
}

/** One page of the clients asked for. */
export interface ClientPage {
  /** How many there are in all. */
  readonly total: number;
  readonly clients: readonly ClientDetail[];
}

/** Which subscriptions are asked for. */
export interface SubscriptionQuery {
  /** Only those that a message to this literal subject would reach. */
  readonly subject?: string;
  readonly offset: number;
  readonly limit: number;
}

/** One page of the subscriptions asked for. */
export interface SubscriptionPage {
  readonly total: number;
  readonly subscriptions: readonly SubscriptionView[];
}
