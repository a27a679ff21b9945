/**
 * Plain counters that the hot path increments; whoever publishes them copies them when asked.
 * Every drop has a reason from one closed set, so that "where did my message go" has an answer.
 */

import { AuthCounters } from './auth-counters.ts';
import { ListenerCounters } from './listener-counters.ts';
import { OperationCounters } from './operation-counters.ts';
import { UpstreamCounters } from './upstream-counters.ts';

/** Why a message did not reach the other side. */
export const DROP_REASONS = [
  'untranslatable',
  'denied',
  'invalid_control_header',
  'invalid_property',
  'reply_untranslatable',
  'no_group_member',
  'retained_on_shared',
  'too_large',
  'broker_rejected',
  'offline',
] as const;

/** One of {@link DROP_REASONS}. */
export type DropReason = (typeof DROP_REASONS)[number];

/** Errors of permissions have texts of their own and no code; they are counted under this one. */
export const PERMISSIONS_CODE = 'GW_PERMISSIONS';

/**
 * A copy of counters as plain data, fit for JSON. Where there are several of a kind, such as one per reason or a set per
 * listener, an object of them by name.
 */
export interface CounterSnapshot {
  readonly [name: string]: number | CounterSnapshot;
}

/** All counters of one gateway process. Numbers only grow. */
export class Counters {
  clientConnections = 0;
  slowConsumersPending = 0;
  slowConsumersDeadline = 0;
  upstreamConnects = 0;
  /** Lost sessions and failed attempts. */
  upstreamDisconnects = 0;
  upstreamRepublished = 0;
  /** Messages with a reply subject, from clients and to clients. */
  requestsIn = 0;
  requestsOut = 0;
  /** Requests that were told that nobody listens. */
  noResponders = 0;
  /** Messages whose name needed an escape to cross, by direction. */
  topicEscapesOut = 0;
  topicEscapesIn = 0;
  readonly auth = new AuthCounters();
  readonly closed = new Map<string, number>();
  readonly dropped = new Map<DropReason, number>();
  readonly listeners = new Map<string, ListenerCounters>();
  readonly operations = new OperationCounters();
  /** What clients were told by `-ERR`, by error code. */
  readonly errors = new Map<string, number>();
  readonly upstream = new UpstreamCounters();

  get clientMessagesIn(): number {
    return this.#sum(({ messagesIn }) => messagesIn);
  }

  get clientMessagesOut(): number {
    return this.#sum(({ messagesOut }) => messagesOut);
  }

  /** Headers and payload. */
  get clientBytesIn(): number {
    return this.#sum(({ bytesIn }) => bytesIn);
  }

  get clientBytesOut(): number {
    return this.#sum(({ bytesOut }) => bytesOut);
  }

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
  countClosed(listener: string, reason: string): void {
    countIn(this.closed, reason);
    this.ofListener(listener).close(reason);
  }

  /** Counts one `-ERR`. */
  countError(code: string): void {
    countIn(this.errors, code);
  }

  /** As of now. */
  snapshot(): CounterSnapshot {
    const { clientMessagesIn, clientMessagesOut, clientBytesIn, clientBytesOut } = this;
    const totals = { clientMessagesIn, clientMessagesOut, clientBytesIn, clientBytesOut };
    return { ...snapshotOf(this), ...totals, operations: this.#operations() };
  }

  #operations(): CounterSnapshot {
    const { connectIn, subIn, unsubIn, pingIn, pongIn, infoOut, okOut, pingOut, pongOut } = this.operations;
    const hpub = this.#sum(({ messagesInWithHeaders }) => messagesInWithHeaders);
    const hmsg = this.#sum(({ messagesOutWithHeaders }) => messagesOutWithHeaders);
    const errors = [...this.errors.values()].reduce((sum, count) => sum + count, 0);
    const pub = this.clientMessagesIn - hpub;
    const msg = this.clientMessagesOut - hmsg;
    return {
      in: {
        CONNECT: connectIn,
        PUB: pub,
        HPUB: hpub,
        SUB: subIn,
        UNSUB: unsubIn,
        PING: pingIn,
        PONG: pongIn,
      },
      out: {
        INFO: infoOut,
        MSG: msg,
        HMSG: hmsg,
        '+OK': okOut,
        '-ERR': errors,
        PING: pingOut,
        PONG: pongOut,
      },
    };
  }

  #sum(of: (listener: ListenerCounters) => number): number {
    let sum = 0;
    for (const listener of this.listeners.values()) sum += of(listener);
    return sum;
  }
}

/** Adds one to the count of a name. */
export function countIn(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

/** Counters that say themselves how they look from outside. */
interface Snapshots {
  snapshot(): CounterSnapshot;
}

function snapshotOf(counters: object): CounterSnapshot {
  const fields: [string, unknown][] = Object.entries(counters);
  return Object.fromEntries(fields.map(([name, value]) => [name, plain(value)]));
}

function plain(value: unknown): number | CounterSnapshot {
  if (value instanceof Map) return snapshotOf(Object.fromEntries(value));
  if (typeof value !== 'object' || value === null) return Number(value);
  return 'snapshot' in value ? (value as Snapshots).snapshot() : snapshotOf(value);
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
