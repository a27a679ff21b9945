/**
 * What runs over the sessions of a pair: publications, filters, barriers and nudges. Knows which session has which
 * role, not when sessions come and go nor who uses them.
 */
import type { InboundPublication, OutboundPublication } from '../mqtt/publication.ts';
import { REASON } from '../mqtt/reason-codes.ts';
import type { PublishReceipt, SubscribeRequest, UpstreamSubscription } from '../session/ports.ts';
import { type NudgedLinks, SessionNudges } from './ack-nudge.ts';
import { Barrier, type BarrierLinks } from './barrier.ts';
import type { BrokerSession } from './broker-session.ts';
import { MARKERS_IN_FLIGHT } from './connect-options.ts';
import type { DenyList } from './deny-list.ts';
import { filterFault } from './filter-guard.ts';
import { FilterWindow } from './filter-window.ts';
import type { LinkFeatures } from './mqtt-link.ts';
import type { PairContext } from './pair-context.ts';
import { Publisher } from './publisher.ts';
import type { SessionRoles } from './session-roles.ts';
import { SubscriptionTable } from './subscription-table.ts';

/** What the traffic asks of its pair, and tells it. */
export interface TrafficOptions {
  readonly roles: SessionRoles;
  /** What the broker ends sessions over. */
  readonly denied: DenyList;
  /** Whether barriers make sense: the pair is up, or waits for its last acknowledgements. */
  readonly isServing: () => boolean;
  /** A PUBACK has come: there may be room again. */
  readonly onPuback: () => void;
  /** All subscriptions are back, or were never away. */
  readonly onRestored: () => void;
}

const MARKER_UNAVAILABLE = 'the broker does not return marker messages (access list?): flush uses PINGREQ';
const CULPRIT =
  'the broker ends the session over one and the same packet, again and again (access list?): it is refused';

/** A topic and a filter of the same name are two things. */
const DENIED_TOPIC = 'topic ';
const DENIED_FILTER = 'filter ';

/** Traffic of one pair. */
export class PairTraffic {
  #context: PairContext;
  #options: TrafficOptions;
  #features: LinkFeatures | null = null;
  #out: Publisher;
  #table: SubscriptionTable;
  #barrier: Barrier;
  #nudges: SessionNudges;
  /** A subscription has asked for QoS 1. */
  #hasQoS1 = false;

