/**
 * The gateway's side towards one broker: opens a port for each NATS client and knows what all of them share,
 * such as what the broker can do and who is in which queue group.
 */
import { randomBytes } from 'node:crypto';
import type { Counters } from '../metrics/counters.ts';
import type { Upstream, UpstreamIdentity, UpstreamListener, UpstreamPort } from '../session/ports.ts';
import { systemClock } from '../util/clock.ts';
import { type Logger, RepeatLimiter } from '../util/logger.ts';
import { ByteAccount } from './byte-account.ts';
import type { BrokerOptions } from './connect-options.ts';
import type { LinkEnd, LinkFeatures } from './mqtt-link.ts';
import { type PerClientContext, PerClientPort } from './per-client-upstream.ts';
import { type ProbeReport, probeBroker } from './probe.ts';
import { QueueGroups } from './queue-groups.ts';
import { Recovery, type RecoveryPeers } from './recovery.ts';

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
  readonly service: { readonly username: string; readonly password: string | undefined } | null;
  readonly wantsRetained: boolean;
  /** Known answers instead of a probe, for the embedded broker. */
  readonly knownReport: ProbeReport | null;
  readonly hasSubscribers: ((topic: string) => boolean) | null;
  /** Other processes of the same gateway; left out: there are none. */
  readonly peers?: RecoveryPeers | undefined;
}

/** Room that headers and other properties may need beside the payload. */
const HEADER_ROOM_BYTES = 16 * 1024;
const UNKNOWN: ProbeReport = { requiresCredentials: null, overlap: null, delaysSmallWrites: null };

/** All sessions with one broker. */
export class BrokerUpstream implements Upstream {
  #options: UpstreamOptions;
  #logger: Logger;
  #context: PerClientContext;
  #ports = new Set<PerClientPort>();
  #report: ProbeReport;
  #probing: Promise<void> | null = null;
  #features: LinkFeatures | null = null;
  #isStopped = false;
  #stopProbe = new AbortController();
  #onDrained: (() => void) | null = null;

  constructor(options: UpstreamOptions, logger: Logger, counters: Counters) {
    this.#options = options;
    this.#logger = logger;
    this.#report = options.knownReport ?? UNKNOWN;
    this.#context = {
      broker: options.broker,
      outageGraceMs: options.outageGraceMs,
      wantsRetained: options.wantsRetained,
      limitedLog: new RepeatLimiter(logger, systemClock),
      counters,
      groups: new QueueGroups(counters),
      recovery: new Recovery(options.peers),
      unacked: new ByteAccount(options.maxUnackedBytes),
      usesSingleSession: () => this.#usesSingleSession(),
      delaysSmallWrites: () => this.#report.delaysSmallWrites,
      overlap: () =>
        this.#report.overlap ?? (options.broker.protocolVersion === 5 ? 'identifiers' : 'single'),
      hasSubscribers: options.hasSubscribers,
      onFeatures: (features) => this.#onFeatures(features),
      onClosed: (port) => this.#onPortClosed(port),
    };
  }

  get requiresCredentials(): boolean {
    const { authRequired } = this.#options;
    return authRequired === 'auto' ? this.#report.requiresCredentials === true : authRequired;
  }

  get maxPayloadBytes(): number {
    const limit = this.#features?.maximumPacketBytes ?? Number.POSITIVE_INFINITY;
    return Math.max(1024, limit - HEADER_ROOM_BYTES);
  }

  /** What is known of the broker. */
  get report(): ProbeReport {
    return this.#report;
  }

  /** Number of NATS clients with an open port. */
  get size(): number {
    return this.#ports.size;
  }

  /** Begins to find out what the broker can do; nobody waits for it. */
  start(): void {
    if (!this.#options.probe || this.#options.knownReport !== null || this.#probing !== null) return;
    this.#probing = this.#probe().finally(() => {
      this.#probing = null;
    });
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
    this.#isStopped = true;
    this.#stopProbe.abort();
    for (const port of this.#ports) port.end();
    const isDone = await this.#drained(limitMs);
    for (const port of [...this.#ports]) port.abort();
    await this.#probing;
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

  /** @throws never: a probe that fails leaves everything unknown */
  async #probe(): Promise<void> {
    const { service } = this.#options;
    const identity =
      service === null ? null : { clientId: `nmg-probe-${randomBytes(9).toString('hex')}`, ...service };
    let isAskedAgain: boolean;
    do {
      const hadAnswered = this.#features !== null;
      this.#report = await probeBroker(this.#options.broker, identity, this.#stopProbe.signal, (end) =>
        this.#warnOfProbe(end),
      );
      if (this.#isStopped) return;
      this.#logger.info({ event: 'upstream.probed', ...this.#report }, 'broker probed; null means unknown');
      isAskedAgain = isUnknown(this.#report) && !hadAnswered && this.#features !== null;
    } while (isAskedAgain);
  }

  /** An operator wants to know at once, not when the first client comes. */
  #warnOfProbe(end: LinkEnd): void {
    const message =
      end.kind === 'refused'
        ? 'the broker refuses a session of the gateway itself; see upstream.username, upstream.protocol_version'
        : 'no connection to the broker (upstream.url); tried again with every client';
    this.#logger.warn({ event: 'upstream.probe_failed', end }, message);
  }

  #onPortClosed(port: PerClientPort): void {
    this.#ports.delete(port);
    if (this.#ports.size === 0) this.#onDrained?.();
  }

  #usesSingleSession(): boolean {
    const { sessions } = this.#options;
    return sessions === 'single' || (sessions === 'auto' && this.#report.delaysSmallWrites === false);
  }

  #onFeatures(features: LinkFeatures): void {
    const isFirst = this.#features === null;
    this.#features = features;
    if (!isFirst) return;
    this.#announce(features);
    // It was not there when the gateway started.
    if (isUnknown(this.#report)) this.start();
  }

  #announce(features: LinkFeatures): void {
    this.#logger.info({ event: 'upstream.connected', ...features }, 'broker answers');
    if (features.protocolVersion === 4) {
      this.#logger.warn(
        { event: 'upstream.degraded' },
        'MQTT 3.1.1: no headers, no reply subjects for devices, no 503 without responders, no echo:false',
      );
    }
    if (!features.sharedSubscriptions) {
      this.#logger.warn(
        { event: 'upstream.no_shared_subscriptions' },
        'the broker has no shared subscriptions: queue groups are formed within this process only',
      );
    }
  }
}

function isUnknown(report: ProbeReport): boolean {
  return Object.values(report).every((answer) => answer === null);
}
