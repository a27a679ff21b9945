/**
 * All that is known of the broker, from CONNACKs, from the probe and from what comes along; and when to probe again,
 * because it may be another broker by now. Says once what users will miss. Sends nothing but the probe.
 */
import type { Clock, TimerHandle } from '../util/clock.ts';
import type { Logger } from '../util/logger.ts';
import { brokerLimits, type CapabilityReport, capabilityReport } from './capability-report.ts';
import type { BrokerOptions } from './connect-options.ts';
import type { LinkEnd, LinkFeatures } from './mqtt-link.ts';
import { type ProbeResult, probeBroker, type ServiceAccount } from './probe/probe.ts';
import { type ProbeReport, UNKNOWN_REPORT } from './probe/report.ts';
import { decide, type Strategy } from './strategy.ts';

/** What has to be known from the start. */
export interface KnowledgeOptions {
  readonly broker: BrokerOptions;
  /** The gateway's own account, asked for each probe; null: there is none. */
  readonly service: () => ServiceAccount | null;
  readonly isProbing: boolean;
  /** Known answers instead of a probe, for the embedded broker. */
  readonly knownReport: ProbeReport | null;
  /** See `Known.usesDollarTopics`. */
  readonly usesDollarTopics: boolean;
  /** Least time from one probe to the next, but for the first. */
  readonly probeGapMs: number;
  /** The first answers are there, or none are to be had: what has waited for them can go on. */
  readonly onSettled: () => void;
  /** A probe has met the broker, or not. @param end why there was no session, or null */
  readonly onProbeEnded: (end: LinkEnd | null) => void;
}

/** CONNACKs that differ from each other; clusters and user groups may have several. */
const MAX_VARIANTS = 16;

/** See the head of the file. */
export class BrokerKnowledge {
  #options: KnowledgeOptions;
  #logger: Logger;
  #clock: Clock;
  #report: ProbeReport;
  #isProbed: boolean;
  /** A probe has come to its end, with or without a session. */
  #hasAsked = false;
  #features: LinkFeatures | null = null;
  #strategy: Strategy | null = null;
  #variants = new Set<string>();
  /** CONNACK of the session that has given the report. */
  #probedVariant = '';
  #probing: Promise<void> | null = null;
  #isWanted = false;
  #lastProbeAt = Number.NEGATIVE_INFINITY;
  #timer: TimerHandle | undefined;
  #stop = new AbortController();
  #logged = { report: '', failure: '', limitations: new Set<string>() };

  constructor(options: KnowledgeOptions, logger: Logger, clock: Clock) {
    this.#options = options;
    this.#logger = logger;
    this.#clock = clock;
    this.#report = options.knownReport ?? UNKNOWN_REPORT;
    this.#isProbed = options.knownReport !== null;
  }

  get report(): ProbeReport {
    return this.#report;
  }

  /** As the newest CONNACK says; null before the first. */
  get features(): LinkFeatures | null {
    return this.#features;
  }

  /** Null before the first CONNACK. */
  get strategy(): Strategy | null {
    return this.#strategy;
  }

  /**
   * Whether the broker holds small writes back; null: unknown. Most do: until the first answers are there it is taken
   * for granted, because clients that come with a new process would wait 80 ms for their first answer.
   */
  get delaysSmallWrites(): boolean | null {
    const isAsking = !this.#hasAsked && this.#probing !== null;
    return this.#report.delaysSmallWrites ?? (isAsking ? true : null);
  }

  /** The view for operators. */
  get capabilities(): CapabilityReport {
    return capabilityReport({
      protocolVersion: this.#options.broker.protocolVersion,
      features: this.#features,
      strategy: this.#strategy,
      report: this.#report,
      isProbed: this.#isProbed,
      usesDollarTopics: this.#options.usesDollarTopics,
    });
  }

  /** Begins to ask; nobody waits for it. */
  start(): void {
    this.#request(true);
  }

