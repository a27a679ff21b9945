/** How many subscriptions clients have. Knows no subscription. */

/** At one moment; of one process, or of all. */
export interface SubscriptionCounts {
  readonly plain: number;
  readonly queue: number;
}

/** Where there are none. */
export const NO_SUBSCRIPTIONS: SubscriptionCounts = { plain: 0, queue: 0 };

/** The sums. */
export function sumSubscriptions(all: Iterable<SubscriptionCounts>): SubscriptionCounts {
  const sum = { plain: 0, queue: 0 };
  for (const { plain, queue } of all) {
    sum.plain += plain;
    sum.queue += queue;
  }
  return sum;
}

/** Kept up to date by whoever has subscriptions. */
export class SubscriptionGauge implements SubscriptionCounts {
  plain = 0;
  queue = 0;

  /** @param by 1 or -1 */
  change(isQueue: boolean, by: number): void {
    if (isQueue) this.queue += by;
    else this.plain += by;
  }
}
