/** UNSUB: at once when a limit is given, else when the broker has confirmed that no more copies are under way. */
import { writeOk } from '../../nats/encoder.ts';
import type { ConnectOptions, UnsubscribeOp } from '../../nats/operations.ts';
import type { SessionContext } from '../context.ts';
import type { Subscription } from '../subscriptions.ts';
import { MAX_UNCONFIRMED } from './subscribe.ts';

/** Ends subscriptions of one client. */
export class UnsubscribeHandler {
  #context: SessionContext;

  constructor(context: SessionContext) {
    this.#context = context;
  }

  /** @returns false while there is no session with the broker, or own messages may still be on their way */
  handle(op: UnsubscribeOp): boolean {
    const { upstreamPort: port, subscriptions, replies, connect, own, counters } = this.#context;
    if (port === null || !port.isUp || this.#context.unconfirmedChanges >= MAX_UNCONFIRMED) return false;
    const subscription = subscriptions.get(op.line.subarray(op.sidStart, op.sidEnd));
    const mustWait = subscription !== undefined && connect.echo;
    if (mustWait && !own.haveArrivedSince(subscription.publishedBefore)) return false;
    counters.operations.unsubIn++;
    if (subscription === undefined) replies.now(() => this.#ok(connect));
    else if (op.max > subscription.delivered) {
      subscription.max = op.max;
      replies.now(() => this.#ok(connect));
    } else if (op.max > 0) {
      subscriptions.remove(subscription);
      subscription.stop();
      replies.now(() => this.#ok(connect));
    } else this.#end(subscription);
    return true;
  }

  /** Clients drain this way: what the broker has sent before it knew of the end is still theirs. */
  #end(subscription: Subscription): void {
    const context = this.#context;
    const { connect } = context;
    const slot = context.replies.reserve();
    subscription.publishedUntil = context.own.published;
    context.subscriptions.setEnding(subscription);
    context.unconfirmedChanges++;
    subscription.handle?.end(() => {
      subscription.isOpen = false;
      context.unconfirmedChanges--;
      slot.complete(() => {
        context.subscriptions.remove(subscription);
        this.#ok(connect);
      });
      context.wake();
    });
  }

  /** @param connect as it was at the UNSUB; a second CONNECT changes only what comes after it */
  #ok({ verbose }: ConnectOptions): void {
    if (!verbose) return;
    this.#context.counters.operations.okOut++;
    writeOk(this.#context.client.output);
    this.#context.client.flushSoon();
  }
}
