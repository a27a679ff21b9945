/**
 * One client's port over a pair that it shares with others. What is its own (subscriptions, barriers it waits for) ends
 * with it; what it has had published is the pair's business.
 */
import { randomBytes } from 'node:crypto';
import { GatewayError } from '../errors.ts';
import type { OutboundPublication } from '../mqtt/publication.ts';
import type {
  PublishReceipt,
  SubscribeRequest,
  UpstreamFeatures,
  UpstreamListener,
  UpstreamPort,
  UpstreamSubscription,
} from '../session/ports.ts';
import type { PairMember, SharedPair } from './shared-pair.ts';

/** What a port needs to know. */
export interface PooledPortOptions {
  readonly connectTimeoutMs: number;
  readonly hasUserProperties: boolean;
  readonly onEnded: (port: PooledPort) => void;
}

/** See the head of the file. Idle clients come by the thousand: what few of them need is made when needed. */
export class PooledPort implements UpstreamPort, PairMember {
  #options: PooledPortOptions;
  #pair: SharedPair;
  #listener: UpstreamListener;
  /** `waiting`: the pair is not up yet, and nothing is held. */
  #state: 'waiting' | 'ready' | 'ended' = 'waiting';
  /** Of the state `waiting`. */
  #deadline: NodeJS.Timeout | null = null;
  #origin: string | null = null;
  #subscriptions: Set<PooledSubscription> | null = null;
  #barriers: Set<() => void> | null = null;

  constructor(pair: SharedPair, listener: UpstreamListener, options: PooledPortOptions) {
    this.#options = options;
    this.#pair = pair;
    this.#listener = listener;
    pair.join(this);
    // Later, because the session that is being opened does not have its port yet.
    if (pair.isUp) queueMicrotask(() => this.onUp());
    else this.#startWaiting();
  }

  get isUp(): boolean {
    return this.#state === 'ready' && this.#pair.isUp;
  }

  get canPublish(): boolean {
    return this.#state === 'ready' && this.#pair.canPublish(this);
  }

  get features(): UpstreamFeatures {
    return this.#pair.features;
  }

  get originToken(): string | null {
    if (!this.#options.hasUserProperties) return null;
    this.#origin ??= randomBytes(9).toString('base64url');
    return this.#origin;
  }

  get isWaiting(): boolean {
    return this.#state === 'waiting';
  }

  moveTo(pair: SharedPair): void {
    this.#pair.leave(this);
    this.#pair = pair;
    pair.join(this);
    this.onUp();
  }

  publish(message: OutboundPublication, receipt: PublishReceipt | null): void {
    this.#pair.publish(message, receipt);
  }

  subscribe(request: SubscribeRequest): UpstreamSubscription {
    this.#subscriptions ??= new Set();
    const subscription = new PooledSubscription(this.#pair.subscribe(request), this.#subscriptions);
    this.#subscriptions.add(subscription);
    return subscription;
  }

  barrier(done: () => void): void {
    const barriers = this.#barriers ?? new Set();
    this.#barriers = barriers;
    const passed = (): void => {
      barriers.delete(passed);
      if (barriers.size === 0 && this.#barriers === barriers) this.#barriers = null;
      done();
    };
    barriers.add(passed);
    this.#pair.barrier(passed);
  }

  end(): void {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    this.#stopWaiting();
    for (const passed of this.#barriers ?? []) this.#pair.withdraw(passed);
    this.#barriers = null;
    for (const subscription of this.#subscriptions ?? []) subscription.drop();
    this.#subscriptions = null;
    this.#pair.leave(this);
    this.#options.onEnded(this);
  }

  onUp(): void {
    if (this.#state === 'ready') this.#listener.onWritable();
    else if (this.#state === 'waiting') this.#begin();
  }

  onTurn(): void {
    if (this.#state === 'ready') this.#listener.onWritable();
  }

  onGraceOver(error: GatewayError): void {
    if (this.#state === 'ready') this.#fail(error);
  }

  /** Told in a later turn, when the pair may be gone again. */
  #begin(): void {
    if (!this.#pair.isUp) {
      this.#startWaiting();
      return;
    }
    this.#state = 'ready';
    this.#stopWaiting();
    this.#listener.onReady();
  }

  #startWaiting(): void {
    this.#deadline ??= setTimeout(() => {
      this.#fail(new GatewayError('GW_BROKER_UNAVAILABLE', 'no connection to the broker'));
    }, this.#options.connectTimeoutMs);
  }

  #fail(error: GatewayError): void {
    this.end();
    this.#listener.onEnded(error);
  }

  #stopWaiting(): void {
    if (this.#deadline !== null) clearTimeout(this.#deadline);
    this.#deadline = null;
  }
}

/** A subscription that its port can end. */
class PooledSubscription implements UpstreamSubscription {
  #held: UpstreamSubscription;
  #all: Set<PooledSubscription>;

  constructor(held: UpstreamSubscription, all: Set<PooledSubscription>) {
    this.#held = held;
    this.#all = all;
  }

  end(done: () => void): void {
    this.#held.end(() => {
      this.#all.delete(this);
      done();
    });
  }

  drop(): void {
    this.#all.delete(this);
    this.#held.drop();
  }
}
