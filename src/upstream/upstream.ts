/**
 * The gateway's side towards one broker: opens a port for each NATS client and knows what all of them share,
 * such as what the broker can do and who is in which queue group.
 */

import { randomBytes } from 'node:crypto';
import type { Counters } from '../metrics/counters.ts';
import type { UpstreamUsage } from '../metrics/upstream-usage.ts';
import type { Upstream, UpstreamIdentity, UpstreamListener, UpstreamPort } from '../session/ports.ts';
import { systemClock } from '../util/clock.ts';
import { type Logger, RepeatLimiter } from '../util/logger.ts';
import { ByteAccount } from './byte-account.ts';
import { ConnectGate } from './connect-gate.ts';
import type { BrokerOptions } from './connect-options.ts';
import type { LinkEnd, LinkFeatures } from './mqtt-link.ts';
import type { PairContext } from './pair-context.ts';
import { PerClientPorts } from './per-client-upstream.ts';
import type { PortSource } from './port-source.ts';
import { type ProbeReport, probeBroker } from './probe.ts';
import { QueueGroups } from './queue-groups.ts';
import { Recovery, type RecoveryPeers } from './recovery.ts';
import { SessionPool } from './session-pool.ts';
import type { ServiceAccount } from './shared-pair.ts';

/** Settings of the upstream. Times in milliseconds. */
export interface UpstreamOptions {
  readonly broker: BrokerOptions;
  readonly outageGraceMs: number;
  readonly mode: 'per_client' | 'pooled';
  /** Most session pairs in `pooled` mode. */
  readonly poolSize: number;
  readonly sessions: 'auto' | 'separate' | 'single';
  readonly authRequired: 'auto' | boolean;
  readonly probe: boolean;
  /** Bound of what all clients together have published at QoS 1 without an acknowledgement yet. */
  readonly maxUnackedBytes: number;
  /** The gateway's own account, for the probe and for pooled sessions; null: anonymous. */
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
/** A payload may have this much, whatever the broker says. */
const MIN_PAYLOAD_BYTES = 1024;
const UNKNOWN: ProbeReport = { requiresCredentials: null, overlap: null, delaysSmallWrites: null };

/** All sessions with one broker. */
export class BrokerUpstream implements Upstream {
  #options: UpstreamOptions;
  #logger: Logger;
  #source: PortSource;
  #report: ProbeReport;
  #probing: Promise<void> | null = null;
  #features: LinkFeatures | null = null;
  /** Asked for every PUB. */
  #maxPayloadBytes = Number.POSITIVE_INFINITY;
  #isStopped = false;
  #stopProbe = new AbortController();
  #onDrained: (() => void) | null = null;

  constructor(options: UpstreamOptions, logger: Logger, counters: Counters) {
    this.#options = options;
    this.#logger = logger;
    this.#report = options.knownReport ?? UNKNOWN;
    const context: PairContext = {
      broker: options.broker,
      gate: new ConnectGate(),
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
    };
    const onEmpty = () => this.#onDrained?.();
    this.#source =
      options.mode === 'pooled'
        ? new SessionPool(context, { size: options.poolSize, account: accountOf(options), onEmpty })
        : new PerClientPorts(context, onEmpty);
  }

  get requiresCredentials(): boolean {
    const { authRequired, mode } = this.#options;
    if (authRequired !== 'auto') return authRequired;
    // Pooled sessions have the gateway's own account: what a client says of itself is not the broker's business.
    return mode === 'per_client' && this.#report.requiresCredentials === true;
  }

  get maxPayloadBytes(): number {
    return this.#maxPayloadBytes;
  }

  /** What is known of the broker. */
  get report(): ProbeReport {
    return this.#report;
  }

  get usage(): UpstreamUsage {
    return this.#source.usage;
  }

  /** Begins to find out what the broker can do; nobody waits for it. */
  start(): void {
    if (!this.#options.probe || this.#options.knownReport !== null || this.#probing !== null) return;
    this.#probing = this.#probe().finally(() => {
      this.#probing = null;
    });
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
    this.#isStopped = true;
    this.#stopProbe.abort();
    this.#source.end();
    const isDone = await this.#drained(limitMs);
    this.#source.abort();
    await this.#probing;
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

  #usesSingleSession(): boolean {
    const { sessions } = this.#options;
    return sessions === 'single' || (sessions === 'auto' && this.#report.delaysSmallWrites === false);
  }

  #onFeatures(features: LinkFeatures): void {
    const isFirst = this.#features === null;
    this.#features = features;
    this.#maxPayloadBytes = Math.max(MIN_PAYLOAD_BYTES, features.maximumPacketBytes - HEADER_ROOM_BYTES);
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

function accountOf({ service }: UpstreamOptions): ServiceAccount {
  return service ?? { username: undefined, password: undefined };
}

function isUnknown(report: ProbeReport): boolean {
  return Object.values(report).every((answer) => answer === null);
}
