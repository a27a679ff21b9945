/**
 * The filters of one upstream subscribe session: which SUBSCRIBEs are owed, in which order, and what is restored
 * after an outage. Speaks to the broker through {@link FilterWire} only.
 */
import type { InboundPublication } from '../mqtt/publication.ts';
import { REASON } from '../mqtt/reason-codes.ts';
import { wireFilter } from '../mqtt/topic.ts';
import type { SubscribeRequest, UpstreamSubscription } from '../session/ports.ts';
import { type FilterEntry, Member } from './filter-entry.ts';
import { FilterIndex, type IndexOptions } from './filter-index.ts';
import type { SubscribeOptions } from './mqtt-link.ts';
import { Restoration } from './restoration.ts';

/** The session through which a table changes filters; each callback comes once, or never if the session ends. */
export interface FilterWire {
  subscribe(filter: string, options: SubscribeOptions, done: (code: number) => void): void;
  unsubscribe(filter: string, done: () => void): void;
  /** Runs a job that nobody waits for when everything else has been sent; it may turn out to be needless by then. */
  later(job: () => void): void;
  barrier(done: () => void): void;
}

/** What a table needs to know. */
export interface TableOptions extends IndexOptions {
  /** Retained messages are wanted by new subscriptions. */
  readonly wantsRetained: boolean;
  /** This filter has ended the session each time it was subscribed; it is not subscribed again. */
  readonly onCulprit: (filter: string) => void;
}

/** All filters of one session. */
export class SubscriptionTable {
  #entries = new Map<string, FilterEntry>();
  #index: FilterIndex;
  #wire: FilterWire | null = null;
  /** Changes with every session: acknowledgements of an earlier one are ignored. */
  #epoch = 0;
  #hasIdentifiers = false;
  #options: TableOptions;
  #restoration = new Restoration((entry) => this.#restore(entry));

  constructor(options: TableOptions) {
    this.#options = options;
    this.#index = new FilterIndex(options);
  }

  get size(): number {
    return this.#entries.size;
  }

  /** A session is up, and the broker has answered for every filter that was owed to it. */
  get isRestored(): boolean {
    return this.#wire !== null && this.#restoration.isDone;
  }

  /** An identifier for a subscription made outside of this table on the same session. */
  allocateIdentifier(): number | null {
    return this.#hasIdentifiers ? this.#index.allocateIdentifier() : null;
  }

  /** Adds a subscriber; its `onSuback` follows, after a reconnect if need be. */
  subscribe(request: SubscribeRequest): UpstreamSubscription {
    const entry = this.#entryOf(request);
    const member = new Member(entry, request);
    entry.add(member);
    this.#advance(entry);
    return {
      end: (done) => this.#end(member, done),
      drop: () => this.#drop(member),
    };
  }

  /**
   * A session is up: subscribes everything again, then calls back. Retained messages are asked for only where
   * nobody has had them.
   */
  attach(wire: FilterWire, hasIdentifiers: boolean, onRestored: () => void): void {
    this.#epoch++;
    this.#wire = wire;
    this.#hasIdentifiers = hasIdentifiers;
    this.#restoration.begin(this.#entries.values(), onRestored);
  }

  /** The SUBSCRIBE of a filter leaves for the broker. */
  onSending(filter: string): void {
    const entry = this.#entries.get(filter);
    if (entry !== undefined) this.#restoration.onSending(entry);
  }

  /** The session is gone: what was being ended has ended; the rest waits for `attach`. */
  detach(): void {
    this.#wire = null;
    this.#epoch++;
    this.#index.forgetIdentifiers();
    for (const entry of [...this.#entries.values()]) {
      entry.isChanging = false;
      entry.heldQoS = -1;
      entry.formerIdentifiers = null;
      for (const member of entry.ending()) member.finish();
      if (entry.size === 0) this.#delete(entry);
    }
    const culprit = this.#restoration.onLost();
    if (culprit !== null) this.#condemn(culprit);
  }

  #condemn(entry: FilterEntry): void {
    this.#options.onCulprit(entry.filter);
    for (const member of entry.waiting()) this.#activate(member, -1, REASON.UNSPECIFIED_ERROR);
    this.#refuse(entry, REASON.UNSPECIFIED_ERROR);
  }

