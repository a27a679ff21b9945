/**
 * Which subscribers an incoming message goes to: by Subscription Identifier where the broker gives them, else by
 * matching. Knows the filters of one session, not how they came to be there.
 */
import { FilterTrie } from '../mqtt/filter-trie.ts';
import type { InboundPublication } from '../mqtt/publication.ts';
import { filterMatchesBelow } from '../mqtt/topic.ts';
import { CopyCounter } from './copy-counter.ts';
import type { FilterEntry } from './filter-entry.ts';

/** How a broker delivers a message that several filters of one session match. */
export type OverlapShape =
  /** Every copy names the filters it stands for by Subscription Identifier. */
  | 'identifiers'
  /** One copy, with one identifier or none: who gets it is matched here. */
  | 'single'
  /** One copy per matching filter, without identifiers. */
  | 'copies';

/** What an index needs to know, and whom it tells. */
export interface IndexOptions {
  readonly overlap: () => OverlapShape;
  /** Filters that begin with a wildcard get topics that begin with `$`. */
  readonly wildcardsMatchDollar: () => boolean;
  /** A shared copy that no member here can take. @returns whether another session of this process took it */
  readonly onUnclaimed: (entry: FilterEntry, message: InboundPublication) => boolean;
  /** A shared filter has begun or ceased to be held. */
  readonly onSharedEntry: (entry: FilterEntry, isHeld: boolean) => void;
  readonly onRetainedShared: () => void;
}

/** Identifiers are 1 to 268,435,455 (MQTT 5.0 §3.8.2.1.2); long before that they start again. */
const LAST_IDENTIFIER = 268_000_000;
/** Earlier identifiers of a filter whose copies may still be under way. */
const FORMER_IDENTIFIERS = 4;

/** The filters of one session by identifier, by topic and by queue group. */
export class FilterIndex {
  #options: IndexOptions;
  #byIdentifier = new Map<number, FilterEntry>();
  #trie = new FilterTrie<FilterEntry>();
  #groups = new Map<string, Set<FilterEntry>>();
  #lastIdentifier = 0;
  #copies = new CopyCounter();

  constructor(options: IndexOptions) {
    this.#options = options;
  }

  add(entry: FilterEntry): void {
    this.#trie.add(entry.topicFilter, entry);
    if (entry.shareName === null) return;
    const group = this.#groups.get(entry.shareName) ?? new Set();
    group.add(entry);
    this.#groups.set(entry.shareName, group);
    this.#options.onSharedEntry(entry, true);
  }

  delete(entry: FilterEntry): void {
    this.#trie.delete(entry.topicFilter, entry);
    this.#byIdentifier.delete(entry.identifier);
    for (const identifier of entry.formerIdentifiers) this.#byIdentifier.delete(identifier);
    if (entry.shareName === null) return;
    const group = this.#groups.get(entry.shareName);
    group?.delete(entry);
    if (group?.size === 0) this.#groups.delete(entry.shareName);
    this.#options.onSharedEntry(entry, false);
  }

  /** An identifier that no filter of this session has. */
  allocateIdentifier(): number {
    do this.#lastIdentifier = this.#lastIdentifier >= LAST_IDENTIFIER ? 1 : this.#lastIdentifier + 1;
    while (this.#byIdentifier.has(this.#lastIdentifier));
    return this.#lastIdentifier;
  }

  /** Gives an entry the identifier of its next SUBSCRIBE; copies with earlier ones still find it for a while. */
  identify(entry: FilterEntry, identifier: number): void {
    if (entry.identifier !== -1) entry.formerIdentifiers.push(entry.identifier);
    if (entry.formerIdentifiers.length > FORMER_IDENTIFIERS) {
      const oldest = entry.formerIdentifiers.shift();
      if (oldest !== undefined) this.#byIdentifier.delete(oldest);
    }
    entry.identifier = identifier;
    this.#byIdentifier.set(identifier, entry);
  }

  /** The session is gone, and its identifiers with it. */
  forgetIdentifiers(): void {
    this.#byIdentifier.clear();
    this.#copies.clear();
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
    const identifier = identifiers[0];
    if (identifier === undefined) this.#dispatchByTopic(message, shape);
    else this.#dispatchSingle(message, identifier);
  }

  /** One copy for all plain filters names one of them; a shared or a retained copy is for the one it names. */
  #dispatchSingle(message: InboundPublication, identifier: number): void {
    const named = this.#byIdentifier.get(identifier);
    if (message.retain || (named !== undefined && named.shareName !== null)) {
      if (named !== undefined) this.#offer(named, message, identifier);
      return;
    }
    for (const entry of this.#matching(topicOf(message))) {
      if (entry.shareName === null) this.#offer(entry, message, null);
    }
  }

  #dispatchByTopic(message: InboundPublication, shape: OverlapShape): void {
    const topic = topicOf(message);
    const matching = this.#matching(topic);
    if (shape === 'copies' && this.#copies.isFurtherCopy(topic, message, matching.length)) return;
    for (const entry of matching) this.#offer(entry, message, null);
  }

  #matching(topic: string): FilterEntry[] {
    const found: FilterEntry[] = [];
    const visit = (entry: FilterEntry): void => {
      if (entry.heldQoS !== -1) found.push(entry);
    };
    // As the broker does, or its copies would be counted wrongly.
    this.#trie.match(topic, visit, this.#options.wildcardsMatchDollar());
    return found;
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
    const topic = topicOf(message);
    for (const other of group) {
      if (other === entry || other.heldQoS === -1 || other.topicFilter > entry.topicFilter) continue;
      // A member on `a.>` has no claim to `a`, which its filter brings along.
      if (filterMatchesBelow(other.topicFilter, topic)) return true;
    }
    return false;
  }
}

function topicOf({ topicBuffer, topicStart, topicEnd }: InboundPublication): string {
  return topicBuffer.toString('utf8', topicStart, topicEnd);
}
