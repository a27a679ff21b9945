/**
 * The cell about one session with very many subscriptions: no cost may grow with their number.
 */
import type { Cell, Target, Variant } from '../cell.ts';
import { SubscriptionsSubject } from '../drivers/subscriptions.ts';
import type { UpstreamSettings } from '../systems/gateway.ts';
import { PLAIN_PATH } from '../systems/rig.ts';

const FEW = 1_000;
const MANY = 100_000;

const variant = (name: string, subscriptions: number, settings: UpstreamSettings = {}): Variant => ({
  name,
  open: (timing) =>
    SubscriptionsSubject.open(settings, {
      subscriptions,
      path: { ...PLAIN_PATH, direction: 'egress' },
      timing,
    }),
});

const flat = (figure: string): Target => ({
  figure,
  of: 'gateway-100k',
  comparedTo: 'gateway-1k',
  atMost: 1.5,
});

/** See the head of the file. */
export const SUBSCRIPTION_CELLS: readonly Cell[] = [
  {
    name: 'subscriptions-100k',
    title: 'One session with 100,000 subscriptions, compared to 1,000, stub broker',
    columns: [
      { figure: 'us', title: 'dispatch µs', digits: 3 },
      { figure: 'subscribeUs', title: 'subscribe µs', digits: 1 },
      { figure: 'rate', title: 'msg/s', digits: 0 },
      { figure: 'sourceUs', title: 'source µs', digits: 3 },
      { figure: 'sinkUs', title: 'sink µs', digits: 3 },
    ],
    variants: [variant('gateway-1k', FEW), variant('gateway-100k', MANY)],
    targets: [flat('us'), flat('subscribeUs')],
  },
];
