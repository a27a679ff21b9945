/**
 * The filters of one upstream subscribe session: which SUBSCRIBEs are owed, what is restored after an outage,
 * and which subscribers an incoming message goes to. Speaks to the broker through {@link FilterWire} only.
 */
import { FilterTrie } from '../mqtt/filter-trie.ts';
import type { InboundPublication } from '../mqtt/publication.ts';
import { filterMatches } from '../mqtt/topic.ts';
import type { SubscribeRequest, UpstreamSubscription } from '../session/ports.ts';
import { FilterEntry, Member } from './filter-entry.ts';
import type { SubscribeOptions } from './mqtt-link.ts';

/** How a broker delivers a message that several filters of one session match. */
export type OverlapShape =
  /** Every copy names the filters it stands for by Subscription Identifier. */
  | 'identifiers'
  /** One copy, with one identifier or none: who gets it is matched here. */
  | 'single'
  /** One copy per matching filter, without identifiers. */
  | 'copies';

/** The session through which a table changes filters; each callback comes once, or never if the session ends. */
export interface FilterWire {
  subscribe(filter: string, options: SubscribeOptions, done: (code: number) => void): void;
  unsubscribe(filter: string, done: () => void): void;
  barrier(done: () => void): void;
}

/** What a table needs to know. */
export interface TableOptions {
  readonly overlap: () => OverlapShape;
  /** Retained messages are wanted by new subscriptions. */
  readonly wantsRetained: boolean;
  /** A shared copy that no member here can take. @returns whether another session of this process took it */
  readonly onUnclaimed: (entry: FilterEntry, message: InboundPublication) => boolean;
  readonly onSharedEntry: (entry: FilterEntry, isHeld: boolean) => void;
  readonly onRetainedShared: () => void;
}

/** Identifiers are 1 to 268,435,455 (MQTT 5.0 §3.8.2.1.2); long before that they start again. */
const LAST_IDENTIFIER = 268_000_000;
const FORMER_IDENTIFIERS = 4;

/** All filters of one session. */
export class SubscriptionTable {
  #entries = new Map<string, FilterEntry>();
  #byIdentifier = new Map<number, FilterEntry>();
  #trie = new FilterTrie<FilterEntry>();
  #groups = new Map<string, Set<FilterEntry>>();
  #wire: FilterWire | null = null;
  /** Changes with every session: acknowledgements of an earlier one are ignored. */
  #epoch = 0;
  #nextIdentifier = 1;
  #hasIdentifiers = false;
  #options: TableOptions;
  #onRestored: (() => void) | null = null;
  #unrestored = new Set<FilterEntry>();
  #lastCopy: { topic: string; payload: Buffer; retain: boolean; left: number } | null = null;

