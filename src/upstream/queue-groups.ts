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
  /** Who shares a filter: by the filter as the broker knows it, then by scope. */
  #held = new Map<string, Map<string, Set<FilterEntry>>>();
  #local = new Map<string, LocalGroup>();
  #counters: Counters;

  constructor(counters: Counters) {
    this.#counters = counters;
  }

  /** On a session, members of a scope have begun or ceased to share a filter. */
  note(entry: FilterEntry, scope: string, isHeld: boolean): void {
    const scopes = this.#held.get(entry.filter) ?? new Map<string, Set<FilterEntry>>();
    const entries = scopes.get(scope) ?? new Set();
    if (isHeld) entries.add(entry);
    else entries.delete(entry);
    if (entries.size > 0) scopes.set(scope, entries);
    else scopes.delete(scope);
    if (scopes.size > 0) this.#held.set(entry.filter, scopes);
    else this.#held.delete(entry.filter);
  }

  /** Offers a copy to the same group on other sessions; counts it as dropped when nobody takes it. */
  handOver(from: FilterEntry, scope: string, message: InboundPublication): void {
    for (const entry of this.#held.get(from.filter)?.get(scope) ?? []) {
      if (entry !== from && entry.deliverToOne(message, scope)) return;
    }
    this.#counters.drop('no_group_member');
  }

  /**
   * A copy has been offered to all scopes on its session. Where one mountpoint lies below another the broker takes two
   * groups for one: those who are on other sessions only get theirs, too.
   */
  serveOtherScopes(from: FilterEntry, message: InboundPublication): void {
    const scopes = this.#held.get(from.filter);
    if (scopes === undefined || scopes.size === 1) return;
    for (const scope of scopes.keys()) if (!from.hasScope(scope)) this.handOver(from, scope, message);
  }

  /** Whether this process already distributes the group: then it goes on doing so, whatever the broker can do now. */
  isLocal(request: SubscribeRequest): boolean {
    return request.shareName !== null && this.#local.has(localKey(request));
  }

  /** Joins a group that this process distributes, because the broker cannot. */
  subscribeLocally(table: SubscriptionTable, request: SubscribeRequest): UpstreamSubscription {
    const key = localKey(request);
    let group = this.#local.get(key);
    if (group === undefined) {
      group = new LocalGroup(request, {
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
      if (other.scope !== group.scope) continue;
      if (other.isReceiving && filterMatchesBelow(other.filter, topic)) return true;
    }
    return false;
  }
}

function localKey({ scope, shareName, filter }: SubscribeRequest): string {
  return `${scope}\0${shareName}\0${filter}`;
}
