/**
 * What runs over the sessions of a pair: publications, filters, barriers and nudges. Knows which session has which
 * role, not when sessions come and go nor who uses them.
 */
import type { InboundPublication, OutboundPublication } from '../mqtt/publication.ts';
import { REASON } from '../mqtt/reason-codes.ts';
import type { PublishReceipt, SubscribeRequest, UpstreamSubscription } from '../session/ports.ts';
import type { BrokerSession } from './broker-session.ts';
import { MARKERS_IN_FLIGHT } from './connect-options.ts';
import type { DenyList } from './deny-list.ts';
import { filterFault } from './filter-guard.ts';
import type { LinkFeatures } from './mqtt-link.ts';
import type { PairContext } from './pair-context.ts';
import { Publisher } from './publisher.ts';
import type { SessionRoles } from './session-roles.ts';
import type { LaneOptions, SubscribeLane } from './subscribe-lane.ts';
import { SubscribeLanes, tableOptionsOf } from './subscribe-lanes.ts';

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
const GROUP_UNAVAILABLE =
  'too many queue groups for MQTT sessions of their own: the gateway distributes the messages of this one itself';
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
  #lanes: SubscribeLanes;
  /** A subscription has asked for QoS 1. */
  #hasQoS1 = false;

  constructor(context: PairContext, options: TrafficOptions) {
    this.#context = context;
    this.#options = options;
    this.#lanes = new SubscribeLanes({
      laneOptions: (position) => this.#laneOptions(position),
      groupSessions: context.groupSessions,
    });
    this.#out = new Publisher({
      link: () => options.roles.publishLink,
      maxInflight: context.broker.maxInflight,
      unacked: context.unacked,
      counters: context.counters,
      hasSubscribers: context.hasSubscribers,
      onSend: () => this.#lanes.main.nudges.onSend(),
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
    return this.#lanes.filters;
  }

  /** How many wait for a barrier. */
  get waiting(): number {
    return this.#lanes.waiting;
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
      this.#lanes.main.nudges.onPublish();
      return;
    }
    if (receipt === null) this.#context.counters.drop('broker_rejected');
    else queueMicrotask(() => receipt.onPuback(REASON.NOT_AUTHORIZED));
  }

  /** @param mayOpen whether a session may be opened for it now, if there is none */
  subscribe(request: SubscribeRequest, mayOpen: boolean): UpstreamSubscription {
    const { groups, separatesQoS } = this.#context;
    // What clients ask for, not what is asked of the broker for them: the marker takes the way of their messages.
    if (request.qos === 1) this.#hasQoS1 = true;
    const wanted: SubscribeRequest = separatesQoS() ? { ...request, qos: 1 } : request;
    const { shareName } = wanted;
    const isLocal = this.#features?.sharedSubscriptions === false || groups.isLocal(wanted);
    const place = shareName === null || isLocal ? 'main' : this.#lanes.placeOf(shareName);
    if (typeof place === 'number') return this.#subscribeGroup(wanted, place);
    this.#openMain(mayOpen);
    if (place === null) this.#warn('upstream.group_distributed_here', GROUP_UNAVAILABLE);
    const { table } = this.#lanes.main;
    return shareName !== null && (isLocal || place === null)
      ? groups.subscribeLocally(table, wanted)
      : table.subscribe(wanted);
  }

  /** See {@link SubscribeLanes.barrier}. */
  barrier(done: () => void): void {
    this.#lanes.barrier(done);
  }

  /** See {@link SubscribeLanes.withdraw}. */
  withdraw(done: () => void): void {
    this.#lanes.withdraw(done);
  }

  /**
   * A session is up: if it subscribes, everything is subscribed again, then the pair is told.
   * @returns whether it does
   */
  attach(session: BrokerSession): boolean {
    const { roles } = this.#options;
    const lane = this.#laneOf(session);
    if (lane === undefined) return false;
    if (lane === this.#lanes.main && !roles.isSubscriber(session)) return false;
    this.#attach(lane);
    return true;
  }

  /** All sessions are up, for the first time. */
  attachAll(): void {
    const [main, ...groups] = this.#lanes.all();
    if (main !== undefined && this.#options.roles.hasSubscriber) this.#attach(main);
    for (const lane of groups) this.#attach(lane);
  }

  #openMain(mayOpen: boolean): void {
    const { roles } = this.#options;
    if (roles.hasSubscriber || !mayOpen) return;
    roles.assignSubscriber();
    this.#attach(this.#lanes.main);
  }

  #subscribeGroup(request: SubscribeRequest, position: number): UpstreamSubscription {
    // Also during an outage: the pair is back when all its sessions are.
    this.#options.roles.openGroup(position);
    const lane = this.#lanes.group(position) ?? this.#lanes.main;
    return lane.table.subscribe(request);
  }

  #attach(lane: SubscribeLane): void {
    lane.attach(this.#features?.subscriptionIdentifiers ?? false, this.#options.onRestored);
  }

  #laneOf(session: BrokerSession): SubscribeLane | undefined {
    const position = this.#options.roles.groupPosition(session);
    return position === -1 ? this.#lanes.main : this.#lanes.group(position);
  }

  /** @returns null when the session survives a SUBSCRIBE of this filter, as far as is known */
  #fault(filter: string): number | null {
    if (this.#options.denied.has(DENIED_FILTER + filter)) return REASON.NOT_AUTHORIZED;
    return this.#features === null ? null : filterFault(filter, this.#features);
  }

  /** Whether everything is in place to go on: the publishing session, and the subscriptions if there are any. */
  get isRestored(): boolean {
    const { roles } = this.#options;
    const [main, ...groups] = this.#lanes.all();
    const isMainBack = !roles.hasSubscriber || main?.table.isRestored === true;
    return roles.isPublisherUp && isMainBack && groups.every(({ table }) => table.isRestored);
  }

  /** A session is gone. */
  onLost(session: BrokerSession): void {
    const { roles } = this.#options;
    for (const { barrier } of this.#lanes.all()) barrier.reset();
    if (roles.isPublisher(session)) this.#out.reset();
    const lane = this.#laneOf(session);
    if (lane !== this.#lanes.main || roles.isSubscriber(session)) lane?.table.detach();
  }

  /** What was not acknowledged goes first, then everything else. */
  proceed(): void {
    this.#out.sendOwed();
    this.#resumeBarriers();
  }

  /** What was not acknowledged, as far as there is room. */
  sendOwed(): void {
    this.#out.sendOwed();
  }

  onMessage(message: InboundPublication, identifiers: readonly number[]): void {
    this.#lanes.main.onMessage(message, identifiers);
  }

  /** @param position of the session among those of queue groups */
  onGroupMessage(position: number, message: InboundPublication, identifiers: readonly number[]): void {
    this.#lanes.group(position)?.onMessage(message, identifiers);
  }

  /** The broker has answered a SUBSCRIBE, an UNSUBSCRIBE or a PINGREQ. */
  onAnswer(session: BrokerSession): void {
    const lane = this.#laneOf(session);
    if (lane !== this.#lanes.main || this.#options.roles.isSubscriber(session)) lane?.nudges.onAnswer();
  }

  /** No barrier calls back any more, and no queue group receives here. @param done called once, perhaps at once */
  retire(done: () => void): void {
    this.#lanes.cancelBarriers();
    this.#context.groups.retire(this.#lanes.main.table, done);
  }

  /** Everything ends, and nothing is sent again. It may begin anew with `attachAll`. */
  dispose(): void {
    this.#lanes.dispose();
    this.#out.reset();
    this.#out.dispose();
    this.#hasQoS1 = false;
    this.#context.groups.forget(this.#lanes.main.table);
  }

  #onPuback(): void {
    this.#options.onPuback();
    if (this.unacknowledged > 0 || this.#lanes.isPubackOwed) this.#lanes.main.nudges.onPartialPuback();
  }

  #warn(event: string, message: string): void {
    const { clientId } = this.#options.roles;
    this.#context.limitedLog.log('warn', { event, client_id: clientId }, message);
  }

  #resumeBarriers(): void {
    for (const { barrier } of this.#lanes.all()) barrier.resume();
  }

  /** Markers with QoS 1 share the one place that is kept for them in the broker's Receive Maximum. */
  #mayRunBarrier(lane: SubscribeLane): boolean {
    const { roles, isServing } = this.#options;
    if (!isServing() || !roles.areUp) return false;
    return this.#lanes.all().every((other) => other === lane || !other.barrier.isPubackOwed);
  }

  #takesMarkersWithQoS1(): boolean {
    if (!this.#hasQoS1 || this.#features === null) return false;
    return this.#features.maximumQoS > 0 && this.#features.receiveMaximum > MARKERS_IN_FLIGHT;
  }

  #laneOptions(position: number | null): LaneOptions {
    const { roles } = this.#options;
    const isSeparate = (): boolean => position !== null || roles.areSeparate;
    return {
      table: tableOptionsOf(this.#context, (filter) => {
        this.#options.denied.deny(DENIED_FILTER + filter);
        this.#warn('upstream.subscription_dropped', CULPRIT);
      }),
      received: this.#context.counters.upstream.received,
      roundTrips: this.#context.counters.upstream.roundTrips,
      subscribeLink: () => (position === null ? roles.subscribeLink : roles.groupLink(position)),
      publishLink: () => roles.publishLink,
      isDelayed: (isMarkerProven) => (this.#context.delaysSmallWrites() ?? isMarkerProven) && isSeparate(),
      mayRunBarrier: (lane) => this.#mayRunBarrier(lane),
      hasQoS1: () => this.#takesMarkersWithQoS1(),
      separatesQoS: this.#context.separatesQoS,
      takeUnproven: () => this.#out.takeUnproven(),
      onMarkerUnavailable: () => this.#warn('upstream.marker_unavailable', MARKER_UNAVAILABLE),
      onMarkerAcknowledged: () => this.#resumeBarriers(),
      fault: (filter) => this.#fault(filter),
    };
  }
}
