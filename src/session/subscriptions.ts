/** The subscriptions of one client: sid to subscription, limits, and who is asked for a reply subject. */

import { SubscriptionGauge } from '../metrics/subscription-gauge.ts';
import type { InboundPublication } from '../mqtt/publication.ts';
import { matches } from '../nats/subject.ts';
import { parentSlashes } from '../translation/delivery-filter.ts';
import type { Subscriber, UpstreamSubscription } from './ports.ts';

/** Delivers to one subscription; the session's delivery code, injected to keep this file free of it. */
export type Deliver = (subscription: Subscription, message: InboundPublication) => boolean;

/** One SUB. */
export class Subscription implements Subscriber {
  /** As the client wrote it, echoed verbatim. */
  readonly sid: Buffer;
  readonly subject: Buffer;
  /** Empty: no queue group. */
  readonly queue: Buffer;
  /** See `parentSlashes`. */
  readonly parentSlashes: number;
  handle: UpstreamSubscription | null = null;
  /** How many messages the client had published when it made this subscription. */
  publishedBefore = 0;
  /** And when it ended it by UNSUB: a request before that may still be owed the answer that nobody listens. */
  publishedUntil = Number.POSITIVE_INFINITY;
  /** Messages delivered since SUB. */
  delivered = 0;
  /** Ends after this many deliveries; 0: never. */
  max = 0;
  /** False as soon as nothing may be delivered any more. */
  isOpen = true;
  /** Some of what it asks for is denied: each delivery has to be looked at. */
  isFiltered = false;
  /** The broker has answered the first SUBSCRIBE. */
  isConfirmed = false;
  #deliver: Deliver;
  #onSuback: (code: number) => void;

  constructor(
    names: {
      readonly sid: Buffer;
      readonly subject: Buffer;
      readonly queue: Buffer;
      readonly filter: string;
    },
    deliver: Deliver,
    onSuback: (code: number) => void,
  ) {
    this.sid = names.sid;
    this.subject = names.subject;
    this.queue = names.queue;
    this.parentSlashes = parentSlashes(names.filter);
    this.#deliver = deliver;
    this.#onSuback = onSuback;
  }

  get isQueue(): boolean {
    return this.queue.length > 0;
  }

  deliver(message: InboundPublication): boolean {
    return this.isOpen && this.#deliver(this, message);
  }

  onSuback(code: number): void {
    this.#onSuback(code);
  }

  /** Nothing is delivered any more; the broker is told in the background. */
  stop(): void {
    this.isOpen = false;
    this.handle?.drop();
  }
}

const NOTHING: ReadonlyMap<string, Subscription> = new Map();

/** All subscriptions of one client by sid. */
export class SubscriptionList {
  /** Made for the first one, as is the next: many clients only publish. */
  #bySid: Map<string, Subscription> | null = null;
  /** UNSUBed, but copies may still come until the broker has confirmed. */
  #ending: Map<string, Subscription> | null = null;
  /** Grows whenever something changes here. */
  changes = 0;
  readonly #gauge: SubscriptionGauge;

  /** @param gauge counts those of all clients */
  constructor(gauge = new SubscriptionGauge()) {
    this.#gauge = gauge;
  }

  /** Active subscriptions. */
  get size(): number {
    return this.#bySid?.size ?? 0;
  }

  get(sid: Buffer): Subscription | undefined {
    return this.#bySid?.get(sid.toString('latin1'));
  }

  /** Those that are active. */
  all(): Subscription[] {
    return [...this.values()];
  }

  /** As {@link SubscriptionList.all}, without a copy. */
  values(): IterableIterator<Subscription> {
    return this.#bySid?.values() ?? NOTHING.values();
  }

  /** A sid that is used again cuts off what was still coming in under it. */
  add(subscription: Subscription): void {
    this.changes++;
    const key = subscription.sid.toString('latin1');
    const former = this.#ending?.get(key);
    if (former !== undefined) former.isOpen = false;
    this.#ending?.delete(key);
    this.#bySid ??= new Map();
    this.#bySid.set(key, subscription);
    this.#gauge.change(subscription.isQueue, 1);
  }

  /** Frees the sid at once; deliveries are the caller's business. */
  remove(subscription: Subscription): void {
    const key = subscription.sid.toString('latin1');
    if (this.#bySid?.get(key) === subscription) this.#leave(key, subscription);
    if (this.#ending?.get(key) === subscription) this.#ending.delete(key);
  }

  /** Frees the sid while copies may still come. */
  setEnding(subscription: Subscription): void {
    this.changes++;
    const key = subscription.sid.toString('latin1');
    this.#leave(key, subscription);
    this.#ending ??= new Map();
    this.#ending.set(key, subscription);
  }

  /**
   * Plain subscriptions of this client that match a subject.
   * @param published looks back at those there were for the publication of this number; without, at those there are
   */
  plainMatches(subject: Buffer, published = Number.POSITIVE_INFINITY): Subscription[] {
    const found: Subscription[] = [];
    for (const one of [...this.values(), ...(this.#ending?.values() ?? [])]) {
      const wasThere = one.publishedBefore < published && published <= one.publishedUntil;
      if (wasThere && !one.isQueue && matches(one.subject, subject, 0, subject.length)) found.push(one);
    }
    return found;
  }

  /** Nothing is delivered any more; the subscriptions stay. */
  stopDeliveries(): void {
    for (const one of this.values()) one.isOpen = false;
    for (const one of this.#ending?.values() ?? []) one.isOpen = false;
  }

  /** Everything ends with the connection. */
  closeAll(): void {
    for (const [key, one] of [...(this.#bySid ?? NOTHING)]) {
      one.isOpen = false;
      this.#leave(key, one);
    }
    for (const one of this.#ending?.values() ?? []) one.isOpen = false;
    this.#ending = null;
  }

  #leave(key: string, subscription: Subscription): void {
    if (this.#bySid?.delete(key)) this.#gauge.change(subscription.isQueue, -1);
  }
}
