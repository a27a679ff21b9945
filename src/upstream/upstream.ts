/**
 * The gateway's side towards one broker: opens a port for each NATS client and knows what all of them share,
 * such as what the broker can do and who is in which queue group.
 */
import type { Counters } from '../metrics/counters.ts';
import type { UpstreamUsage } from '../metrics/upstream-usage.ts';
import type { Upstream, UpstreamIdentity, UpstreamListener, UpstreamPort } from '../session/ports.ts';
import { type Clock, systemClock } from '../util/clock.ts';
import { type Logger, RepeatLimiter } from '../util/logger.ts';
import { BrokerKnowledge, type KnowledgeOptions } from './broker-knowledge.ts';
import { BrokerWatch } from './broker-watch.ts';
import { ByteAccount } from './byte-account.ts';
import type { CapabilityReport } from './capability-report.ts';
import { ConnectGate } from './connect-gate.ts';
import type { BrokerOptions } from './connect-options.ts';
import type { LinkFeatures } from './mqtt-link.ts';
import type { PairContext } from './pair-context.ts';
import { PerClientPorts } from './per-client-upstream.ts';
import type { PortSource } from './port-source.ts';
import type { ServiceAccount } from './probe/probe.ts';
import type { ProbeReport } from './probe/report.ts';
import { QueueGroups } from './queue-groups.ts';
import type { BrokerState } from './reachability.ts';
import { Recovery, type RecoveryPeers } from './recovery.ts';
import { SessionPool } from './session-pool.ts';
import type { PoolAccount } from './shared-pair.ts';

/** Settings that may change while it runs. Sessions with the broker that are open keep what they were opened with. */
export interface ChangeableOptions {
  readonly outageGraceMs: number;
  readonly authRequired: 'auto' | boolean;
  /** Bound of what all clients together have published at QoS 1 without an acknowledgement yet. */
  readonly maxUnackedBytes: number;
  /** The gateway's own account, for the probe and for pooled sessions; null: anonymous. */
  readonly service: ServiceAccount | null;
  readonly wantsRetained: boolean;
  /** Clients can reach topics that begin with `$`. */
  readonly usesDollarTopics: boolean;
}

/** What may change of {@link BrokerOptions}. */
export type ChangeableBroker = Pick<
  BrokerOptions,
  'keepaliveMs' | 'connectTimeoutMs' | 'ackTimeoutMs' | 'maxInflight' | 'tls'
>;

/** Settings of the upstream. Times in milliseconds. */
export interface UpstreamOptions extends ChangeableOptions {
  readonly broker: BrokerOptions;
  readonly mode: 'per_client' | 'pooled';
  /** Most session pairs in `pooled` mode. */
  readonly poolSize: number;
  readonly sessions: 'auto' | 'separate' | 'single';
  readonly probe: boolean;
  /** Known answers instead of a probe, for the embedded broker. */
  readonly knownReport: ProbeReport | null;
  readonly hasSubscribers: ((topic: string) => boolean) | null;
  /** Other processes of the same gateway; left out: there are none. */
  readonly peers?: RecoveryPeers | undefined;
}

type Mutable<T> = { -readonly [Name in keyof T]: T[Name] };

/** Room that headers and other properties may need beside the payload. */
const HEADER_ROOM_BYTES = 16 * 1024;
/** A payload may have this much, whatever the broker says. */
const MIN_PAYLOAD_BYTES = 1024;
/** Least time from one probe to the next. */
const PROBE_GAP_MS = 30_000;

/** All sessions with one broker. */
export class BrokerUpstream implements Upstream {
  #options: UpstreamOptions;
  readonly #broker: BrokerOptions;
  /** Of pooled sessions, asked for each attempt to connect. */
  readonly #account: { username: string | undefined; password: string | undefined };
  readonly #context: Mutable<PairContext>;
  #knowledge: BrokerKnowledge;
  #watch: BrokerWatch;
  #source: PortSource;
  /** Asked for every PUB. */
  #maxPayloadBytes = Number.POSITIVE_INFINITY;
  #onDrained: (() => void) | null = null;

