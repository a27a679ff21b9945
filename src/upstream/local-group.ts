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

/** A plain subscription through which the group receives. */
interface Receiver {
  readonly member: LocalMember;
  readonly handle: UpstreamSubscription;
  isActive: boolean;
}

/** A former leader: it receives until the next one does, so that nothing falls between. */
interface RetiringReceiver {
  readonly receiver: Receiver;
  readonly done: () => void;
  isEnding: boolean;
}

/** One group name and one filter, within one scope. */
export class LocalGroup {
  readonly name: string | null;
  readonly filter: string;
  /** See {@link SubscribeRequest.scope}. */
  readonly scope: string;
  #events: LocalGroupEvents;
  #members = new Set<LocalMember>();
  #leader: Receiver | null = null;
  #retiring = new Set<RetiringReceiver>();
  /** Counts leaders. */
  #changes = 0;
  /** While more than one session receives. */
  #copies: CopyFilter | null = null;

  constructor(request: SubscribeRequest, events: LocalGroupEvents) {
    this.name = request.shareName;
    this.filter = request.filter;
    this.scope = request.scope;
    this.#events = events;
  }

  get isReceiving(): boolean {
    return this.#retiring.size > 0 || (this.#leader?.isActive ?? false);
  }

  join(table: SubscriptionTable, request: SubscribeRequest): UpstreamSubscription {
    const member: LocalMember = { table, request, isTold: false };
    this.#members.add(member);
    if (this.#leader === null) this.#lead(member);
    else if (this.#leader.isActive) queueMicrotask(() => this.#tell(member));
    return {
      end: (done) => this.#leave(member, done),
      drop: () => this.#leave(member, () => {}),
    };
  }

  /** The members of a session leave, and what the group receives through it comes through another one first. */
  retire(table: SubscriptionTable, done: () => void): void {
    const leaving = [...this.#members].filter((member) => member.table === table);
    const isLeader = leaving.some((member) => member === this.#leader?.member);
    const others = this.#members.size - leaving.length;
    for (const member of leaving) if (member !== this.#leader?.member) this.#members.delete(member);
    const leader = this.#leader;
    if (isLeader && others > 0 && leader !== null) this.#leave(leader.member, done);
    else done();
  }

  /** A session is over, and everything of its members with it. */
  forget(table: SubscriptionTable): void {
    for (const member of [...this.#members]) if (member.table === table) this.#members.delete(member);
    for (const one of [...this.#retiring])
      if (one.receiver.member.table === table) this.#retiring.delete(one);
    if (this.#leader?.member.table === table) this.#succeed();
    this.#settle();
  }

  #lead(member: LocalMember): void {
    this.#changes++;
    if (this.#retiring.size > 0) this.#copies ??= new CopyFilter();
    let leader: Receiver | null = null;
    // Answered before it returns where the session holds the filter already.
    let early: number | null = null;
    const subscriber: Subscriber = {
      deliver: (message) => this.#distribute(member, message),
      onSuback: (code) => {
        if (leader === null) early = code;
        else this.#onAnswer(leader, code);
      },
    };
    const handle = member.table.subscribe({ ...member.request, shareName: null, subscriber });
    leader = { member, handle, isActive: false };
    this.#leader = leader;
    if (early !== null) this.#onAnswer(leader, early);
  }

  #onAnswer(leader: Receiver, code: number): void {
    if (this.#leader !== leader) return;
    if (code >= 0x80) this.#onRefused(leader, code);
    else this.#onActive(leader);
  }

  #onActive(leader: Receiver): void {
    leader.isActive = true;
    for (const one of [...this.#members]) this.#tell(one);
    this.#endRetiring();
  }

  /** Permissions differ between sessions: the refused one leaves, the next tries. */
  #onRefused(leader: Receiver, code: number): void {
    const { member } = leader;
    this.#members.delete(member);
    // Also one that was told otherwise before: an outage may bring a refusal.
    member.isTold = true;
    member.request.subscriber.onSuback(code);
    this.#succeed();
    this.#settle();
  }

  #tell(member: LocalMember): void {
    if (member.isTold) return;
    member.isTold = true;
    member.request.subscriber.onSuback(0);
  }

  #leave(member: LocalMember, done: () => void): void {
    if (!this.#members.delete(member)) {
      done();
      return;
    }
    this.#tell(member);
    const leader = this.#leader;
    if (leader?.member !== member) {
      done();
      return;
    }
    this.#retiring.add({ receiver: leader, done, isEnding: false });
    this.#succeed();
  }

  /** The next member's session subscribes; without one, who still receives stops. */
  #succeed(): void {
    this.#leader = null;
    const [next] = this.#members;
    if (next === undefined) this.#endRetiring();
    else this.#lead(next);
  }

  #endRetiring(): void {
    for (const one of [...this.#retiring]) {
      if (one.isEnding) continue;
      one.isEnding = true;
      one.receiver.handle.end(() => {
        this.#retiring.delete(one);
        one.done();
        this.#settle();
      });
    }
  }

  /** The sessions are not in step: copies of what the former leader has brought may still come to the new one. */
  #settle(): void {
    if (this.#retiring.size > 0) return;
    const copies = this.#copies;
    if (this.#members.size === 0) this.#events.onEmpty();
    else if (copies !== null) {
      const change = this.#changes;
      this.#leader?.member.table.catchUp(() => {
        if (change === this.#changes) this.#copies = null;
      });
    }
  }

  #distribute(source: LocalMember, message: InboundPublication): boolean {
    if (message.retain) return true;
    const topic = message.topicBuffer.toString('utf8', message.topicStart, message.topicEnd);
    if (this.#events.isDuplicate(this, topic)) return true;
    if (this.#copies?.isRepeat(source, topic, message)) return true;
    const members = this.#receivers();
    const start = Math.floor(Math.random() * members.length);
    for (let i = 0; i < members.length; i++) {
      if (members[(start + i) % members.length]?.request.subscriber.deliver(message)) return true;
    }
    this.#events.onUnclaimed();
    return true;
  }

  /** The last member to leave is still owed what comes before its UNSUBACK. */
  #receivers(): LocalMember[] {
    if (this.#members.size > 0) return [...this.#members];
    return [...this.#retiring].map((one) => one.receiver.member);
  }
}

/** Distinct messages remembered while several sessions receive. */
const MAX_COPIES = 10_000;

/**
 * Tells the copies of one message apart from messages that look the same: of equal ones, the n-th through one session
 * is the n-th through any other. Exact for messages that differ; equal ones around a change of leader may count as one.
 */
class CopyFilter {
  #counts = new Map<string, { passed: number; readonly bySource: Map<LocalMember, number> }>();

  isRepeat(source: LocalMember, topic: string, message: InboundPublication): boolean {
    const key = `${topic}\0${message.body.toString('latin1', message.payloadStart, message.payloadEnd)}`;
    let counts = this.#counts.get(key);
    if (counts === undefined) {
      if (this.#counts.size >= MAX_COPIES) return false;
      counts = { passed: 0, bySource: new Map() };
      this.#counts.set(key, counts);
    }
    const count = (counts.bySource.get(source) ?? 0) + 1;
    counts.bySource.set(source, count);
    if (count <= counts.passed) return true;
    counts.passed = count;
    return false;
  }
}
