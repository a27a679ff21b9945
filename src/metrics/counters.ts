/**
 * Plain counters that the hot path increments; whoever publishes them copies them when asked.
 * Every drop has a reason from one closed set, so that "where did my message go" has an answer.
 */

import { AuthCounters } from './auth-counters.ts';

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

/** All counters of one gateway process. Numbers only grow, except the gauges in the second group. */
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

  /** Counts one message (or part of one, such as a header) that was not passed on. */
  drop(reason: DropReason, count = 1): void {
    this.dropped.set(reason, (this.dropped.get(reason) ?? 0) + count);
  }

  /** Counts one ended client connection. */
  countClosed(reason: string): void {
    this.closed.set(reason, (this.closed.get(reason) ?? 0) + 1);
  }
}
