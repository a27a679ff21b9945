/**
 * What the queue groups of one process share: a copy that its member cannot take goes to another member here,
 * and where the broker has no shared subscriptions, the distribution itself.
 */
import type { Counters } from '../metrics/counters.ts';
import type { InboundPublication } from '../mqtt/publication.ts';
import { filterMatchesBelow } from '../mqtt/topic.ts';
import type { SubscribeRequest, UpstreamSubscription } from '../session/ports.ts';
import type { FilterEntry } from './filter-entry.ts';
import { LocalGroup } from './local-group.ts';
import type { SubscriptionTable } from './subscription-table.ts';

/** Queue groups over all sessions of one upstream. */
export class QueueGroups {
  #held = new Map<string, Set<FilterEntry>>();
  #local = new Map<string, LocalGroup>();
  #counters: Counters;

  constructor(counters: Counters) {
    this.#counters = counters;
  }

  /** A session has begun or ceased to hold a shared filter. */
  note(entry: FilterEntry, isHeld: boolean): void {
    const entries = this.#held.get(entry.filter) ?? new Set();
    if (isHeld) entries.add(entry);
    else entries.delete(entry);
    if (entries.size > 0) this.#held.set(entry.filter, entries);
    else this.#held.delete(entry.filter);
  }

  /** Offers a copy to the same group on other sessions; counts it as dropped when nobody takes it. */
  handOver(from: FilterEntry, message: InboundPublication): boolean {
    for (const entry of this.#held.get(from.filter) ?? []) {
      if (entry !== from && entry.deliverToOne(message)) return true;
    }
    this.#counters.drop('no_group_member');
    return false;
  }

  /** Whether this process already distributes the group: then it goes on doing so, whatever the broker can do now. */
  isLocal({ shareName, filter }: SubscribeRequest): boolean {
    return shareName !== null && this.#local.has(localKey(shareName, filter));
  }

  /** Joins a group that this process distributes, because the broker cannot. */
  subscribeLocally(table: SubscriptionTable, request: SubscribeRequest): UpstreamSubscription {
    const key = localKey(request.shareName ?? '', request.filter);
    let group = this.#local.get(key);
    if (group === undefined) {
      group = new LocalGroup(request.shareName ?? '', request.filter, {
        isDuplicate: (one, topic) => this.#isSecondOfName(one, topic),
        onUnclaimed: () => this.#counters.drop('no_group_member'),
        onEmpty: () => this.#local.delete(key),
      });
      this.#local.set(key, group);
    }
    return group.join(table, request);
  }

  /**
   * A session is about to end: where groups receive through it, others take over first.
   * @param done called once, at once when there is nothing to hand over
   */
  retire(table: SubscriptionTable, done: () => void): void {
    let open = 1;
    const onOne = () => {
      open--;
      if (open === 0) done();
    };
    for (const group of [...this.#local.values()]) {
      open++;
      group.retire(table, onOne);
    }
    onOne();
  }

  /** A session is over: its members leave, and another session takes over what it received for its groups. */
  forget(table: SubscriptionTable): void {
    for (const group of [...this.#local.values()]) group.forget(table);
  }

  /** A group is formed by its name among all matching subscriptions: only the first filter's copy counts. */
  #isSecondOfName(group: LocalGroup, topic: string): boolean {
    for (const other of this.#local.values()) {
      if (other === group || other.name !== group.name || other.filter > group.filter) continue;
      if (other.isReceiving && filterMatchesBelow(other.filter, topic)) return true;
    }
    return false;
  }
}

function localKey(shareName: string, filter: string): string {
  return `${shareName}\0${filter}`;
}