  /** Nobody subscribes through this table any more: also who shares filters with others forgets it. */
  dispose(): void {
    this.detach();
    for (const entry of [...this.#entries.values()]) this.#delete(entry);
  }

  /** Gives one message to all subscribers it is for. */
  dispatch(message: InboundPublication, identifiers: readonly number[]): void {
    this.#index.dispatch(message, identifiers);
  }

  /** Calls back when everything that the broker has routed to this session so far is here; never if it ends first. */
  catchUp(done: () => void): void {
    if (this.#wire === null) done();
    else this.#wire.barrier(done);
  }

  #entryOf(request: SubscribeRequest): FilterEntry {
    const key = wireFilter(request.shareName, request.filter);
    const held = this.#entries.get(key);
    if (held !== undefined) return held;
    const wanted = this.#index.add(request.filter, request.shareName);
    this.#entries.set(key, wanted);
    return wanted;
  }

  /** Does the next thing that this filter needs, if nothing is under way. */
  #advance(entry: FilterEntry): void {
    const wire = this.#wire;
    if (wire === null || entry.isChanging) return;
    if (entry.waitingCount > 0) this.#serve(entry, wire);
    else if (entry.endingCount === entry.size) this.#release(entry, wire);
    else if (entry.endingCount > 0) this.#settle(entry, wire);
  }

  #serve(entry: FilterEntry, wire: FilterWire): void {
    const waiting = entry.waiting();
    const isHeld = entry.heldQoS !== -1;
    const wantsRetained =
      this.#options.wantsRetained && entry.shareName === null && (this.#hasIdentifiers || !isHeld);
    if (isHeld && !wantsRetained && entry.heldQoS >= entry.wantedQoS) {
      for (const member of waiting) this.#activate(member, entry.identifier, 0);
      this.#advance(entry);
      return;
    }
    this.#subscribe(entry, waiting, wantsRetained ? 0 : 2, wire);
  }

  #subscribe(entry: FilterEntry, served: readonly Member[], retainHandling: 0 | 2, wire: FilterWire): void {
    const identifier = this.allocateIdentifier();
    if (identifier !== null) this.#index.identify(entry, identifier);
    for (const member of served) member.sinceIdentifier = entry.identifier;
    entry.isChanging = true;
    entry.isFresh = retainHandling === 0 && entry.heldQoS === -1;
    const formerQoS = entry.heldQoS;
    const qos = entry.wantedQoS;
    // Copies may come before the SUBACK: from here on they count.
    entry.heldQoS = qos;
    const epoch = this.#epoch;
    wire.subscribe(entry.filter, { qos, identifier, retainHandling }, (code) => {
      if (epoch !== this.#epoch) return;
      entry.isChanging = false;
      if (code >= 0x80) entry.heldQoS = formerQoS;
      for (const member of served) this.#activate(member, member.sinceIdentifier, code);
      if (code >= 0x80) this.#refuse(entry, code);
      else this.#markSettled(entry, wire, epoch);
      this.#advance(entry);
      this.#restoration.onAnswered(entry);
    });
  }

