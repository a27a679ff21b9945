/**
 * One subscribing session of a pair and what runs over it: its filters, its barriers, its nudges. Nearly always there
 * is one; queue groups may need sessions of their own, see `GroupSessions`. Knows one session, not the others.
 */
import type { Histogram } from '../metrics/histogram.ts';
import type { QoSCounters } from '../metrics/upstream-counters.ts';
import type { InboundPublication } from '../mqtt/publication.ts';
import { SessionNudges } from './ack-nudge.ts';
import { Barrier } from './barrier.ts';
import { FilterWindow } from './filter-window.ts';
import type { MqttLink } from './mqtt-link.ts';
import { SubscriptionTable, type TableOptions } from './subscription-table.ts';

/** What a lane asks of the pair, and tells it. */
export interface LaneOptions {
  readonly table: TableOptions;
  /** What comes for clients is counted here. */
  readonly received: QoSCounters;
  /** See {@link import('./barrier.ts').BarrierLinks.roundTrips}. */
  readonly roundTrips: Histogram;
  /** The link that subscribes; null while there is none. */
  readonly subscribeLink: () => MqttLink | null;
  readonly publishLink: () => MqttLink | null;
  /** Nudging helps and is allowed on this session. */
  readonly isDelayed: (isMarkerProven: boolean) => boolean;
  /** All sessions of the pair are up, and it is this lane's turn to send a marker. */
  readonly mayRunBarrier: (lane: SubscribeLane) => boolean;
  /** See {@link import('./barrier.ts').BarrierLinks.hasQoS1}. */
  readonly hasQoS1: () => boolean;
  /** See {@link import('./barrier.ts').BarrierLinks.separatesQoS}. */
  readonly separatesQoS: () => boolean;
  readonly takeUnproven: () => boolean;
  readonly onMarkerUnavailable: () => void;
  /** A marker with QoS 1 has been acknowledged: it is another lane's turn. */
  readonly onMarkerAcknowledged: (lane: SubscribeLane) => void;
  /** @returns null when the session survives a SUBSCRIBE of this filter, as far as is known; else a reason code */
  readonly fault: (filter: string) => number | null;
}

/** See the head of this file. */
export class SubscribeLane {
  readonly table: SubscriptionTable;
  readonly barrier: Barrier;
  readonly nudges: SessionNudges;
  readonly #options: LaneOptions;

  constructor(options: LaneOptions) {
    this.#options = options;
    this.table = new SubscriptionTable(options.table);
    this.barrier = this.#createBarrier();
    this.nudges = this.#createNudges();
  }

  /** The session is up: subscribes everything again, then calls back. Without a link nothing happens. */
  attach(hasIdentifiers: boolean, onRestored: () => void): void {
    const { subscribeLink, fault } = this.#options;
    const link = subscribeLink();
    if (link === null) return;
    const wire = new FilterWindow({
      subscribe: (filter, options, done) => {
        const code = fault(filter);
        if (code !== null) {
          queueMicrotask(() => done(code));
          return;
        }
        this.table.onSending(filter);
        link.subscribe(filter, options, done);
      },
      unsubscribe: link.unsubscribe.bind(link),
      barrier: (done) => this.barrier.request(done),
    });
    this.table.attach(wire, hasIdentifiers, onRestored);
  }

  onMessage(message: InboundPublication, identifiers: readonly number[]): void {
    this.nudges.onDelivery(message.qos);
    if (this.barrier.consume(message)) return;
    this.#options.received.count(message.qos, message.payloadEnd - message.payloadStart);
    this.table.dispatch(message, identifiers);
  }

  #createBarrier(): Barrier {
    const lane = this;
    const options = this.#options;
    return new Barrier({
      get publish() {
        return options.publishLink();
      },
      get subscribe() {
        return options.subscribeLink();
      },
      get isReady() {
        return options.mayRunBarrier(lane);
      },
      get hasQoS1() {
        return options.hasQoS1();
      },
      get separatesQoS() {
        return options.separatesQoS();
      },
      takeUnproven: options.takeUnproven,
      roundTrips: options.roundTrips,
      allocateIdentifier: () => this.table.allocateIdentifier(),
      onMarkerUnavailable: options.onMarkerUnavailable,
      onMarkerAcknowledged: () => options.onMarkerAcknowledged(this),
    });
  }

  #createNudges(): SessionNudges {
    const lane = this;
    const options = this.#options;
    return new SessionNudges({
      get publishLink() {
        return options.publishLink();
      },
      get subscribeLink() {
        return options.subscribeLink();
      },
      get isDelayed() {
        return options.isDelayed(lane.barrier.isMarkerProven);
      },
    });
  }
}