  /** Asks no more; settles when nothing is under way. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.#clock.clearTimeout(this.#timer);
    await this.#probing;
  }

  /**
   * A client's session is up.
   * @param isBack after an outage: it may be another broker
   * @returns what CONNACK says, corrected by what the probe has found or will find
   */
  onConnack(features: LinkFeatures, isBack: boolean): LinkFeatures {
    const isFirst = this.#features === null;
    const isNew = this.#note(features);
    // At the first one the broker may just have come up.
    if (isBack || isNew || (isFirst && !this.#isProbed)) this.#request(isFirst);
    if (isFirst || isNew) this.#announce();
    return this.#corrected(features);
  }

  /** A publication was acknowledged with "no matching subscribers": that settles the question. */
  onUnheard(): void {
    if (this.#report.noMatchingSubscribers === true) return;
    this.#learn({ ...this.#report, noMatchingSubscribers: true });
    this.#announce();
  }

  /** Read for each publication: what is cheap to know stays so. */
  #corrected(features: LinkFeatures): LinkFeatures {
    const knowledge = this;
    return {
      ...features,
      get isSettled() {
        return !knowledge.#isOpen;
      },
      get sharedSubscriptions() {
        return decide(features, knowledge.#report).sharedSubscriptions;
      },
      get acceptsDollarTopics() {
        return knowledge.#strategy?.acceptsDollarTopics ?? true;
      },
      get acceptsDots() {
        return knowledge.#strategy?.acceptsDots ?? true;
      },
    };
  }

  #learn(report: ProbeReport, features: LinkFeatures | null = this.#features): void {
    this.#report = report;
    this.#features = features;
    this.#strategy = features === null ? null : decide(features, report);
  }

  /**
   * No rule says how a broker of MQTT 3.1.1 delivers to overlapping filters and whether it serves `$share`, and the first
   * answers are on their way: what was subscribed before them might get copies too many, or none.
   */
  get #isOpen(): boolean {
    const isOld = this.#options.broker.protocolVersion === 4;
    return isOld && !this.#isProbed && this.#probing !== null;
  }

  /** @returns whether no earlier CONNACK of a client was like this one, although there were some */
  #note(features: LinkFeatures): boolean {
    this.#learn(this.#report, features);
    const variant = JSON.stringify(brokerLimits(features));
    if (this.#variants.has(variant)) return false;
    if (this.#variants.size >= MAX_VARIANTS) this.#variants.clear();
    this.#variants.add(variant);
    this.#logger.info({ event: 'upstream.connected', ...brokerLimits(features) }, 'broker answers');
    return this.#variants.size > 1;
  }

  /** @param isUrgent whatever the gap says */
  #request(isUrgent: boolean): void {
    const { isProbing, knownReport, probeGapMs } = this.#options;
    if (!isProbing || knownReport !== null || this.#stop.signal.aborted) return;
    this.#isWanted = true;
    if (this.#probing !== null || (this.#timer !== undefined && !isUrgent)) return;
    const waitMs = isUrgent ? 0 : this.#lastProbeAt + probeGapMs - this.#clock.now();
    this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    if (waitMs <= 0) this.#begin();
    else this.#timer = this.#clock.setTimeout(() => this.#begin(), waitMs);
  }

  #begin(): void {
    this.#timer = undefined;
    this.#isWanted = false;
    this.#lastProbeAt = this.#clock.now();
    const { broker, service } = this.#options;
    const wasSeen = this.#features !== null;
    this.#probing = probeBroker(broker, service(), this.#stop.signal).then((result) => {
      this.#probing = null;
      if (this.#stop.signal.aborted) return;
      this.#take(result);
      this.#options.onSettled();
      // The broker came up too late for this one.
      const isMissed = result.features === null && !wasSeen && this.#features !== null;
      if (this.#isWanted) this.#request(isMissed);
    });
  }

  #take({ report, features, failure }: ProbeResult): void {
    this.#hasAsked = true;
    const hasHeard = features !== null || failure !== null || report.requiresCredentials === true;
    if (hasHeard) this.#options.onProbeEnded(features === null ? failure : null);
    if (features === null) {
      // Not even a session: what was known may still be right.
      this.#learn(known(report, this.#report));
      if (failure !== null && report.speaksOnlyMqtt311 !== true) this.#warnOfFailure(failure);
    } else {
      const variant = JSON.stringify(brokerLimits(features));
      // A question that got no answer this time has the one from before, if it seems to be the same broker.
      const isSame = variant === this.#probedVariant;
      this.#learn(isSame ? known(report, this.#report) : report, this.#features ?? features);
      this.#probedVariant = variant;
      this.#isProbed = true;
      this.#logged.failure = '';
    }
    this.#announce();
  }

  /** An operator wants to know at once, not when the first client comes. */
  #warnOfFailure(end: LinkEnd): void {
    const failure = JSON.stringify(end);
    if (failure === this.#logged.failure) return;
    this.#logged.failure = failure;
    const message =
      end.kind === 'refused'
        ? 'the broker refuses a session of the gateway itself; see upstream.username, upstream.protocol_version'
        : 'no connection to the broker (upstream.url); tried again with every client';
    this.#logger.warn({ event: 'upstream.probe_failed', end }, message);
  }

  /** Each thing once, until it changes. */
  #announce(): void {
    const report = JSON.stringify(this.#report);
    if (this.#hasAsked && report !== this.#logged.report) {
      this.#logged.report = report;
      this.#logger.info({ event: 'upstream.probed', ...this.#report }, 'broker probed; null means unknown');
    }
    // What is missing is not known before the answers are.
    if (this.#probing !== null && !this.#isProbed) return;
    const { limitations } = this.capabilities;
    for (const { id, severity, meaning } of limitations) {
      if (severity === 'info' || this.#logged.limitations.has(id)) continue;
      this.#logger[severity]({ event: `upstream.${id}` }, meaning);
    }
    this.#logged.limitations = new Set(limitations.map(({ id }) => id));
  }
}

/** The newer answers where there are any. */
function known(newer: ProbeReport, older: ProbeReport): ProbeReport {
  const entries = Object.entries(newer).map(([question, answer]) => [
    question,
    answer ?? older[question as keyof ProbeReport],
  ]);
  return Object.fromEntries(entries);
}