  /** Members that held the filter before an outage and are refused now are told like new ones. */
  #refuse(entry: FilterEntry, code: number): void {
    if (entry.heldQoS !== -1) return;
    for (const member of entry.active()) this.#activate(member, -1, code);
    if (entry.size === 0) this.#delete(entry);
  }

  /** Without identifiers, retained copies are told apart by time: those after this PINGRESP are for others. */
  #markSettled(entry: FilterEntry, wire: FilterWire, epoch: number): void {
    if (this.#hasIdentifiers || !entry.isFresh) return;
    wire.barrier(() => {
      if (epoch === this.#epoch) entry.isFresh = false;
    });
  }

  #activate(member: Member, identifier: number, code: number): void {
    if (code >= 0x80) {
      const isAwaited = member.state !== 'ending';
      member.entry.delete(member);
      if (isAwaited) member.subscriber.onSuback(code);
      member.finish();
      return;
    }
    if (member.state !== 'waiting') return;
    member.entry.setState(member, 'active');
    member.sinceIdentifier = identifier;
    member.subscriber.onSuback(code);
  }

  /** The last subscriber is leaving: copies go on until the UNSUBACK. */
  #release(entry: FilterEntry, wire: FilterWire): void {
    const ending = entry.ending();
    if (entry.heldQoS === -1) {
      for (const member of ending) member.finish();
      this.#delete(entry);
      return;
    }
    if (ending.length > 0) this.#unsubscribe(entry, ending, wire);
    else wire.later(() => this.#releaseIdle(entry, wire));
  }

  /** All subscribers are gone: no hurry, and somebody may have come meanwhile. */
  #releaseIdle(entry: FilterEntry, wire: FilterWire): void {
    const isIdle = entry.size === 0 && entry.heldQoS !== -1 && !entry.isChanging;
    if (isIdle && wire === this.#wire) this.#unsubscribe(entry, [], wire);
  }

  #unsubscribe(entry: FilterEntry, ending: readonly Member[], wire: FilterWire): void {
    entry.isChanging = true;
    const epoch = this.#epoch;
    const onReleased = (): void => {
      if (epoch !== this.#epoch) return;
      entry.isChanging = false;
      entry.heldQoS = -1;
      for (const member of ending) member.finish();
      if (entry.size === 0) this.#delete(entry);
      else this.#advance(entry);
    };
    wire.unsubscribe(entry.filter, () => {
      // With QoS 1 the broker may still hold back copies, for want of a place in our Receive Maximum.
      if (epoch === this.#epoch && entry.heldQoS === 1) wire.barrier(onReleased);
      else onReleased();
    });
  }

  /** Others keep the filter: what was routed before the end is known to be here after a barrier. */
  #settle(entry: FilterEntry, wire: FilterWire): void {
    const ending = entry.ending();
    entry.isChanging = true;
    const epoch = this.#epoch;
    wire.barrier(() => {
      if (epoch !== this.#epoch) return;
      entry.isChanging = false;
      for (const member of ending) member.finish();
      this.#advance(entry);
    });
  }

  #end(member: Member, done: () => void): void {
    if (!member.entry.has(member)) {
      done();
      return;
    }
    member.onEnded = done;
    if (member.state === 'active') member.entry.setState(member, 'ending');
    else if (member.state === 'waiting') this.#endWaiting(member);
    if (this.#wire === null) member.finish();
    else this.#advance(member.entry);
  }

  /** Its SUBSCRIBE is under way or owed: it counts as answered, so that the UNSUBSCRIBE comes behind it. */
  #endWaiting(member: Member): void {
    member.entry.setState(member, 'ending');
    member.subscriber.onSuback(0);
  }

  #drop(member: Member): void {
    const { entry } = member;
    const wasWaiting = member.state === 'waiting';
    if (!entry.delete(member)) return;
    if (wasWaiting) {
      // Its SUBSCRIBE may be under way: the answer is nobody's business any more.
      member.state = 'ending';
      member.subscriber.onSuback(0);
    }
    member.finish();
    if (entry.size === 0 && this.#wire === null) this.#delete(entry);
    else this.#advance(entry);
  }

  #restore(entry: FilterEntry): void {
    const wire = this.#wire;
    if (wire === null || entry.isChanging) return;
    if (entry.waitingCount === entry.size) this.#serve(entry, wire);
    else this.#subscribe(entry, [], 2, wire);
  }

  #delete(entry: FilterEntry): void {
    if (this.#entries.get(entry.filter) !== entry) return;
    this.#entries.delete(entry.filter);
    this.#restoration.forget(entry);
    this.#index.delete(entry);
  }
}
