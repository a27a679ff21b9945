/**
 * A pair of MQTT sessions, one of which publishes and one subscribes (or one does both; queue groups may need more), through
 * connecting, outages and the orderly end. Knows no NATS client: who uses the pair, and how many, is its holder's business.
 */

import type { GatewayError } from '../errors.ts';
import { countIn } from '../metrics/counters.ts';
import type { UpstreamUsage } from '../metrics/upstream-usage.ts';
import type { OutboundPublication } from '../mqtt/publication.ts';
import type {
  PublishReceipt,
  SubscribeRequest,
  UpstreamFeatures,
  UpstreamSubscription,
} from '../session/ports.ts';
import { BrokerSession } from './broker-session.ts';
import type { LinkEnd, LinkEvents, LinkFeatures } from './mqtt-link.ts';
import type { PairContext, PairEvents, PairOptions } from './pair-context.ts';
import { PairTraffic } from './pair-traffic.ts';
import type { RecoveringPort } from './recovery.ts';
import { FIRST_GROUP, SessionRoles } from './session-roles.ts';

/**
 * `connecting`: before the first CONNACK. `up ⇄ outage`: a session was lost, the grace runs. `closing`: nobody uses the
 * pair any more, acknowledgements are owed.
 */
type PairState = 'connecting' | 'up' | 'outage' | 'closing' | 'closed';

const UNKNOWN_FEATURES: UpstreamFeatures = {
  protocolVersion: 5,
  maximumPacketBytes: Number.POSITIVE_INFINITY,
  retainAvailable: true,
  maximumQoS: 2,
  wildcardSubscriptions: true,
  isSettled: false,
  acceptsDollarTopics: true,
  acceptsDots: true,
  takesWireProperties: false,
};

/** One or two sessions and what runs over them. */
export class SessionPair implements RecoveringPort {
  #context: PairContext;
  #options: PairOptions;
  #events: PairEvents;
  #roles: SessionRoles;
  #traffic: PairTraffic;
  #state: PairState = 'connecting';
  /** Of the grace, or of the acknowledgements that are still owed. */
  #deadline: NodeJS.Timeout | undefined;
  #isRoomAwaited = false;
  #lostAt = 0;
  #onRoom = () => this.#wake();
  /** No queue group receives through this pair any more. */
  #isRetired = false;