  constructor(options: TableOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** An identifier for a subscription made outside of this table on the same session. */
  allocateIdentifier(): number | null {
    if (!this.#hasIdentifiers) return null;
    this.#nextIdentifier = this.#nextIdentifier >= LAST_IDENTIFIER ? 1 : this.#nextIdentifier + 1;
    return this.#nextIdentifier;
  }

  /** Adds a subscriber; its `onSuback` follows, after a reconnect if need be. */
  subscribe(request: SubscribeRequest): UpstreamSubscription {
    const key = `${request.shareName ?? ''}\0${request.filter}`;
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      entry = new FilterEntry(request.filter, request.shareName);
      this.#add(key, entry);
    }
    const member = new Member(entry, request.subscriber, request.qos);
    entry.members.add(member);
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
    this.#onRestored = onRestored;
    this.#unrestored = new Set(this.#entries.values());
    for (const entry of [...this.#unrestored]) this.#restore(entry);
    this.#checkRestored();
  }

  /** The session is gone: what was being ended has ended; the rest waits for `attach`. */
  detach(): void {
    this.#wire = null;
    this.#epoch++;
    this.#onRestored = null;
    this.#byIdentifier.clear();
    for (const entry of [...this.#entries.values()]) {
      entry.isChanging = false;
      entry.heldQoS = -1;
      entry.formerIdentifiers.length = 0;
      for (const member of entry.membersIn('ending')) this.#finish(member);
      if (entry.members.size === 0) this.#delete(entry);
    }
  }

  /** Gives one message to all subscribers it is for. */
  dispatch(message: InboundPublication, identifiers: readonly number[]): void {
    const shape = this.#options.overlap();
    if (shape === 'identifiers' && identifiers.length > 0) {
      for (const identifier of identifiers) {
        const entry = this.#byIdentifier.get(identifier);
        if (entry !== undefined) this.#offer(entry, message, identifier);
      }
      return;
    }
    const topic = message.topicBuffer.toString('utf8', message.topicStart, message.topicEnd);
    const identifier = identifiers[0];
    if (message.retain && identifier !== undefined) {
      const entry = this.#byIdentifier.get(identifier);
      if (entry !== undefined) this.#offer(entry, message, identifier);
      return;
    }
    this.#dispatchByTopic(topic, message, shape);
  }

  #dispatchByTopic(topic: string, message: InboundPublication, shape: OverlapShape): void {
    const matching: FilterEntry[] = [];
    this.#trie.match(topic, (entry) => {
      if (entry.heldQoS !== -1) matching.push(entry);
    });
    if (shape === 'copies' && this.#isFurtherCopy(topic, message, matching.length)) return;
    for (const entry of matching) this.#offer(entry, message, null);
  }

  /** Of equal copies in a row, as many as there are matching filters are one message. */
  #isFurtherCopy(topic: string, message: InboundPublication, filters: number): boolean {
    const payload = message.body.subarray(message.payloadStart, message.payloadEnd);
    const last = this.#lastCopy;
    const isEqual =
      last !== null &&
      last.left > 0 &&
      last.topic === topic &&
      last.retain === message.retain &&
      last.payload.equals(payload);
    if (isEqual) {
      last.left--;
      return true;
    }
    this.#lastCopy =
      filters > 1
        ? { topic, payload: Buffer.from(payload), retain: message.retain, left: filters - 1 }
        : null;
    return false;
  }

  #offer(entry: FilterEntry, message: InboundPublication, identifier: number | null): void {
    if (entry.shareName === null) {
      entry.deliverToAll(message, identifier);
      return;
    }
    if (message.retain) {
      // Mosquitto before 2.0.13 sends retained messages to shared subscriptions.
      this.#options.onRetainedShared();
      return;
    }
    if (this.#isSecondOfGroup(entry, message)) return;
    if (!entry.deliverToOne(message)) this.#options.onUnclaimed(entry, message);
  }

  /** NATS forms a queue group by its name among all matching subscriptions: one copy of this session's suffices. */
  #isSecondOfGroup(entry: FilterEntry, message: InboundPublication): boolean {
    const group = this.#groups.get(entry.shareName ?? '');
    if (group === undefined || group.size === 1) return false;
    const topic = message.topicBuffer.toString('utf8', message.topicStart, message.topicEnd);
    for (const other of group) {
      if (other === entry || other.heldQoS === -1 || other.topicFilter > entry.topicFilter) continue;
      if (filterMatches(other.topicFilter, topic)) return true;
    }
    return false;
  }

