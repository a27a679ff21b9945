/**
 * A pair of sessions that many clients share: who they are, whose turn it is, and what an outage means to them. Knows
 * them as members only.
 */

import { randomBytes } from 'node:crypto';
import { GatewayError } from '../errors.ts';
import type { UpstreamUsage } from '../metrics/upstream-usage.ts';
import type { OutboundPublication } from '../mqtt/publication.ts';
import type {
  PublishReceipt,
  SubscribeRequest,
  UpstreamFeatures,
  UpstreamIdentity,
  UpstreamSubscription,
} from '../session/ports.ts';
import type { DenyList } from './deny-list.ts';
import type { PairContext } from './pair-context.ts';
import { SessionPair } from './session-pair.ts';
import { TurnQueue } from './turn-queue.ts';

/** A client of a pair. */
export interface PairMember {
  /** It has not been served and holds nothing yet: another pair would do as well. */
  readonly isWaiting: boolean;
  /** Precondition: `isWaiting`, and the other pair is up. */
  moveTo(pair: SharedPair): void;
  /** The pair takes operations, for the first time or again: what was held may be offered. */
  onUp(): void;
  /** It is this member's turn to publish. */
  onTurn(): void;
  /** The broker was away for too long. A member that has not been served yet may go on waiting. */
  onGraceOver(error: GatewayError): void;
}

/** What the pairs of a pool have in common. */
export interface SharedPairOptions {
  readonly account: PoolAccount;
  readonly denied: DenyList;
}

/** What a shared pair tells its pool. */
export interface SharedPairEvents {
  /** It does not come up. */
  onUnreachable(pair: SharedPair): void;
  onClosed(pair: SharedPair): void;
}

/** The gateway's own account at the broker. */
export type PoolAccount = Omit<UpstreamIdentity, 'clientId'>;

/** Members told in one turn of the event loop that the broker is back. */
const WOKEN_PER_TURN = 128;

/** Time within which a client that waits has the broker asked again, and least time between two such occasions. */
const HURRY_SPREAD_MS = 250;
const HURRY_GAP_MS = 1_000;

/** One pair of a pool. */
export class SharedPair {
  #pair: SessionPair;
  #members = new Set<PairMember>();
  #turns: TurnQueue<PairMember>;
  #hasFailed = false;
  #hurriedAt = 0;
  /** Changes with each round of waking. */
  #round = 0;

  constructor(context: PairContext, options: SharedPairOptions, events: SharedPairEvents) {
    const { account, denied } = options;
    const identify = () => ({ ...account, clientId: generateClientId() });
    this.#pair = new SessionPair(
      context,
      { identify, isPermanent: true, denied },
      {
        onUp: () => this.#onUp(),
        onRoom: () => this.#turns.next(),
        onUnreachable: () => {
          this.#hasFailed = true;
          events.onUnreachable(this);
        },
        onGraceOver: () => this.#onGraceOver(),
        onFatal: () => {},
        onClosed: () => events.onClosed(this),
      },
    );
    this.#turns = new TurnQueue({
      hasRoom: () => this.#pair.canPublish,
      go: (member) => member.onTurn(),
    });
  }

  /** Number of members. */
  get load(): number {
    return this.#members.size;
  }

  /** Members that have not been served go to a pair that is up. */
  surrenderTo(other: SharedPair): void {
    for (const member of [...this.#members]) if (member.isWaiting) member.moveTo(other);
  }

  get isUp(): boolean {
    return this.#pair.isUp;
  }

  /** There is no reason to send a new client elsewhere. */
  get isPromising(): boolean {
    return this.#pair.isUp || !this.#hasFailed;
  }

  get features(): UpstreamFeatures {
    return this.#pair.features;
  }

  get usage(): UpstreamUsage {
    const { waiting, ...held } = this.#pair.usage;
    return { ...held, clients: this.load, waiting: waiting + this.#turns.size };
  }

  /** `onUp` follows when it is not up yet. */
  join(member: PairMember): void {
    this.#members.add(member);
    if (!this.#pair.isUp) this.#hurry();
  }

  leave(member: PairMember): void {
    this.#members.delete(member);
    this.#turns.leave(member);
  }

  /** False: hold the publication; `onTurn` or `onUp` follows. */
  canPublish(member: PairMember): boolean {
    return this.#turns.claim(member);
  }

  /** Precondition: `canPublish`. */
  publish(message: OutboundPublication, receipt: PublishReceipt | null): void {
    this.#pair.publish(message, receipt);
  }

  subscribe(request: SubscribeRequest): UpstreamSubscription {
    return this.#pair.subscribe(request);
  }

  barrier(done: () => void): void {
    this.#pair.barrier(done);
  }

  /** A barrier that nobody waits for any more. */
  withdraw(done: () => void): void {
    this.#pair.withdraw(done);
  }

  /** See {@link PortSource.onProbed}. */
  onProbed(): void {
    if (this.#pair.isUp) this.#onUp();
  }

  /** See {@link SessionPair.end}. */
  end(): void {
    this.#pair.end();
  }

  abort(): void {
    this.#pair.abort();
  }

  /** Somebody waits: the broker is asked soon, whatever the backoff says, but not more often for more clients. */
  #hurry(): void {
    const now = performance.now();
    if (now - this.#hurriedAt < HURRY_GAP_MS) return;
    this.#hurriedAt = now;
    this.#pair.hurry(HURRY_SPREAD_MS);
  }

  #onUp(): void {
    this.#hasFailed = false;
    this.#round++;
    this.#wake([...this.#members], 0, this.#round);
  }

  /** All at once would parse everything that thousands of clients have sent meanwhile in one turn. */
  #wake(members: readonly PairMember[], from: number, round: number): void {
    if (round !== this.#round || !this.#pair.isUp) return;
    const to = Math.min(from + WOKEN_PER_TURN, members.length);
    for (let i = from; i < to; i++) {
      const member = members[i];
      if (member !== undefined && this.#members.has(member)) member.onUp();
    }
    if (to < members.length) setImmediate(() => this.#wake(members, to, round));
    // Who was in line before the outage is among the members.
    else this.#turns.next();
  }

  #onGraceOver(): void {
    this.#hasFailed = true;
    const error = new GatewayError('GW_BROKER_UNAVAILABLE', 'the broker did not come back');
    for (const member of [...this.#members]) member.onGraceOver(error);
    this.#pair.restart();
  }
}

/** Unguessable, and within what a 3.1.1 broker has to take: 23 characters of [0-9A-Za-z]. */
function generateClientId(): string {
  return `nmg${randomBytes(10).toString('hex')}`;
}
