/**
 * `per_client` mode: each NATS client has MQTT sessions of its own, so that the broker sees and authorises every
 * client. Publications and subscriptions run on separate sessions unless the broker is known to write at once.
 */
import { randomBytes } from 'node:crypto';
import { GatewayError } from '../errors.ts';
import type { Counters } from '../metrics/counters.ts';
import type { InboundPublication, OutboundPublication } from '../mqtt/publication.ts';
import type {
  PublishReceipt,
  SubscribeRequest,
  UpstreamFeatures,
  UpstreamIdentity,
  UpstreamListener,
  UpstreamPort,
  UpstreamSubscription,
} from '../session/ports.ts';
import type { RepeatLimiter } from '../util/logger.ts';
import { type NudgedLinks, SessionNudges } from './ack-nudge.ts';
import { Barrier } from './barrier.ts';
import { BrokerSession } from './broker-session.ts';
import type { ByteAccount } from './byte-account.ts';
import type { BrokerOptions } from './connect-options.ts';
import type { OverlapShape } from './filter-index.ts';
import { FilterWindow } from './filter-window.ts';
import type { LinkEnd, LinkFeatures } from './mqtt-link.ts';
import { MARKERS_IN_FLIGHT, Publisher } from './publisher.ts';
import type { QueueGroups } from './queue-groups.ts';
import type { RecoveringPort, Recovery } from './recovery.ts';
import { SessionRoles } from './session-roles.ts';
import { SubscriptionTable } from './subscription-table.ts';

/** What all clients of one upstream share. */
export interface PerClientContext {
  readonly broker: BrokerOptions;
  readonly outageGraceMs: number;
  readonly wantsRetained: boolean;
  /** Thousands of clients lose the same broker in the same instant. */
  readonly limitedLog: RepeatLimiter;
  readonly counters: Counters;
  readonly groups: QueueGroups;
  readonly recovery: Recovery;
  /** Publications that the broker has not acknowledged. */
  readonly unacked: ByteAccount;
  /** Whether one session can serve both directions without delay; asked once per client. */
  readonly usesSingleSession: () => boolean;
  /** Whether the broker holds small writes back; null: unknown. */
  readonly delaysSmallWrites: () => boolean | null;
  readonly overlap: () => OverlapShape;
  readonly wildcardsMatchDollar: () => boolean;
  /** Filters of different QoS would get a copy each. */
  readonly subscribesWithQoS1: () => boolean;
  /** The embedded broker can be asked whether anybody listens; null: the broker tells by itself. */
  readonly hasSubscribers: ((topic: string) => boolean) | null;
  /** @returns the features with what the probe has found, now and later */
  readonly onFeatures: (features: LinkFeatures, isBack: boolean) => LinkFeatures;
  /** The broker has said that nobody is subscribed. */
  readonly onUnheard: () => void;
  readonly onClosed: (port: PerClientPort) => void;
}

const UNKNOWN_FEATURES: UpstreamFeatures = {
  protocolVersion: 5,
  maximumPacketBytes: Number.POSITIVE_INFINITY,
  retainAvailable: true,
  maximumQoS: 2,
  wildcardSubscriptions: true,
  isSettled: false,
  acceptsDollarTopics: true,
  acceptsDots: true,
};

/** One client's sessions and everything that runs over them. */
export class PerClientPort implements UpstreamPort, RecoveringPort {
  readonly originToken: string | null;
  #context: PerClientContext;
  #identity: UpstreamIdentity;
  #listener: UpstreamListener;
  #roles: SessionRoles;
  #features: UpstreamFeatures = UNKNOWN_FEATURES;
  #linkFeatures: LinkFeatures | null = null;
  #out: Publisher;
  #table: SubscriptionTable;
  #barrier: Barrier;
  #nudges: SessionNudges;
  /** A subscription has asked for QoS 1. */
  #hasQoS1 = false;
  #state: 'connecting' | 'up' | 'outage' | 'closing' | 'closed' = 'connecting';
  #deadline: NodeJS.Timeout;
  #isAwaited = false;
  #lostAt = 0;
  #onRoom = () => this.#wake();
  /** No queue group receives through this client any more. */
  #isRetired = false;

