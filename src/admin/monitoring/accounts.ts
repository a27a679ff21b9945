/** `/accountz` and `/accstatz`: all clients of a gateway share one name space, which is one account in nats-server's words. */
import type { AdminContext } from '../context.ts';
import { ProblemError } from '../problem.ts';
import { GLOBAL_ACCOUNT } from './connz.ts';
import { type Parameters, timeText } from './go-format.ts';
import { subscriptionStatistics } from './subsz.ts';
import { countOf } from './varz.ts';

const SYSTEM_ACCOUNT = '$SYS';

/** The page of `/accountz`. @throws {ProblemError} when there is no such account */
export async function accountz({ control }: AdminContext, parameters: Parameters): Promise<object> {
  const name = parameters.text('acc');
  const head = {
    server_id: control.identity.serverId,
    now: timeText(Date.now()),
    system_account: SYSTEM_ACCOUNT,
  };
  if (name === '') return { ...head, accounts: [GLOBAL_ACCOUNT, SYSTEM_ACCOUNT] };
  if (name !== GLOBAL_ACCOUNT && name !== SYSTEM_ACCOUNT)
    throw new ProblemError(400, `Account ${name} does not exist`);
  const overview = name === GLOBAL_ACCOUNT ? await control.overview() : null;
  const statistics = overview === null ? null : subscriptionStatistics(overview);
  return {
    ...head,
    account_detail: {
      account_name: name,
      update_time: timeText(control.identity.startMs),
      ...(name === SYSTEM_ACCOUNT && { is_system: true }),
      expired: false,
      complete: true,
      jetstream_enabled: false,
      leafnode_connections: 0,
      client_connections: overview?.connections ?? 0,
      subscriptions: statistics?.num_subscriptions ?? 0,
      ...(statistics !== null && { sublist_stats: statistics }),
    },
  };
}

/** The page of `/accstatz`. @throws {ProblemError} for parameters that make no sense */
export async function accstatz({ control }: AdminContext, parameters: Parameters): Promise<object> {
  const withUnused = parameters.boolean('unused');
  const { connections, counters } = await control.overview();
  const count = (name: string) => countOf(counters, name);
  const total = count('clientConnections');
  const own = {
    acc: GLOBAL_ACCOUNT,
    conns: connections,
    leafnodes: 0,
    total_conns: connections,
    sent: { msgs: count('clientMessagesOut'), bytes: count('clientBytesOut') },
    received: { msgs: count('clientMessagesIn'), bytes: count('clientBytesIn') },
    slow_consumers: count('slowConsumersPending') + count('slowConsumersDeadline'),
  };
  const nothing = { msgs: 0, bytes: 0 };
  const system = {
    acc: SYSTEM_ACCOUNT,
    conns: 0,
    leafnodes: 0,
    total_conns: 0,
    sent: nothing,
    received: nothing,
    slow_consumers: 0,
  };
  return {
    server_id: control.identity.serverId,
    now: timeText(Date.now()),
    account_statz: [...(withUnused || total > 0 ? [own] : []), ...(withUnused ? [system] : [])],
  };
}