  /** @param clock for the time between probes */
  constructor(options: UpstreamOptions, logger: Logger, counters: Counters, clock: Clock = systemClock) {
    this.#options = options;
    const { mode } = options;
    // A copy, which everybody below looks into.
    this.#broker = { ...options.broker };
    this.#account = accountOf(options);
    this.#watch = new BrokerWatch({
      broker: this.#broker,
      service: () => this.#options.service,
      needsService: mode === 'pooled',
    });
    const knowledge = new BrokerKnowledge(this.#knowledgeOptions(), logger, clock);
    this.#knowledge = knowledge;
    const context: Mutable<PairContext> = {
      broker: this.#broker,
      gate: new ConnectGate(),
      watch: this.#watch,
      outageGraceMs: options.outageGraceMs,
      wantsRetained: options.wantsRetained,
      limitedLog: new RepeatLimiter(logger, systemClock),
      counters,
      groups: new QueueGroups(counters),
      recovery: new Recovery(options.peers),
      unacked: new ByteAccount(options.maxUnackedBytes),
      usesSingleSession: () => this.#usesSingleSession(),
      delaysSmallWrites: () => knowledge.delaysSmallWrites,
      overlap: () => knowledge.strategy?.overlap ?? 'identifiers',
      wildcardsMatchDollar: () => knowledge.strategy?.wildcardsMatchDollar ?? false,
      groupSessions: () => knowledge.strategy?.groupSessions ?? 'none',
      separatesQoS: () => knowledge.strategy?.separatesQoS ?? false,
      hasSubscribers: options.hasSubscribers,
      onFeatures: (features, isBack) => this.#onFeatures(features, isBack),
      onUnheard: () => knowledge.onUnheard(),
    };
    this.#context = context;
    const onEmpty = () => this.#onDrained?.();
    this.#source =
      mode === 'pooled'
        ? new SessionPool(context, { size: options.poolSize, account: this.#account, onEmpty })
        : new PerClientPorts(context, onEmpty);
  }

  get requiresCredentials(): boolean {
    const { authRequired, mode } = this.#options;
    if (authRequired !== 'auto') return authRequired;
    // Pooled sessions have the gateway's own account: what a client says of itself is not the broker's business.
    return mode === 'per_client' && this.#knowledge.report.requiresCredentials === true;
  }

  get maxPayloadBytes(): number {
    return this.#maxPayloadBytes;
  }

  /** What is known of the broker. */
  get capabilities(): CapabilityReport {
    return this.#knowledge.capabilities;
  }

  /** Of sessions that are opened from now on. */
  get tls(): BrokerOptions['tls'] {
    return this.#broker.tls;
  }

  get usage(): UpstreamUsage {
    return this.#source.usage;
  }

  /** Whether the broker can be reached, as far as known. */
  get brokerState(): BrokerState {
    return this.#watch.reach.state;
  }

  /** As {@link BrokerUpstream.brokerState}, after asking the broker if nothing is known. Bounded in time. */
  lookAtBroker(): Promise<BrokerState> {
    return this.#watch.look();
  }

  /** Takes other settings over, for sessions that are opened from now on. */
  change(options: ChangeableOptions, broker: ChangeableBroker): void {
    this.#options = { ...this.#options, ...options };
    Object.assign(this.#broker, broker);
    Object.assign(this.#account, accountOf(options));
    this.#context.outageGraceMs = options.outageGraceMs;
    this.#context.wantsRetained = options.wantsRetained;
    this.#context.unacked.limit = options.maxUnackedBytes;
  }

  /** Begins to find out what the broker can do; nobody waits for it. */
  start(): void {
    this.#knowledge.start();
  }

  open(identify: () => UpstreamIdentity, listener: UpstreamListener): UpstreamPort {
    return this.#source.open(identify, listener);
  }

  /**
   * Ends all sessions once the broker has acknowledged what they have sent.
   * @param limitMs sessions that take longer are cut
   * @returns whether none had to be cut
   */
  async stop(limitMs: number): Promise<boolean> {
    const isQuiet = this.#knowledge.stop();
    this.#source.end();
    const isDone = await this.#drained(limitMs);
    this.#source.abort();
    await Promise.all([isQuiet, this.#watch.stop()]);
    return isDone;
  }

  #drained(limitMs: number): Promise<boolean> {
    if (this.#source.isEmpty) return Promise.resolve(true);
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), limitMs);
      this.#onDrained = () => {
        clearTimeout(timer);
        resolve(true);
      };
    });
  }

  #knowledgeOptions(): KnowledgeOptions {
    const { probe, knownReport } = this.#options;
    const upstream = this;
    return {
      broker: this.#broker,
      service: () => this.#options.service,
      isProbing: probe,
      knownReport,
      get usesDollarTopics() {
        return upstream.#options.usesDollarTopics;
      },
      probeGapMs: PROBE_GAP_MS,
      onSettled: () => this.#source.onProbed(),
      onProbeEnded: (end) => this.#watch.judge(end),
    };
  }

  #usesSingleSession(): boolean {
    const { sessions } = this.#options;
    return (
      sessions === 'single' || (sessions === 'auto' && this.#knowledge.report.delaysSmallWrites === false)
    );
  }

  #onFeatures(features: LinkFeatures, isBack: boolean): LinkFeatures {
    this.#maxPayloadBytes = Math.max(MIN_PAYLOAD_BYTES, features.maximumPacketBytes - HEADER_ROOM_BYTES);
    return this.#knowledge.onConnack(features, isBack);
  }
}

function accountOf({ service }: ChangeableOptions): PoolAccount {
  return { username: service?.username, password: service?.password };
}
