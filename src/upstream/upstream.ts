/**
 * The gateway's side towards one broker: opens a port for each NATS client and knows what all of them share,
 * such as what the broker can do and who is in which queue group.
 */
import type { Counters } from '../metrics/counters.ts';
import type { Upstream, UpstreamIdentity, UpstreamListener, UpstreamPort } from '../session/ports.ts';
import { type Clock, systemClock } from '../util/clock.ts';
import { type Logger, RepeatLimiter } from '../util/logger.ts';
import { BrokerKnowledge, type KnowledgeOptions } from './broker-knowledge.ts';
import { ByteAccount } from './byte-account.ts';
import type { CapabilityReport } from './capability-report.ts';
import type { BrokerOptions } from './connect-options.ts';
import { type PerClientContext, PerClientPort } from './per-client-upstream.ts';
import type { ServiceAccount } from './probe/probe.ts';
import type { ProbeReport } from './probe/report.ts';
import { QueueGroups } from './queue-groups.ts';
import { Recovery } from './recovery.ts';

/** Settings of the upstream. Times in milliseconds. */
export interface UpstreamOptions {
  readonly broker: BrokerOptions;
  readonly outageGraceMs: number;
  readonly sessions: 'auto' | 'separate' | 'single';
  readonly authRequired: 'auto' | boolean;
  readonly probe: boolean;
  /** Bound of what all clients together have published at QoS 1 without an acknowledgement yet. */
  readonly maxUnackedBytes: number;
  /** The gateway's own account for the probe; null: anonymous only. */
  readonly service: ServiceAccount | null;
  readonly wantsRetained: boolean;
  /** Known answers instead of a probe, for the embedded broker. */
  readonly knownReport: ProbeReport | null;
  /** Clients can reach topics that begin with `$`. */
  readonly usesDollarTopics: boolean;
  readonly hasSubscribers: ((topic: string) => boolean) | null;
}

/** Room that headers and other properties may need beside the payload. */
const HEADER_ROOM_BYTES = 16 * 1024;
/** Least time from one probe to the next. */
const PROBE_GAP_MS = 30_000;

/** All sessions with one broker. */
export class BrokerUpstream implements Upstream {
  #options: UpstreamOptions;
  #knowledge: BrokerKnowledge;
  #context: PerClientContext;
  #ports = new Set<PerClientPort>();
  #onDrained: (() => void) | null = null;

  /** @param clock for the time between probes */
  constructor(options: UpstreamOptions, logger: Logger, counters: Counters, clock: Clock = systemClock) {
    this.#options = options;
    const knowledge = new BrokerKnowledge(this.#knowledgeOptions(), logger, clock);
    this.#knowledge = knowledge;
    this.#context = {
      broker: options.broker,
      outageGraceMs: options.outageGraceMs,
      wantsRetained: options.wantsRetained,
      limitedLog: new RepeatLimiter(logger, systemClock),
      counters,
      groups: new QueueGroups(counters),
      recovery: new Recovery(),
      unacked: new ByteAccount(options.maxUnackedBytes),
      usesSingleSession: () => this.#usesSingleSession(),
      delaysSmallWrites: () => knowledge.report.delaysSmallWrites,
      overlap: () => knowledge.strategy?.overlap ?? 'identifiers',
      wildcardsMatchDollar: () => knowledge.strategy?.wildcardsMatchDollar ?? false,
      subscribesWithQoS1: () => knowledge.strategy?.subscribesWithQoS1 ?? false,
      hasSubscribers: options.hasSubscribers,
      onFeatures: (features, isBack) => knowledge.onConnack(features, isBack),
      onUnheard: () => knowledge.onUnheard(),
      onClosed: (port) => this.#onPortClosed(port),
    };
  }

  get requiresCredentials(): boolean {
    const { authRequired } = this.#options;
    if (authRequired !== 'auto') return authRequired;
    return this.#knowledge.report.requiresCredentials === true;
  }

  get maxPayloadBytes(): number {
    const limit = this.#knowledge.features?.maximumPacketBytes ?? Number.POSITIVE_INFINITY;
    return Math.max(1024, limit - HEADER_ROOM_BYTES);
  }

  /** What is known of the broker. */
  get capabilities(): CapabilityReport {
    return this.#knowledge.capabilities;
  }

  /** Number of NATS clients with an open port. */
  get size(): number {
    return this.#ports.size;
  }

  /** Begins to find out what the broker can do; nobody waits for it. */
  start(): void {
    this.#knowledge.start();
  }

  open(identity: UpstreamIdentity, listener: UpstreamListener): UpstreamPort {
    const port = new PerClientPort(this.#context, identity, listener);
    this.#ports.add(port);
    return port;
  }

  /**
   * Ends all sessions once the broker has acknowledged what they have sent.
   * @param limitMs sessions that take longer are cut
   * @returns whether none had to be cut
   */
  async stop(limitMs: number): Promise<boolean> {
    const isQuiet = this.#knowledge.stop();
    for (const port of this.#ports) port.end();
    const isDone = await this.#drained(limitMs);
    for (const port of [...this.#ports]) port.abort();
    await isQuiet;
    return isDone;
  }

  #drained(limitMs: number): Promise<boolean> {
    if (this.#ports.size === 0) return Promise.resolve(true);
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), limitMs);
      this.#onDrained = () => {
        clearTimeout(timer);
        resolve(true);
      };
    });
  }

  #knowledgeOptions(): KnowledgeOptions {
    const { broker, service, probe, knownReport, usesDollarTopics } = this.#options;
    return {
      broker,
      service,
      isProbing: probe,
      knownReport,
      usesDollarTopics,
      probeGapMs: PROBE_GAP_MS,
      onSettled: () => {
        for (const port of this.#ports) port.onProbed();
      },
    };
  }

  #onPortClosed(port: PerClientPort): void {
    this.#ports.delete(port);
    if (this.#ports.size === 0) this.#onDrained?.();
  }

  #usesSingleSession(): boolean {
    const { sessions } = this.#options;
    return (
      sessions === 'single' || (sessions === 'auto' && this.#knowledge.report.delaysSmallWrites === false)
    );
  }
}