  constructor(context: PerClientContext, identity: UpstreamIdentity, listener: UpstreamListener) {
    this.#context = context;
    this.#identity = identity;
    this.#listener = listener;
    this.originToken = context.broker.protocolVersion === 5 ? randomBytes(9).toString('base64url') : null;
    this.#table = new SubscriptionTable({
      overlap: context.overlap,
      wildcardsMatchDollar: context.wildcardsMatchDollar,
      wantsRetained: context.wantsRetained,
      onUnclaimed: (entry, message) => context.groups.handOver(entry, message),
      onSharedEntry: (entry, isHeld) => context.groups.note(entry, isHeld),
      onRetainedShared: () => context.counters.drop('retained_on_shared'),
    });
    this.#barrier = new Barrier(this.#barrierLinks());
    this.#nudges = new SessionNudges(this.#nudgedLinks());
    this.#out = new Publisher({
      link: () => this.#roles.publishLink,
      maxInflight: context.broker.maxInflight,
      unacked: context.unacked,
      counters: context.counters,
      hasSubscribers: context.hasSubscribers,
      onSend: () => this.#nudges.onPublish(),
      onPuback: () => this.#onPuback(),
      onUnheard: context.onUnheard,
    });
    this.#deadline = setTimeout(
      () => this.#giveUp('no connection to the broker'),
      context.broker.connectTimeoutMs,
    );
    this.#roles = new SessionRoles({
      identity,
      open: (one) => this.#openSession(one),
      usesSingleSession: context.usesSingleSession,
    });
  }

  get isUp(): boolean {
    return this.#state === 'up';
  }

  get features(): UpstreamFeatures {
    return this.#features;
  }

  get canPublish(): boolean {
    if (this.#state !== 'up') return false;
    this.#roles.assignPublisher();
    const mayGo = this.#out.isOpen;
    if (!mayGo) this.#isAwaited = true;
    if (this.#context.unacked.isFull) this.#context.unacked.wait(this.#onRoom);
    return mayGo && this.#state === 'up';
  }

  publish(message: OutboundPublication, receipt: PublishReceipt | null): void {
    this.#out.publish(message, receipt);
  }

  subscribe(request: SubscribeRequest): UpstreamSubscription {
    if (!this.#roles.hasSubscriber && this.#state === 'up') {
      this.#roles.assignSubscriber();
      this.#attachTable();
    }
    const { groups, subscribesWithQoS1 } = this.#context;
    if (request.qos === 1) this.#hasQoS1 = true;
    const qos = subscribesWithQoS1() ? 1 : request.qos;
    const wanted = { ...request, qos } as const;
    const isLocal = this.#linkFeatures?.sharedSubscriptions === false || groups.isLocal(wanted);
    if (wanted.shareName !== null && isLocal) return groups.subscribeLocally(this.#table, wanted);
    return this.#table.subscribe(wanted);
  }

  /** What had to wait for the answers of the probe can go on. */
  onProbed(): void {
    this.#isAwaited = true;
    this.#wake();
  }

  barrier(done: () => void): void {
    this.#barrier.request(done);
  }

  end(): void {
    if (this.#state === 'closing' || this.#state === 'closed') return;
    const isUp = this.#state === 'up';
    this.#state = 'closing';
    clearTimeout(this.#deadline);
    this.#barrier.cancel();
    if (!isUp) {
      this.#close();
      return;
    }
    this.#deadline = setTimeout(() => this.#close(), this.#context.broker.ackTimeoutMs);
    this.#context.groups.retire(this.#table, () => {
      this.#isRetired = true;
      this.#closeIfDone();
    });
  }

  /** Ends at once, whatever is still owed to the broker. */
  abort(): void {
    this.#close();
    this.#roles.abort();
  }

  /** The client is gone; its publications are acknowledged, and its groups receive through others. */
  #closeIfDone(): void {
    if (this.#state === 'closing' && this.#isRetired && this.#out.unacknowledged === 0) this.#close();
  }

  #close(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    clearTimeout(this.#deadline);
    this.#barrier.cancel();
    this.#table.detach();
    this.#out.dispose();
    this.#context.unacked.forget(this.#onRoom);
    this.#context.recovery.forget(this);
    this.#context.groups.forget(this.#table);
    this.#roles.close(() => this.#context.onClosed(this));
  }

  #openSession(identity: UpstreamIdentity): BrokerSession {
    const session: BrokerSession = new BrokerSession(this.#context.broker, identity, {
      onUp: (features) => this.#onUp(session, features),
      onDown: (end) => this.#onDown(session, end),
      onFatal: (error) => this.#fail(error),
      onMessage: (message, identifiers) => this.#onMessage(message, identifiers),
      onDrain: () => this.#wake(),
      onAnswer: () => {
        if (this.#roles.isSubscriber(session)) this.#nudges.onAnswer();
      },
    });
    return session;
  }

  #onUp(session: BrokerSession, connack: LinkFeatures): void {
    this.#context.counters.upstreamConnects++;
    const features = this.#context.onFeatures(connack, this.#state === 'outage');
    this.#features = features;
    this.#linkFeatures = features;
    this.#out.setFeatures(features);
    if (this.#state === 'outage') this.#context.recovery.answered();
    if (this.#state === 'connecting') {
      clearTimeout(this.#deadline);
      this.#state = 'up';
      this.#listener.onReady();
      return;
    }
    if (this.#roles.isSubscriber(session)) this.#attachTable();
    else this.#recover();
  }

  #attachTable(): void {
    const link = this.#roles.subscribeLink;
    if (!link) return;
    const wire = new FilterWindow({
      subscribe: link.subscribe.bind(link),
      unsubscribe: link.unsubscribe.bind(link),
      barrier: (done) => this.#barrier.request(done),
    });
    const hasIdentifiers = this.#linkFeatures?.subscriptionIdentifiers ?? false;
    this.#table.attach(wire, hasIdentifiers, () => this.#recover());
  }

  /** All subscriptions are back: what was not acknowledged goes first, then the client is read again. */
  #recover(): void {
    if (this.#state === 'closed') return;
    if (!this.#roles.isPublisherUp) return;
    if (this.#roles.hasSubscriber && !this.#table.isRestored) return;
    if (this.#state === 'outage') {
      clearTimeout(this.#deadline);
      this.#context.recovery.restored(this);
    } else this.#proceed();
  }

  /** The broker answers other clients again. */
  hurry(spreadMs: number): void {
    this.#roles.hurry(spreadMs);
  }

  /** The subscriptions of all clients are back. */
  resume(): void {
    if (this.#state !== 'outage') return;
    this.#state = 'up';
    this.#context.limitedLog.log(
      'info',
      { event: 'upstream.restored', client_id: this.#identity.clientId },
      'broker is back',
    );
    this.#proceed();
  }

  #proceed(): void {
    this.#out.sendOwed();
    this.#barrier.resume();
    this.#wake();
  }

  #onPuback(): void {
    // The publish session may be up while the subscriptions are not.
    if (this.#state !== 'outage') this.#out.sendOwed();
    this.#closeIfDone();
    this.#wake();
    if (this.#out.unacknowledged > 0 || this.#barrier.isPubackOwed) this.#nudges.onPartialPuback();
  }

  #onMessage(message: InboundPublication, identifiers: readonly number[]): void {
    this.#nudges.onDelivery(message.qos);
    if (!this.#barrier.consume(message)) this.#table.dispatch(message, identifiers);
  }

  #onDown(session: BrokerSession, end: LinkEnd): void {
    const { limitedLog, counters } = this.#context;
    counters.upstreamDisconnects++;
    const detail = { client_id: session.identity.clientId, end };
    if (this.#state === 'closing') {
      this.#close();
      return;
    }
    if (this.#state === 'connecting') {
      limitedLog.log(
        'warn',
        { event: 'upstream.connect_failed', ...detail },
        'no connection to the broker yet',
      );
      return;
    }
    this.#barrier.reset();
    if (this.#roles.isPublisher(session)) this.#out.reset();
    if (this.#roles.isSubscriber(session)) this.#table.detach();
    this.#context.recovery.lost(this);
    if (this.#state === 'outage') {
      this.#awaitReturn();
      return;
    }
    this.#state = 'outage';
    this.#isAwaited = true;
    limitedLog.log('warn', { event: 'upstream.lost', ...detail }, 'connection to the broker lost');
    this.#lostAt = performance.now();
    this.#awaitReturn();
  }

  /** The grace counts from the loss, however often sessions come and go meanwhile. */
  #awaitReturn(): void {
    clearTimeout(this.#deadline);
    const left = this.#lostAt + this.#context.outageGraceMs - performance.now();
    this.#deadline = setTimeout(() => this.#giveUp('the broker did not come back'), Math.max(0, left));
  }

  #giveUp(message: string): void {
    this.#fail(new GatewayError('GW_BROKER_UNAVAILABLE', message));
  }

  #fail(error: GatewayError): void {
    if (this.#state === 'closed') return;
    const wasClosing = this.#state === 'closing';
    this.#close();
    if (!wasClosing) this.#listener.onEnded(error);
  }

  #wake(): void {
    if (!this.#isAwaited || this.#state !== 'up') return;
    this.#isAwaited = false;
    this.#listener.onWritable();
  }

  #barrierLinks(): ConstructorParameters<typeof Barrier>[0] {
    const port = this;
    return {
      get publish() {
        return port.#roles.publishLink;
      },
      get subscribe() {
        return port.#roles.subscribeLink;
      },
      get isReady() {
        return (port.#state === 'up' || port.#state === 'closing') && port.#roles.areUp;
      },
      get hasQoS1() {
        const features = port.#linkFeatures;
        if (!port.#hasQoS1 || features === null) return false;
        return features.maximumQoS > 0 && features.receiveMaximum > MARKERS_IN_FLIGHT;
      },
      takeUnproven: () => port.#out.takeUnproven(),
      allocateIdentifier: () => port.#table.allocateIdentifier(),
      onMarkerUnavailable: () =>
        port.#context.limitedLog.log(
          'warn',
          { event: 'upstream.marker_unavailable', client_id: port.#identity.clientId },
          'the broker does not return marker messages (access list?): flush uses PINGREQ',
        ),
    };
  }

  #nudgedLinks(): NudgedLinks {
    const port = this;
    return {
      get publishLink() {
        return port.#roles.publishLink;
      },
      get subscribeLink() {
        return port.#roles.subscribeLink;
      },
      get isDelayed() {
        const isDelayed = port.#context.delaysSmallWrites() ?? port.#barrier.isMarkerProven;
        return isDelayed && port.#roles.areSeparate;
      },
    };
  }
}
