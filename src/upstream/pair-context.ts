/** What all session pairs of one upstream share, how one is opened, and what it tells its holder. Types only. */
import type { GatewayError } from '../errors.ts';
import type { Counters } from '../metrics/counters.ts';
import type { UpstreamIdentity } from '../session/ports.ts';
import type { RepeatLimiter } from '../util/logger.ts';
import type { BrokerWatch } from './broker-watch.ts';
import type { ByteAccount } from './byte-account.ts';
import type { ConnectGate } from './connect-gate.ts';
import type { BrokerOptions } from './connect-options.ts';
import type { DenyList } from './deny-list.ts';
import type { OverlapShape } from './filter-index.ts';
import type { LinkFeatures } from './mqtt-link.ts';
import type { QueueGroups } from './queue-groups.ts';
import type { Recovery } from './recovery.ts';
import type { GroupSessions } from './strategy.ts';

/** See the head of the file. */
export interface PairContext {
  readonly broker: BrokerOptions;
  readonly gate: ConnectGate;
  readonly watch: BrokerWatch;
  readonly outageGraceMs: number;
  readonly wantsRetained: boolean;
  /** Thousands of sessions lose the same broker in the same instant. */
  readonly limitedLog: RepeatLimiter;
  readonly counters: Counters;
  readonly groups: QueueGroups;
  readonly recovery: Recovery;
  /** Publications that the broker has not acknowledged. */
  readonly unacked: ByteAccount;
  /** Whether one session can serve both directions without delay; asked once per pair. */
  readonly usesSingleSession: () => boolean;
  /** Whether the broker holds small writes back; null: unknown. */
  readonly delaysSmallWrites: () => boolean | null;
  readonly overlap: () => OverlapShape;
  readonly wildcardsMatchDollar: () => boolean;
  readonly groupSessions: () => GroupSessions;
  /** See {@link import('./strategy.ts').Strategy.separatesQoS}. */
  readonly separatesQoS: () => boolean;
  /** The embedded broker can be asked whether anybody listens; null: the broker tells by itself. */
  readonly hasSubscribers: ((topic: string) => boolean) | null;
  /**
   * @param isBack after an outage
   * @returns the features with what the probe has found, now and later
   */
  readonly onFeatures: (features: LinkFeatures, isBack: boolean) => LinkFeatures;
  /** The broker has said that nobody is subscribed. */
  readonly onUnheard: () => void;
}

/** How one pair is opened. */
export interface PairOptions {
  /**
   * The MQTT identity of a session, asked for each attempt.
   * @param position see `RoleOptions.open`
   */
  readonly identify: (position: number) => UpstreamIdentity;
  /** See `BrokerSessionOptions.isPermanent`. */
  readonly isPermanent: boolean;
  /** What the broker ends sessions over that have this identity. */
  readonly denied: DenyList;
}

/** What a pair tells its holder. */
export interface PairEvents {
  /** Operations are taken: for the first time, or again after an outage. */
  onUp(): void;
  /** `canPublish` was false and may be true now. */
  onRoom(): void;
  /** An attempt to connect has failed while nobody could use the pair. */
  onUnreachable(): void;
  /** The broker has been away for longer than the grace. */
  onGraceOver(): void;
  /** No further attempt makes sense; the pair has closed. */
  onFatal(error: GatewayError): void;
  /** Nothing of the pair is left. */
  onClosed(): void;
}