  constructor(context: PairContext, options: TrafficOptions) {
    this.#context = context;
    this.#options = options;
    this.#table = new SubscriptionTable({
      overlap: context.overlap,
      wildcardsMatchDollar: context.wildcardsMatchDollar,
      wantsRetained: context.wantsRetained,
      onUnclaimed: (entry, scope, message) => context.groups.handOver(entry, scope, message),
      onSharedCopy: (entry, message) => context.groups.serveOtherScopes(entry, message),
      onSharedEntry: (entry, scope, isHeld) => context.groups.note(entry, scope, isHeld),
      onRetainedShared: () => context.counters.drop('retained_on_shared'),
      onCulprit: (filter) => {
        options.denied.deny(DENIED_FILTER + filter);
        this.#warn('upstream.subscription_dropped', CULPRIT);
      },
    });
    this.#barrier = new Barrier(this.#barrierLinks());
    this.#nudges = new SessionNudges(this.#nudgedLinks());
    this.#out = new Publisher({
      link: () => options.roles.publishLink,
      maxInflight: context.broker.maxInflight,
      unacked: context.unacked,
      counters: context.counters,
      hasSubscribers: context.hasSubscribers,
      onSend: () => this.#nudges.onPublish(),
      onPuback: () => this.#onPuback(),
      onUnheard: context.onUnheard,
      onCulprit: ({ topic }) => {
        options.denied.deny(DENIED_TOPIC + topic.text);
        this.#warn('upstream.publication_dropped', CULPRIT);
      },
    });
  }

  /** As the newest CONNACK says; null before the first one. */
  get features(): LinkFeatures | null {
    return this.#features;
  }

  /** A session is up: what its CONNACK says holds from now on. */
  setFeatures(features: LinkFeatures): void {
    this.#features = features;
    this.#out.setFeatures(features);
  }

  /** Whether the next publication can be taken. */
  get isOpen(): boolean {
    this.#options.roles.assignPublisher();
    return this.#out.isOpen;
  }

  /** Topic filters. */
  get filters(): number {
    return this.#table.size;
  }

  /** How many wait for a barrier. */
  get waiting(): number {
    return this.#barrier.waiting;
  }

  /** Publications that wait for their PUBACK. */
  get unacknowledged(): number {
    return this.#out.unacknowledged;
  }

  /** Precondition: `isOpen`. */
  publish(message: OutboundPublication, receipt: PublishReceipt | null): void {
    const { denied } = this.#options;
    if (denied.isEmpty || !denied.has(DENIED_TOPIC + message.topic.text)) {
      this.#out.publish(message, receipt);
      return;
    }
    if (receipt === null) this.#context.counters.drop('broker_rejected');
    else queueMicrotask(() => receipt.onPuback(REASON.NOT_AUTHORIZED));
  }

  /** @param mayOpen whether a session may be given the subscribing role now, if none has it */
  subscribe(request: SubscribeRequest, mayOpen: boolean): UpstreamSubscription {
    const { roles } = this.#options;
    if (!roles.hasSubscriber && mayOpen) {
      roles.assignSubscriber();
      this.attach();
    }
    const { groups, subscribesWithQoS1 } = this.#context;
    // What clients ask for, not what is asked of the broker for them: the marker takes the way of their messages.
    if (request.qos === 1) this.#hasQoS1 = true;
    const wanted: SubscribeRequest = subscribesWithQoS1() ? { ...request, qos: 1 } : request;
    const isLocal = this.#features?.sharedSubscriptions === false || groups.isLocal(wanted);
    if (wanted.shareName !== null && isLocal) return groups.subscribeLocally(this.#table, wanted);
    return this.#table.subscribe(wanted);
  }

  /** See {@link Barrier.request}. */
  barrier(done: () => void): void {
    this.#barrier.request(done);
  }

  /** See {@link Barrier.withdraw}. */
  withdraw(done: () => void): void {
    this.#barrier.withdraw(done);
  }

  /** The subscribing session is up: subscribes everything again, then tells the pair. */
  attach(): void {
    const link = this.#options.roles.subscribeLink;
    if (!link) return;
    const wire = new FilterWindow({
      subscribe: (filter, options, done) => {
        const fault = this.#fault(filter);
        if (fault !== null) {
          queueMicrotask(() => done(fault));
          return;
        }
        this.#table.onSending(filter);
        link.subscribe(filter, options, done);
      },
      unsubscribe: link.unsubscribe.bind(link),
      barrier: (done) => this.#barrier.request(done),
    });
    const hasIdentifiers = this.#features?.subscriptionIdentifiers ?? false;
    this.#table.attach(wire, hasIdentifiers, this.#options.onRestored);
  }

  /** @returns null when the session survives a SUBSCRIBE of this filter, as far as is known */
  #fault(filter: string): number | null {
    if (this.#options.denied.has(DENIED_FILTER + filter)) return REASON.NOT_AUTHORIZED;
    return this.#features === null ? null : filterFault(filter, this.#features);
  }

  /** Whether everything is in place to go on: the publishing session, and the subscriptions if there are any. */
  get isRestored(): boolean {
    const { roles } = this.#options;
    return roles.isPublisherUp && (!roles.hasSubscriber || this.#table.isRestored);
  }

  /** A session is gone. */
  onLost(session: BrokerSession): void {
    const { roles } = this.#options;
    this.#barrier.reset();
    if (roles.isPublisher(session)) this.#out.reset();
    if (roles.isSubscriber(session)) this.#table.detach();
  }

  /** What was not acknowledged goes first, then everything else. */
  proceed(): void {
    this.#out.sendOwed();
    this.#barrier.resume();
  }

  /** What was not acknowledged, as far as there is room. */
  sendOwed(): void {
    this.#out.sendOwed();
  }

  onMessage(message: InboundPublication, identifiers: readonly number[]): void {
    this.#nudges.onDelivery(message.qos);
    if (!this.#barrier.consume(message)) this.#table.dispatch(message, identifiers);
  }

  /** The broker has answered a SUBSCRIBE, an UNSUBSCRIBE or a PINGREQ. */
  onAnswer(session: BrokerSession): void {
    if (this.#options.roles.isSubscriber(session)) this.#nudges.onAnswer();
  }

  /** No barrier calls back any more, and no queue group receives here. @param done called once, perhaps at once */
  retire(done: () => void): void {
    this.#barrier.cancel();
    this.#context.groups.retire(this.#table, done);
  }

  /** Everything ends, and nothing is sent again. It may begin anew with `attach`. */
  dispose(): void {
    this.#barrier.cancel();
    this.#table.dispose();
    this.#out.reset();
    this.#out.dispose();
    this.#hasQoS1 = false;
    this.#context.groups.forget(this.#table);
  }

  #onPuback(): void {
    this.#options.onPuback();
    if (this.unacknowledged > 0 || this.#barrier.isPubackOwed) this.#nudges.onPartialPuback();
  }

  #warn(event: string, message: string): void {
    const { clientId } = this.#options.roles;
    this.#context.limitedLog.log('warn', { event, client_id: clientId }, message);
  }

  #barrierLinks(): BarrierLinks {
    const traffic = this;
    const { roles, isServing } = this.#options;
    return {
      get publish() {
        return roles.publishLink;
      },
      get subscribe() {
        return roles.subscribeLink;
      },
      get isReady() {
        return isServing() && roles.areUp;
      },
      get hasQoS1() {
        const features = traffic.#features;
        if (!traffic.#hasQoS1 || features === null) return false;
        return features.maximumQoS > 0 && features.receiveMaximum > MARKERS_IN_FLIGHT;
      },
      takeUnproven: () => traffic.#out.takeUnproven(),
      allocateIdentifier: () => traffic.#table.allocateIdentifier(),
      onMarkerUnavailable: () => traffic.#warn('upstream.marker_unavailable', MARKER_UNAVAILABLE),
    };
  }

  #nudgedLinks(): NudgedLinks {
    const traffic = this;
    const { roles } = this.#options;
    return {
      get publishLink() {
        return roles.publishLink;
      },
      get subscribeLink() {
        return roles.subscribeLink;
      },
      get isDelayed() {
        const isDelayed = traffic.#context.delaysSmallWrites() ?? traffic.#barrier.isMarkerProven;
        return isDelayed && roles.areSeparate;
      },
    };
  }
}
