/**
 * A queue group on a broker without shared subscriptions. One member's session (the leader's) subscribes to the
 * plain filter; each message goes to one member, whichever session it sits on.
 */
import type { InboundPublication } from '../mqtt/publication.ts';
import type { SubscribeRequest, Subscriber, UpstreamSubscription } from '../session/ports.ts';
import type { SubscriptionTable } from './subscription-table.ts';

/** What a group asks of the process. */
export interface LocalGroupEvents {
  /** Another group of the same name, earlier in the order of filters, receives this topic as well. */
  isDuplicate(group: LocalGroup, topic: string): boolean;
  onUnclaimed(): void;
  onEmpty(): void;
}

interface LocalMember {
  readonly table: SubscriptionTable;
  readonly request: SubscribeRequest;
  isTold: boolean;
}

/** The subscription through which a group receives. */
interface Leader {
  readonly member: LocalMember;
  readonly handle: UpstreamSubscription;
  isActive: boolean;
}

/** Distinct messages remembered while two leaders overlap. */
const MAX_OVERLAP = 10_000;

/** One group name and one filter. */
export class LocalGroup {
  readonly name: string;
  readonly filter: string;
  #events: LocalGroupEvents;
  #members = new Set<LocalMember>();
  #leader: Leader | null = null;
  /** While an old leader is being released: copies seen from one leader and still to come from the other. */
  #overlap: { readonly old: LocalMember; readonly surplus: Map<string, number> } | null = null;

  constructor(name: string, filter: string, events: LocalGroupEvents) {
    this.name = name;
    this.filter = filter;
    this.#events = events;
  }

  get isReceiving(): boolean {
    return this.#leader?.isActive ?? false;
  }

  join(table: SubscriptionTable, request: SubscribeRequest): UpstreamSubscription {
    const member: LocalMember = { table, request, isTold: false };
    this.#members.add(member);
    if (this.#leader === null) this.#lead(member);
    else if (this.#leader.isActive) queueMicrotask(() => this.#tell(member, 0));
    return {
      end: (done) => this.#leave(member, done),
      drop: () => this.#leave(member, () => {}),
    };
  }

  forget(table: SubscriptionTable): void {
    for (const member of [...this.#members]) if (member.table === table) this.#members.delete(member);
    if (this.#leader?.member.table === table) this.#succeed(() => {});
    if (this.#members.size === 0) this.#events.onEmpty();
  }

  #lead(member: LocalMember, onActive: () => void = () => {}): void {
    const subscriber: Subscriber = {
      deliver: (message) => this.#distribute(member, message),
      onSuback: (code) => {
        if (leader.isActive || this.#leader !== leader) return;
        leader.isActive = code < 0x80;
        if (code >= 0x80) this.#onRefused(leader, code);
        else for (const one of [...this.#members]) this.#tell(one, code);
        onActive();
      },
    };
    const handle = member.table.subscribe({ ...member.request, shareName: null, subscriber });
    const leader: Leader = { member, handle, isActive: false };
    this.#leader = leader;
  }

  /** Permissions differ between sessions: the refused one leaves, the next tries. */
  #onRefused(leader: Leader, code: number): void {
    this.#members.delete(leader.member);
    this.#tell(leader.member, code);
    this.#succeed(() => {});
  }

  #tell(member: LocalMember, code: number): void {
    if (member.isTold) return;
    member.isTold = true;
    member.request.subscriber.onSuback(code);
  }

  #leave(member: LocalMember, done: () => void): void {
    if (!this.#members.has(member)) {
      done();
      return;
    }
    this.#tell(member, 0);
    const leader = this.#leader;
    if (leader?.member !== member) {
      this.#members.delete(member);
      done();
      return;
    }
    if (this.#members.size === 1) {
      leader.handle.end(() => {
        this.#members.delete(member);
        this.#succeed(() => {});
        done();
      });
      return;
    }
    this.#members.delete(member);
    this.#succeed(() => {
      this.#overlap = { old: member, surplus: new Map() };
      leader.handle.end(() => {
        this.#overlap = null;
        done();
      });
    });
  }

  /** The next member's session subscribes; only then is the old one released, so that nothing falls between. */
  #succeed(onActive: () => void): void {
    this.#leader = null;
    const [next] = this.#members;
    if (next === undefined) {
      onActive();
      if (this.#members.size === 0) this.#events.onEmpty();
      return;
    }
    this.#lead(next, onActive);
  }

  #distribute(source: LocalMember, message: InboundPublication): boolean {
    if (message.retain) return true;
    const topic = message.topicBuffer.toString('utf8', message.topicStart, message.topicEnd);
    if (this.#events.isDuplicate(this, topic) || this.#isSeen(source, topic, message)) return true;
    const members = [...this.#members];
    const start = Math.floor(Math.random() * members.length);
    for (let i = 0; i < members.length; i++) {
      if (members[(start + i) % members.length]?.request.subscriber.deliver(message)) return true;
    }
    this.#events.onUnclaimed();
    return true;
  }

  #isSeen(source: LocalMember, topic: string, message: InboundPublication): boolean {
    const overlap = this.#overlap;
    if (overlap === null || overlap.surplus.size > MAX_OVERLAP) return false;
    const key = `${topic}\0${message.body.toString('latin1', message.payloadStart, message.payloadEnd)}`;
    const sign = source === overlap.old ? -1 : 1;
    const surplus = overlap.surplus.get(key) ?? 0;
    overlap.surplus.set(key, surplus + sign);
    return surplus * sign < 0;
  }
}
