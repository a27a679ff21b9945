/**
 * Plain counters that the hot path increments; whoever publishes them copies them when asked.
 * Every drop has a reason from one closed set, so that "where did my message go" has an answer.
 */

import { AuthCounters } from './auth-counters.ts';
import { ListenerCounters } from './listener-counters.ts';

/** Why a message did not reach the other side. */
export type DropReason =
  | 'untranslatable'
  | 'denied'
  | 'invalid_control_header'
  | 'invalid_property'
  | 'reply_untranslatable'
  | 'no_group_member'
  | 'retained_on_shared'
  | 'too_large'
  | 'broker_rejected'
  | 'offline';

/**
 * A copy of counters as plain data, fit for JSON: numbers by the names of {@link Counters}. Where there are several of
 * a kind, such as one per reason or a set per listener, an object of them by name.
 */
export interface CounterSnapshot {
  readonly [name: string]: number | CounterSnapshot;
}

/** All counters of one gateway process. Numbers only grow. */
export class Counters {
  clientConnections = 0;
  clientMessagesIn = 0;
  clientMessagesOut = 0;
  clientBytesIn = 0;
  clientBytesOut = 0;
  slowConsumersPending = 0;
  slowConsumersDeadline = 0;
  upstreamConnects = 0;
  upstreamDisconnects = 0;
  upstreamRepublished = 0;
  noResponders = 0;
  readonly auth = new AuthCounters();
  readonly closed = new Map<string, number>();
  readonly dropped = new Map<DropReason, number>();
  readonly listeners = new Map<string, ListenerCounters>();

  /** Counters of one listener; made when first asked for. */
  ofListener(name: string): ListenerCounters {
    const known = this.listeners.get(name);
    if (known !== undefined) return known;
    const fresh = new ListenerCounters();
    this.listeners.set(name, fresh);
    return fresh;
  }

  /** Counts one message (or part of one, such as a header) that was not passed on. */
  drop(reason: DropReason, count = 1): void {
    this.dropped.set(reason, (this.dropped.get(reason) ?? 0) + count);
  }

  /** Counts one ended client connection. */
  countClosed(reason: string): void {
    this.closed.set(reason, (this.closed.get(reason) ?? 0) + 1);
  }

  /** As of now. */
  snapshot(): CounterSnapshot {
    return snapshotOf(this);
  }
}

function snapshotOf(counters: object): CounterSnapshot {
  const fields: [string, unknown][] = Object.entries(counters);
  return Object.fromEntries(fields.map(([name, value]) => [name, plain(value)]));
}

function plain(value: unknown): number | CounterSnapshot {
  if (value instanceof AuthCounters) return value.snapshot();
  if (value instanceof Map) return snapshotOf(Object.fromEntries(value));
  return typeof value === 'object' && value !== null ? snapshotOf(value) : Number(value);
}

/** Adds up the counters of several processes, also of such that know different ones. */
export function sumOf(snapshots: readonly CounterSnapshot[]): CounterSnapshot {
  const total: Record<string, number | CounterSnapshot> = {};
  for (const snapshot of snapshots) {
    for (const [name, value] of Object.entries(snapshot)) {
      const before = total[name];
      if (typeof value === 'number') total[name] = (typeof before === 'number' ? before : 0) + value;
      else total[name] = sumOf([typeof before === 'object' ? before : {}, value]);
    }
  }
  return total;
}