  /** Does the next thing that this filter needs, if nothing is under way. */
  #advance(entry: FilterEntry): void {
    const wire = this.#wire;
    if (wire === null || entry.isChanging) return;
    const waiting = entry.membersIn('waiting');
    if (waiting.length > 0) {
      this.#serve(entry, waiting, wire);
      return;
    }
    const ending = entry.membersIn('ending');
    if (ending.length === entry.members.size) this.#release(entry, ending, wire);
    else if (ending.length > 0) this.#settle(entry, ending, wire);
  }

  #serve(entry: FilterEntry, waiting: Member[], wire: FilterWire): void {
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

  #subscribe(entry: FilterEntry, served: Member[], retainHandling: 0 | 2, wire: FilterWire): void {
    const identifier = this.allocateIdentifier();
    if (identifier !== null) this.#takeIdentifier(entry, identifier);
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
      this.#unrestored.delete(entry);
      if (code >= 0x80) this.#refuse(entry);
      else this.#markSettled(entry, wire, epoch);
      this.#advance(entry);
      this.#checkRestored();
    });
  }

  /** Members that held the filter before an outage and are refused now are told like new ones. */
  #refuse(entry: FilterEntry): void {
    if (entry.heldQoS !== -1) return;
    for (const member of entry.membersIn('active')) this.#activate(member, -1, 0x87);
    if (entry.members.size === 0) this.#delete(entry);
  }

  /** Without identifiers, retained copies are told apart by time: those after this PINGRESP are for others. */
  #markSettled(entry: FilterEntry, wire: FilterWire, epoch: number): void {
    if (this.#hasIdentifiers || !entry.isFresh) return;
    wire.barrier(() => {
      if (epoch === this.#epoch) entry.isFresh = false;
    });
  }

  #takeIdentifier(entry: FilterEntry, identifier: number): void {
    if (entry.identifier !== -1) entry.formerIdentifiers.push(entry.identifier);
    if (entry.formerIdentifiers.length > FORMER_IDENTIFIERS) {
      const oldest = entry.formerIdentifiers.shift();
      if (oldest !== undefined) this.#byIdentifier.delete(oldest);
    }
    entry.identifier = identifier;
    this.#byIdentifier.set(identifier, entry);
  }

  #activate(member: Member, identifier: number, code: number): void {
    if (code >= 0x80) {
      member.entry.members.delete(member);
      const onEnded = member.onEnded;
      member.onEnded = null;
      if (member.state !== 'ending') member.subscriber.onSuback(code);
      onEnded?.();
      return;
    }
    if (member.state !== 'waiting') return;
    member.state = 'active';
    member.sinceIdentifier = identifier;
    member.subscriber.onSuback(code);
  }

  /** The last subscriber is leaving: copies go on until the UNSUBACK. */
  #release(entry: FilterEntry, ending: Member[], wire: FilterWire): void {
    if (entry.heldQoS === -1) {
      for (const member of ending) this.#finish(member);
      this.#delete(entry);
      return;
    }
    entry.isChanging = true;
    const epoch = this.#epoch;
    wire.unsubscribe(entry.filter, () => {
      if (epoch !== this.#epoch) return;
      entry.isChanging = false;
      entry.heldQoS = -1;
      for (const member of ending) this.#finish(member);
      if (entry.members.size === 0) this.#delete(entry);
      else this.#advance(entry);
    });
  }

  /** Others keep the filter: what was routed before the end is known to be here after a barrier. */
  #settle(entry: FilterEntry, ending: Member[], wire: FilterWire): void {
    entry.isChanging = true;
    const epoch = this.#epoch;
    wire.barrier(() => {
      if (epoch !== this.#epoch) return;
      entry.isChanging = false;
      for (const member of ending) this.#finish(member);
      this.#advance(entry);
    });
  }

  #end(member: Member, done: () => void): void {
    if (!member.entry.members.has(member)) {
      done();
      return;
    }
    member.onEnded = done;
    if (member.state === 'active') member.state = 'ending';
    else if (member.state === 'waiting') this.#endWaiting(member);
    if (this.#wire === null) this.#finish(member);
    else this.#advance(member.entry);
  }

  /** Its SUBSCRIBE is under way or owed: it counts as answered, so that the UNSUBSCRIBE comes behind it. */
  #endWaiting(member: Member): void {
    member.state = 'ending';
    member.subscriber.onSuback(0);
  }

  #drop(member: Member): void {
    const { entry } = member;
    if (!entry.members.delete(member)) return;
    if (member.state === 'waiting') this.#endWaiting(member);
    member.onEnded?.();
    member.onEnded = null;
    if (entry.members.size === 0 && this.#wire === null) this.#delete(entry);
    else this.#advance(entry);
  }

  #finish(member: Member): void {
    member.entry.members.delete(member);
    const onEnded = member.onEnded;
    member.onEnded = null;
    onEnded?.();
  }

  #restore(entry: FilterEntry): void {
    const wire = this.#wire;
    if (wire === null || entry.isChanging) return;
    const waiting = entry.membersIn('waiting');
    if (waiting.length === entry.members.size) this.#serve(entry, waiting, wire);
    else this.#subscribe(entry, [], 2, wire);
  }

  #checkRestored(): void {
    if (this.#unrestored.size > 0 || this.#onRestored === null) return;
    const onRestored = this.#onRestored;
    this.#onRestored = null;
    onRestored();
  }

  #add(key: string, entry: FilterEntry): void {
    this.#entries.set(key, entry);
    this.#trie.add(entry.topicFilter, entry);
    if (entry.shareName === null) return;
    const group = this.#groups.get(entry.shareName) ?? new Set();
    group.add(entry);
    this.#groups.set(entry.shareName, group);
    this.#options.onSharedEntry(entry, true);
  }

  #delete(entry: FilterEntry): void {
    const key = `${entry.shareName ?? ''}\0${entry.topicFilter}`;
    if (this.#entries.get(key) !== entry) return;
    this.#entries.delete(key);
    this.#trie.delete(entry.topicFilter, entry);
    this.#byIdentifier.delete(entry.identifier);
    for (const identifier of entry.formerIdentifiers) this.#byIdentifier.delete(identifier);
    this.#unrestored.delete(entry);
    if (entry.shareName === null) return;
    const group = this.#groups.get(entry.shareName);
    group?.delete(entry);
    if (group?.size === 0) this.#groups.delete(entry.shareName);
    this.#options.onSharedEntry(entry, false);
  }
}
