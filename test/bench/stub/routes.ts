/**
 * Who gets a topic: a map for plain filters, a list for those with wildcards, groups by turns. Results are kept until a
 * subscription changes, because a benchmark uses few topics over and over.
 */

import { isTopicMatch, splitShare } from '../../support/topic-match.ts';
import type { CopyHead } from './forward.ts';

/** Topics below it end at the broker. */
const SINK_PREFIX = 'sink/';

/** One filter of one client. */
interface Held<C> {
  readonly client: C;
  readonly group: string | null;
  readonly filter: string;
  readonly qos: number;
  readonly identifier: number | null;
}

/** One copy of a message for one client. */
export interface Target<C> {
  readonly client: C;
  qos: number;
  readonly identifiers: number[];
  /** Of the last copy. */
  head: CopyHead | null;
}

/** Everybody who gets a topic. */
export interface Route<C> {
  readonly topic: Buffer;
  /** Nobody has subscribed to it. */
  readonly isEmpty: boolean;
  /** Messages are counted and checked by the broker itself. */
  readonly isSink: boolean;
  /** Clients with plain subscriptions. */
  readonly targets: readonly Target<C>[];
  /** One client of each group gets a copy, by turns. */
  readonly groups: readonly { readonly members: readonly Target<C>[]; next: number }[];
}

/** Options of one filter in SUBSCRIBE. */
export interface FilterOptions {
  readonly qos: number;
  readonly identifier: number | null;
}

/** See the head of the file. */
export class Routes<C> {
  /** By client, then by filter as sent. */
  readonly #held = new Map<C, Map<string, Held<C>>>();
  readonly #plain = new Map<string, Set<Held<C>>>();
  readonly #wild = new Set<Held<C>>();
  #routes = new Map<string, Route<C>>();
  /** Changes with every subscription: routes found under an older one are out of date. */
  version = 0;

  subscribe(client: C, text: string, { qos, identifier }: FilterOptions): void {
    this.unsubscribe(client, text);
    const parts = splitShare(text);
    if (parts === null) throw new Error(`filter ${text}`);
    const held: Held<C> = { client, group: parts.name, filter: parts.filter, qos, identifier };
    const own = this.#held.get(client) ?? new Map<string, Held<C>>();
    this.#held.set(client, own.set(text, held));
    if (/[+#]/.test(parts.filter)) this.#wild.add(held);
    else this.#plain.set(parts.filter, (this.#plain.get(parts.filter) ?? new Set()).add(held));
    this.#changed();
  }

  /** @returns whether there was such a subscription */
  unsubscribe(client: C, text: string): boolean {
    const own = this.#held.get(client);
    const held = own?.get(text);
    if (own === undefined || held === undefined) return false;
    own.delete(text);
    this.#wild.delete(held);
    const same = this.#plain.get(held.filter);
    same?.delete(held);
    if (same?.size === 0) this.#plain.delete(held.filter);
    this.#changed();
    return true;
  }

  /** Forgets a client. */
  remove(client: C): void {
    for (const text of [...(this.#held.get(client)?.keys() ?? [])]) this.unsubscribe(client, text);
    this.#held.delete(client);
  }

  find(topic: string): Route<C> {
    const known = this.#routes.get(topic);
    if (known !== undefined) return known;
    const targets: Target<C>[] = [];
    const groups = new Map<string, Target<C>[]>();
    for (const held of this.#matches(topic)) {
      if (held.group === null) addTarget(targets, held);
      else groups.set(held.group, addTarget(groups.get(held.group) ?? [], held));
    }
    const route: Route<C> = {
      topic: Buffer.from(topic),
      isEmpty: targets.length + groups.size === 0,
      isSink: topic.startsWith(SINK_PREFIX),
      targets,
      groups: Array.from(groups.values(), (members) => ({ members, next: 0 })),
    };
    this.#routes.set(topic, route);
    return route;
  }

  *#matches(topic: string): Iterable<Held<C>> {
    yield* this.#plain.get(topic) ?? [];
    for (const held of this.#wild) if (isTopicMatch(held.filter, topic)) yield held;
  }

  #changed(): void {
    this.version++;
    if (this.#routes.size > 0) this.#routes = new Map();
  }
}

/** One copy per client with all its identifiers [MQTT-3.3.4-3]. */
function addTarget<C>(targets: Target<C>[], { client, qos, identifier }: Held<C>): Target<C>[] {
  let target = targets.find((one) => one.client === client);
  if (target === undefined) {
    target = { client, qos: 0, identifiers: [], head: null };
    targets.push(target);
  }
  target.qos = Math.max(target.qos, qos);
  if (identifier !== null) target.identifiers.push(identifier);
  return targets;
}
