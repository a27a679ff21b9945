/** What the parts of one client's session share. State only; what is done with it stands in the handlers. */
import type { Identity } from '../auth/authenticator.ts';
import type { FailureDelay } from '../auth/failure-delay.ts';
import type { PermissionChecks } from '../auth/permission-check.ts';
import type { Counters } from '../metrics/counters.ts';
import type { ListenerCounters } from '../metrics/listener-counters.ts';
import type { SubscriptionGauge } from '../metrics/subscription-gauge.ts';
import { DEFAULT_CONNECT_OPTIONS } from '../nats/connect-options.ts';
import type { MessageWriter } from '../nats/message-writer.ts';
import type { ConnectOptions } from '../nats/operations.ts';
import type { WireHeaders } from '../translation/wire-headers.ts';
import type { Clock } from '../util/clock.ts';
import type { Logger, RepeatLimiter } from '../util/logger.ts';
import type { ClientInfoTemplates } from './client-info.ts';
import type { ClientPermissions } from './client-permissions.ts';
import type { KeepaliveOptions } from './keepalive.ts';
import type { NameSpace } from './name-space.ts';
import type { NameSpaces } from './name-spaces.ts';
import { OwnMessages } from './own-messages.ts';
import type { ClientPort, Upstream, UpstreamPort } from './ports.ts';
import { ReplyQueue } from './reply-queue.ts';
import { SubscriptionList } from './subscriptions.ts';
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
  /** One for all, because it is about messages that many of them get. */
  readonly messageWriter: MessageWriter;
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

/**
 * One client's session as its handlers see it. A class, because objects made by a spread each get a hidden class of their
 * own: more memory than most of a session, and no property access in the path of a message would be fast.
 */
export class SessionContext implements SessionServices {
  readonly options: SessionOptions;
  readonly upstream: Upstream;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limitedLog: RepeatLimiter;
  readonly counters: Counters;
  readonly taps: TapHub;
  readonly subscriptionGauge: SubscriptionGauge;
  readonly failureDelay: FailureDelay;
  readonly permissionChecks: PermissionChecks;
  readonly live: Set<LiveSession>;
  readonly wireHeaders: WireHeaders;
  readonly messageWriter: MessageWriter;
  readonly client: ClientPort;
  readonly replies: ReplyQueue;
  readonly subscriptions: SubscriptionList;
  readonly stats: SessionStats = { inMessages: 0, outMessages: 0, inBytes: 0, outBytes: 0 };
  /** Of the client's listener. */
  readonly traffic: ListenerCounters;
  readonly own: OwnMessages;
  /** Retries a held operation, if there is one. */
  readonly wake: () => void;
  /** Set from CONNECT on. */
  connect: ConnectOptions = DEFAULT_CONNECT_OPTIONS;
  /** Set once the mountpoint is known. */
  names: NameSpace;
  /** Set when the session with the broker is asked for. */
  upstreamPort: UpstreamPort | null = null;
  /** Of the client's own MQTT session; empty where there is none. */
  mqttClientId = '';
  /** SUBs and UNSUBs that the broker has not confirmed: PUBs wait for them. */
  unconfirmedChanges = 0;
  /** Who the client is; null where the gateway does not ask. Set before `names`, and never changed by a second CONNECT. */
  identity: Identity | null = null;
  /** Null: the client may do everything. */
  permissions: ClientPermissions | null = null;

  /** @param names until the mountpoint is known */
  constructor(services: SessionServices, client: ClientPort, names: NameSpace, wake: () => void) {
    this.options = services.options;
    this.upstream = services.upstream;
    this.clock = services.clock;
    this.logger = services.logger;
    this.limitedLog = services.limitedLog;
    this.counters = services.counters;
    this.taps = services.taps;
    this.subscriptionGauge = services.subscriptionGauge;
    this.failureDelay = services.failureDelay;
    this.permissionChecks = services.permissionChecks;
    this.live = services.live;
    this.wireHeaders = services.wireHeaders;
    this.messageWriter = services.messageWriter;
    this.client = client;
    this.names = names;
    this.wake = wake;
    this.replies = new ReplyQueue(wake);
    this.subscriptions = new SubscriptionList(services.subscriptionGauge);
    this.traffic = services.counters.ofListener(client.peer.listener);
    this.own = new OwnMessages(this);
  }
}
