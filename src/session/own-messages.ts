/**
 * Whether a client's own publications have come back to its own subscriptions. Publications and subscriptions travel
 * on different MQTT sessions, so the end of a subscription could overtake messages that were published before it.
 */
import type { SessionContext } from './context.ts';
import type { Subscription } from './subscriptions.ts';

/**
 * Called before an operation that depends on what has been delivered: nats-server delivers own messages at once.
 * @returns false when the operation has to be held; the session is woken when a barrier has shown that all is there
 */
export function haveOwnArrived(context: SessionContext, subscription: Subscription): boolean {
  const { connect, stats, upstreamPort: port } = context;
  const published = stats.inMessages;
  if (!connect.echo || published <= Math.max(context.arrivedMessages, subscription.publishedBefore))
    return true;
  if (port === null || context.isAwaitingOwn) return false;
  context.isAwaitingOwn = true;
  port.barrier(() => {
    context.isAwaitingOwn = false;
    context.arrivedMessages = published;
    context.wake();
  });
  // Where nothing was under way the barrier has passed already, and nobody would wake the session.
  return !context.isAwaitingOwn;
}