  constructor(context: PairContext, options: PairOptions, events: PairEvents) {
    this.#context = context;
    this.#options = options;
    this.#events = events;
    this.#roles = new SessionRoles({
      open: (position) => this.#openSession(position),
      usesSingleSession: context.usesSingleSession,
    });
    this.#traffic = new PairTraffic(context, {
      roles: this.#roles,
      denied: options.denied,
      isServing: () => this.#state === 'up' || this.#state === 'closing',
      onPuback: () => this.#onPuback(),
      onRestored: () => this.#recover(),
    });
  }

  /** False while (re)connecting and once closing. */
  get isUp(): boolean {
    return this.#state === 'up';
  }

  /** As the newest CONNACK says; before the first one, as if the broker could do everything. */
  get features(): UpstreamFeatures {
    return this.#traffic.features ?? UNKNOWN_FEATURES;
  }

  /** False: hold the publication; `onRoom` or `onUp` follows. */
  get canPublish(): boolean {
    if (this.#state !== 'up') return false;
    const mayGo = this.#traffic.isOpen;
    if (!mayGo) this.#isRoomAwaited = true;
    const { unacked } = this.#context;
    if (unacked.isFull) unacked.wait(this.#onRoom);
    return mayGo && this.#state === 'up';
  }

  /** What the pair holds; its clients are its holder's business. */
  get usage(): Omit<UpstreamUsage, 'clients'> {
    const { filters, unacknowledged, waiting } = this.#traffic;
    return { sessions: this.#roles.connected, filters, unacknowledged, waiting };
  }

  /** Precondition: `canPublish`. */
  publish(message: OutboundPublication, receipt: PublishReceipt | null): void {
    this.#traffic.publish(message, receipt);
  }

  /** Adds a subscriber; its `onSuback` follows, after an outage if need be. */
  subscribe(request: SubscribeRequest): UpstreamSubscription {
    return this.#traffic.subscribe(request, this.#state === 'up');
  }

  /** Calls back when everything published so far has come through the broker to our own subscriptions. */
  barrier(done: () => void): void {
    this.#traffic.barrier(done);
  }

  /** Forgets a barrier that nobody waits for any more. */
  withdraw(done: () => void): void {
    this.#traffic.withdraw(done);
  }

  /** Hands groups over and waits for what the broker owes, then closes; bounded in time. Idempotent. */
  end(): void {
    if (this.#state === 'closing' || this.#state === 'closed') return;
    if (this.#state !== 'up') {
      this.close();
      return;
    }
    this.#state = 'closing';
    this.#deadline = setTimeout(() => this.close(), this.#context.broker.ackTimeoutMs);
    this.#traffic.retire(() => {
      this.#isRetired = true;
      this.#closeIfDone();
    });
  }

  /** Ends the sessions in order, whatever is still owed. Idempotent. */
  close(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    clearTimeout(this.#deadline);
    this.#traffic.dispose();
    this.#context.unacked.forget(this.#onRoom);
    this.#context.recovery.forget(this);
    this.#roles.close(() => this.#events.onClosed());
  }

  /** Ends at once. */
  abort(): void {
    this.close();
    this.#roles.cut();
  }

  /** Begins anew, without anything that was held or owed. Whoever used the pair has left it. */
  restart(): void {
    if (this.#state === 'closing' || this.#state === 'closed') return;
    this.#state = 'connecting';
    clearTimeout(this.#deadline);
    this.#traffic.dispose();
    this.#context.recovery.forget(this);
    this.#roles.closeGroups();
    this.#roles.cut();
  }

  /** The broker answers others again. */
  hurry(spreadMs: number): void {
    this.#roles.hurry(spreadMs);
  }

  /** The subscriptions of everybody are back. */
  resume(): void {
    if (this.#state !== 'outage') return;
    this.#state = 'up';
    this.#context.limitedLog.log(
      'info',
      { event: 'upstream.restored', client_id: this.#roles.clientId },
      'broker is back',
    );
    this.#traffic.proceed();
    this.#events.onUp();
  }

  #openSession(position: number): BrokerSession {
    const { broker, gate, watch } = this.#context;
    const { identify, isPermanent } = this.#options;
    const options = { broker, gate, watch, identify: () => identify(position), isPermanent };
    const session: BrokerSession = new BrokerSession(options, {
      onUp: (features) => this.#onUp(session, features),
      onDown: (end, wasUp) => this.#onDown(session, end, wasUp),
      onFatal: (error, end, wasUp) => this.#fail(error, end, wasUp),
      onMessage: this.#receiver(position),
      onDrain: () => this.#wake(),
      onAnswer: () => this.#traffic.onAnswer(session),
    });
    return session;
  }

  /** Chosen once: this is called for every message. */
  #receiver(position: number): LinkEvents['onMessage'] {
    const group = position - FIRST_GROUP;
    if (group >= 0) return (message, ids) => this.#traffic.onGroupMessage(group, message, ids);
    return (message, ids) => this.#traffic.onMessage(message, ids);
  }

  #onUp(session: BrokerSession, connack: LinkFeatures): void {
    this.#context.counters.upstreamConnects++;
    this.#traffic.setFeatures(this.#context.onFeatures(connack, this.#state === 'outage'));
    if (this.#state === 'outage') this.#context.recovery.answered();
    if (this.#state === 'connecting') this.#begin();
    else if (!this.#traffic.attach(session)) this.#recover();
  }

  #begin(): void {
    if (!this.#roles.areConnected) return;
    this.#state = 'up';
    this.#traffic.attachAll();
    this.#events.onUp();
  }

  /** All subscriptions are back: what was not acknowledged goes first, then operations are taken again. */
  #recover(): void {
    if (this.#state === 'closed' || !this.#traffic.isRestored) return;
    if (this.#state === 'outage') {
      clearTimeout(this.#deadline);
      this.#context.recovery.restored(this);
      return;
    }
    this.#traffic.proceed();
    this.#wake();
  }

  #onPuback(): void {
    // The publish session may be up while the subscriptions are not.
    if (this.#state !== 'outage') this.#traffic.sendOwed();
    this.#closeIfDone();
    this.#wake();
  }

  #onDown(session: BrokerSession, end: LinkEnd, wasUp: boolean): void {
    this.#context.counters.upstreamDisconnects++;
    this.#countEnd(end, wasUp);
    if (this.#state === 'closing') {
      this.close();
      return;
    }
    if (!wasUp) this.#warn('upstream.connect_failed', session, end, 'no connection to the broker yet');
    if (this.#state === 'connecting') {
      this.#events.onUnreachable();
      return;
    }
    this.#traffic.onLost(session);
    this.#context.recovery.lost(this);
    if (this.#state === 'up') {
      this.#state = 'outage';
      this.#lostAt = performance.now();
      this.#warn('upstream.lost', session, end, 'connection to the broker lost');
    }
    this.#awaitReturn();
  }

  #countEnd(end: LinkEnd, wasUp: boolean): void {
    const { connectFailures, disconnects } = this.#context.counters.upstream;
    countIn(wasUp ? disconnects : connectFailures, end.kind === 'lost' ? 'lost' : String(end.code));
  }

  /** The grace counts from the loss, however often sessions come and go meanwhile. */
  #awaitReturn(): void {
    clearTimeout(this.#deadline);
    const left = this.#lostAt + this.#context.outageGraceMs - performance.now();
    this.#deadline = setTimeout(() => this.#events.onGraceOver(), Math.max(0, left));
  }

  #warn(event: string, session: BrokerSession, end: LinkEnd, message: string): void {
    this.#context.limitedLog.log('warn', { event, client_id: session.clientId, end }, message);
  }

  #fail(error: GatewayError, end: LinkEnd, wasUp: boolean): void {
    this.#countEnd(end, wasUp);
    const wasClosing = this.#state === 'closing' || this.#state === 'closed';
    this.close();
    if (!wasClosing) this.#events.onFatal(error);
  }

  /** Nobody uses the pair: its publications are acknowledged, and its groups receive through others. */
  #closeIfDone(): void {
    const isDone = this.#isRetired && this.#traffic.unacknowledged === 0;
    if (this.#state === 'closing' && isDone) this.close();
  }

  #wake(): void {
    if (!this.#isRoomAwaited || this.#state !== 'up') return;
    this.#isRoomAwaited = false;
    this.#events.onRoom();
  }
}
