/** What the parts of one client's session share. State only; what is done with it stands in the handlers. */
import type { Identity } from '../auth/authenticator.ts';
import type { FailureDelay } from '../auth/failure-delay.ts';
import type { PermissionChecks } from '../auth/permission-check.ts';
import type { Counters } from '../metrics/counters.ts';
import type { ListenerCounters } from '../metrics/listener-counters.ts';
import type { SubscriptionGauge } from '../metrics/subscription-gauge.ts';
import type { ConnectOptions } from '../nats/operations.ts';
import type { WireHeaders } from '../translation/wire-headers.ts';
import type { Clock } from '../util/clock.ts';
import type { Logger, RepeatLimiter } from '../util/logger.ts';
import type { ClientInfoTemplates } from './client-info.ts';
import type { ClientPermissions } from './client-permissions.ts';
import type { KeepaliveOptions } from './keepalive.ts';
import type { NameSpace } from './name-space.ts';
import type { NameSpaces } from './name-spaces.ts';
import type { OwnMessages } from './own-messages.ts';
import type { ClientPort, Upstream, UpstreamPort } from './ports.ts';
import type { ReplyQueue } from './reply-queue.ts';
import type { SubscriptionList } from './subscriptions.ts';
import type { TapHub } from './tap-hub.ts';

/**
 * Limits and behaviour of sessions, looked up when they are needed: a reload changes them in place. Times in
 * milliseconds, sizes in bytes.
 */
export interface SessionOptions {
  readonly serverId: string;
  readonly serverName: string;
  readonly maxPayloadBytes: number;
  readonly maxSubscriptions: number;
  readonly authTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly keepalive: KeepaliveOptions;
  readonly clientInfo: ClientInfoTemplates;
  readonly controlHeaders: boolean;
  /** False: traffic is not counted per client. */
  readonly countsPerClient: boolean;
  /** Clients are to go elsewhere; INFO says so. */
  readonly isLameDuck: boolean;
}

/** What all sessions share. */
export interface SessionServices {
  readonly options: SessionOptions;
  readonly upstream: Upstream;
  readonly clock: Clock;
  readonly logger: Logger;
  /** For lines that one bad peer could repeat without end. */
  readonly limitedLog: RepeatLimiter;
  readonly counters: Counters;
  /** Who is looking at messages. */
  readonly taps: TapHub;
  /** Subscriptions of all clients. */
  readonly subscriptionGauge: SubscriptionGauge;
  readonly failureDelay: FailureDelay;
  readonly permissionChecks: PermissionChecks;
  /** Sessions of clients that are connected. */
  readonly live: Set<LiveSession>;
  /** Between header blocks and user properties, where they need not become text. */
  readonly wireHeaders: WireHeaders;
}

/** A session as a reload or a lame duck sees it. */
export interface LiveSession {
  /** Of the client. */
  readonly listener: string;
  /** The methods of authentication or the permissions have changed. Never throws. */
  reauthorize(): Promise<void>;
  /** The names of its listener are others now; a client that would have to change its own is closed. */
  useSpaces(spaces: NameSpaces): void;
  /** Sends INFO once more, if the client takes it at any time. */
  sendInfo(): void;
}

/** Traffic of one client. */
export interface SessionStats {
  inMessages: number;
  outMessages: number;
  inBytes: number;
  outBytes: number;
}

/** One client's session as its handlers see it. */
export interface SessionContext extends SessionServices {
  readonly client: ClientPort;
  readonly replies: ReplyQueue;
  readonly subscriptions: SubscriptionList;
  readonly stats: SessionStats;
  /** Of the client's listener. */
  readonly traffic: ListenerCounters;
  /** Set from CONNECT on. */
  connect: ConnectOptions;
  /** Set once the mountpoint is known. */
  names: NameSpace;
  /** Set when the session with the broker is asked for. */
  upstreamPort: UpstreamPort | null;
  /** Of the client's own MQTT session; empty where there is none. */
  mqttClientId: string;
  /** SUBs and UNSUBs that the broker has not confirmed: PUBs wait for them. */
  unconfirmedChanges: number;
  readonly own: OwnMessages;
  /** Who the client is; null where the gateway does not ask. Set before `names`, and never changed by a second CONNECT. */
  identity: Identity | null;
  /** Null: the client may do everything. */
  permissions: ClientPermissions | null;
  /** Retries a held operation, if there is one. */
  wake(): void;
}
