/** `/subsz`: subscriptions of all clients. */
import type { GatewayOverview } from '../../metrics/gateway-view.ts';
import type { AdminContext } from '../context.ts';
import { ProblemError } from '../problem.ts';
import { GLOBAL_ACCOUNT, subscription } from './connz.ts';
import { type Parameters, timeText } from './go-format.ts';
import { countOf } from './varz.ts';

/** The page. @throws {ProblemError} for parameters that make no sense */
export async function subsz({ control }: AdminContext, parameters: Parameters): Promise<object> {
  const withList = parameters.boolean('subs');
  const page = parameters.page();
  const subject = parameters.text('test');
  if (subject !== '' && !isLiteral(subject))
    throw new ProblemError(400, `invalid test subject, must be valid publish subject: ${subject}`);
  const account = parameters.text('acc');
  const isOurs = account === '' || account === GLOBAL_ACCOUNT;
  const statistics = isOurs ? subscriptionStatistics(await control.overview()) : NOTHING;
  if (!withList) return statistics;
  const query = { ...page, ...(subject !== '' && { subject }) };
  const { total, subscriptions } = isOurs
    ? await control.subscriptions(query)
    : { total: 0, subscriptions: [] };
  return {
    server_id: control.identity.serverId,
    now: timeText(Date.now()),
    ...statistics,
    total,
    ...page,
    subscriptions_list: subscriptions.map((one) => subscription(one, GLOBAL_ACCOUNT)),
  };
}

const NOTHING = {
  num_subscriptions: 0,
  num_cache: 0,
  num_inserts: 0,
  num_removes: 0,
  num_matches: 0,
  cache_hit_rate: 0,
  max_fanout: 0,
  avg_fanout: 0,
};

/** There is no cache: the broker finds the subscribers. */
export function subscriptionStatistics({ subscriptions, counters }: GatewayOverview): typeof NOTHING {
  const now = subscriptions.plain + subscriptions.queue;
  const { operations } = counters;
  const from = typeof operations === 'object' ? operations.in : undefined;
  const inserts = Math.max(now, typeof from === 'object' ? countOf(from, 'SUB') : 0);
  const matches = countOf(counters, 'clientMessagesIn');
  const delivered = countOf(counters, 'clientMessagesOut');
  return {
    ...NOTHING,
    num_subscriptions: now,
    num_inserts: inserts,
    num_removes: inserts - now,
    num_matches: matches,
    avg_fanout: matches === 0 ? 0 : delivered / matches,
  };
}

/** What could be published to. */
function isLiteral(subject: string): boolean {
  return !/\s/.test(subject) && subject.split('.').every((token) => !['', '*', '>'].includes(token));
}
