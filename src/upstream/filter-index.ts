/**
 * Which subscribers an incoming message goes to: by Subscription Identifier where the broker gives them, else by
 * matching. Knows the filters of one session, not how they came to be there.
 */
import { FilterTrie } from '../mqtt/filter-trie.ts';
import type { InboundPublication } from '../mqtt/publication.ts';
import { filterMatchesBelow } from '../mqtt/topic.ts';
import { CopyCounter } from './copy-counter.ts';
import { FilterEntry } from './filter-entry.ts';

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
  /** A shared copy that no member of this scope can take here. */
  readonly onUnclaimed: (entry: FilterEntry, scope: string, message: InboundPublication) => void;
  /** A shared copy has been offered to everybody here. */
  readonly onSharedCopy: (entry: FilterEntry, message: InboundPublication) => void;
  /** Members of a scope have begun or ceased to share a filter here. */
  readonly onSharedEntry: (entry: FilterEntry, scope: string, isHeld: boolean) => void;
  readonly onRetainedShared: () => void;
}

/** Identifiers are 1 to 268,435,455 (MQTT 5.0 §3.8.2.1.2); long before that they start again. */
const LAST_IDENTIFIER = 268_000_000;
/**
 * Earlier identifiers of a filter whose copies may still be under way: with QoS 1 a broker may hold copies back while
 * many clients, one after the other, join a filter and have it SUBSCRIBEd again.
 */
const FORMER_IDENTIFIERS = 256;

const NO_ENTRIES: readonly FilterEntry[] = [];

/** The filters of one session by identifier, by topic and by queue group. */
export class FilterIndex {
  #options: IndexOptions;
  #byIdentifier = new Map<number, FilterEntry>();
  #trie = new FilterTrie<FilterEntry>();
  #groups = new Map<string, Set<FilterEntry>>();
  #lastIdentifier = 0;
  #copies = new CopyCounter();

  #onScope = (entry: FilterEntry, scope: string, isHeld: boolean): void => {
    const key = groupKey(scope, entry.shareName);
    const group = this.#groups.get(key) ?? new Set();
    if (isHeld) group.add(entry);
    else group.delete(entry);
    if (group.size > 0) this.#groups.set(key, group);
    else this.#groups.delete(key);
    this.#options.onSharedEntry(entry, scope, isHeld);
  };

  constructor(options: IndexOptions) {
    this.#options = options;
  }

  /** A new entry; of a shared one the index learns who shares it. */
  add(topicFilter: string, shareName: string | null): FilterEntry {
    const entry = new FilterEntry(topicFilter, shareName, this.#onScope);
    this.#trie.add(topicFilter, entry);
    return entry;
  }

  delete(entry: FilterEntry): void {
    this.#trie.delete(entry.topicFilter, entry);
    this.#byIdentifier.delete(entry.identifier);
    for (const identifier of entry.formerIdentifiers ?? []) this.#byIdentifier.delete(identifier);
    entry.dissolve();
  }

  /** An identifier that no filter of this session has. */
  allocateIdentifier(): number {
    do this.#lastIdentifier = this.#lastIdentifier >= LAST_IDENTIFIER ? 1 : this.#lastIdentifier + 1;
    while (this.#byIdentifier.has(this.#lastIdentifier));
    return this.#lastIdentifier;
  }

  /** Gives an entry the identifier of its next SUBSCRIBE; copies with earlier ones still find it for a while. */
  identify(entry: FilterEntry, identifier: number): void {
    if (entry.identifier !== -1) {
      entry.formerIdentifiers ??= [];
      entry.formerIdentifiers.push(entry.identifier);
      const isFull = entry.formerIdentifiers.length > FORMER_IDENTIFIERS;
      const oldest = isFull ? entry.formerIdentifiers.shift() : undefined;
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
    for (const scope of entry.scopes()) this.#offerToScope(entry, scope, message);
    this.#options.onSharedCopy(entry, message);
  }

  /**
   * NATS forms a queue group by its name among all matching subscriptions: of this session's filters one copy suffices,
   * and whoever is behind any of them may take it.
   */
  #offerToScope(entry: FilterEntry, scope: string, message: InboundPublication): void {
    const others = this.#othersOfGroup(entry, scope, message);
    if (others.some((other) => other.topicFilter < entry.topicFilter)) return;
    if (entry.deliverToOne(message, scope)) return;
    // Once everybody has left the filter, the others' own copies count again.
    if (entry.isManned(scope) && others.some((other) => other.deliverToOne(message, scope))) return;
    this.#options.onUnclaimed(entry, scope, message);
  }

  #othersOfGroup(entry: FilterEntry, scope: string, message: InboundPublication): readonly FilterEntry[] {
    const group = this.#groups.get(groupKey(scope, entry.shareName));
    if (group === undefined || group.size === 1) return NO_ENTRIES;
    const topic = topicOf(message);
    return [...group].filter((other) => {
      if (other === entry || other.heldQoS === -1 || !other.isManned(scope)) return false;
      // A member on `a.>` has no claim to `a`, which its filter brings along.
      return filterMatchesBelow(other.topicFilter, topic);
    });
  }
}

function groupKey(scope: string, shareName: string | null): string {
  return `${scope}\0${shareName}`;
}

function topicOf({ topicBuffer, topicStart, topicEnd }: InboundPublication): string {
  return topicBuffer.toString('utf8', topicStart, topicEnd);
}
