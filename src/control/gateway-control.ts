/**
 * What an operator may see of a running gateway and tell it to do: one interface, implemented by a gateway of one
 * process and by the primary of many. Types only. Answers are plain data and bounded in time; none of the methods rejects
 * but where it says so.
 */
import type { Config } from '../config/config.ts';
import type { GatewayView } from '../metrics/gateway-view.ts';
import type { UpstreamUsage } from '../metrics/upstream-usage.ts';
import type { ClientPage, ClientQuery, SubscriptionPage, SubscriptionQuery } from './client-view.ts';
import type { TapHandle, TapMessage, TapRequest } from './tap.ts';

/** See the head of this file. */
export interface GatewayControl extends GatewayView {
  /** What does not change while it runs. */
  readonly identity: GatewayIdentity;
  /** The configuration in force. */
  readonly config: Config;
  /** Whether clients would be served now; `reasons` say why not. */
  readiness(): Promise<Readiness>;
  clients(query: ClientQuery): Promise<ClientPage>;
  subscriptions(query: SubscriptionQuery): Promise<SubscriptionPage>;
  /** Ends connections: one by its id, or all of a user. @returns how many there were */
  kick(who: { readonly cid: number } | { readonly user: string }): Promise<number>;
  listeners(): Promise<readonly ListenerView[]>;
  upstream(): Promise<readonly UpstreamView[]>;
  certificates(): Promise<readonly CertificateView[]>;
  /**
   * Shows messages as they cross, until the time is over, the handle is closed, or the gateway stops.
   * @throws {GatewayError} `GW_LIMIT` when there are too many taps already, `GW_INVALID_SUBJECT` for a subject that is none
   */
  tap(request: TapRequest, onMessage: (message: TapMessage) => void): Promise<TapHandle>;
  /**
   * Takes over all that can be changed while it runs.
   * @returns which settings (dotted paths) were taken over, and which wait for a restart
   * @throws {GatewayError} `GW_CONFIG`; nothing has changed then
   */
  reload(config: Config): Promise<ReloadResult>;
  /** As nats-server does on SIGUSR2: tells clients, then ends them one by one. Resolves when it has begun. */
  beginLameDuck(): Promise<void>;
}

/** What does not change while a gateway runs. */
export interface GatewayIdentity {
  readonly serverId: string;
  readonly serverName: string;
  /** Of this program. */
  readonly version: string;
  /** What INFO says, for clients that look at it. */
  readonly natsVersion: string;
  readonly startMs: number;
}

/** Whether clients would be served now. */
export interface Readiness {
  readonly isReady: boolean;
  /** Empty when it is; else sentences such as `the broker cannot be reached`. */
  readonly reasons: readonly string[];
  readonly isLameDuck: boolean;
}

/** A place where clients connect. */
export interface ListenerView {
  readonly name: string;
  readonly type: 'tcp' | 'tls' | 'ws' | 'wss';
  readonly host: string;
  readonly port: number;
  readonly state: 'listening' | 'closed';
  readonly connections: number;
  /** 0: only the limit of the gateway counts. */
  readonly maxConnections: number;
  /** Connections since the start, refused ones not among them. */
  readonly accepted: number;
  /** Refused connections by reason. */
  readonly rejected: Readonly<Record<string, number>>;
  readonly isAuthenticated: boolean;
  readonly mountpoint: string;
}

/** The way of one process to the broker. */
export interface UpstreamView {
  readonly worker: number;
  /** Without credentials and query. */
  readonly url: string;
  readonly mode: 'per_client' | 'pooled';
  /** `unknown`: nobody has needed the broker yet. */
  readonly state: 'up' | 'down' | 'unknown';
  /** Of `state`, in milliseconds since 1970. */
  readonly sinceMs: number;
  /** Why it is down; empty when it is not. */
  readonly lastError: string;
  readonly usage: UpstreamUsage;
  /** What the broker can do and what follows for clients, as the capability report says; null: not known yet. */
  readonly capabilities: Readonly<Record<string, unknown>> | null;
}

/** A certificate of our own. */
export interface CertificateView {
  /** Where it stands in the configuration, such as `listeners[0].tls`. */
  readonly path: string;
  readonly file: string;
  readonly subject: string;
  readonly issuer: string;
  readonly notAfterMs: number;
}

/** What a reload has come to. Dotted paths of settings. */
export interface ReloadResult {
  readonly changed: readonly string[];
  readonly needsRestart: readonly string[];
}

/** Brings what the configuration file and the environment say now into the running gateway; one reload at a time. */
export interface ConfigReloads {
  readonly history: ReloadHistory;
  /**
   * Reads the configuration again and hands it to the gateway; both outcomes are logged and counted.
   * @throws {GatewayError} `GW_CONFIG`; nothing has changed then
   */
  reload(): Promise<ReloadResult>;
}

/** Reloads since the start. */
export interface ReloadHistory {
  readonly succeeded: number;
  readonly failed: number;
  /** Null before the first one. */
  readonly last: {
    readonly atMs: number;
    readonly isSuccess: boolean;
    /** Empty after a success. */
    readonly reason: string;
  } | null;
}
