/** `/connz`: clients, connected ones and those that were. */
import {
  CLIENT_SORTS,
  type ClientDetail,
  type ClientQuery,
  type ClientSort,
} from '../../control/client-view.ts';
import type { AdminContext } from '../context.ts';
import { ProblemError } from '../problem.ts';
import { durationText, type Parameters, timeText, uptimeText } from './go-format.ts';

const STATES: Readonly<Record<string, ClientQuery['state']>> = {
  '': 'open',
  open: 'open',
  closed: 'closed',
  any: 'any',
  all: 'any',
};

/** What a client without an account belongs to. */
export const GLOBAL_ACCOUNT = '$G';

/** How the subscriptions of each client are shown. */
type Subscriptions = 'none' | 'subjects' | 'detail';

/** The page. @throws {ProblemError} for parameters that make no sense */
export async function connz({ control }: AdminContext, parameters: Parameters): Promise<object> {
  const subscriptions = subscriptionsOf(parameters);
  const withAuth = parameters.boolean('auth');
  const query = queryOf(parameters, subscriptions !== 'none');
  const { clients } = await control.clients(query);
  // It counts all in that state, not only those asked for.
  const all = await control.clients({
    state: query.state,
    sort: 'cid',
    offset: 0,
    limit: 0,
    withDetails: false,
  });
  const nowMs = Date.now();
  return {
    server_id: control.identity.serverId,
    now: timeText(nowMs),
    num_connections: clients.length,
    total: all.total,
    offset: query.offset,
    limit: query.limit,
    connections: clients.map((client) => connection(client, nowMs, subscriptions, withAuth)),
  };
}

function subscriptionsOf(parameters: Parameters): Subscriptions {
  if (parameters.text('subs') === 'detail') return 'detail';
  return parameters.boolean('subs') ? 'subjects' : 'none';
}

function queryOf(parameters: Parameters, withDetails: boolean): ClientQuery {
  const sort = sortOf(parameters.text('sort'));
  const cid = parameters.unsigned('cid');
  const page = parameters.page();
  const state = STATES[parameters.text('state').toLowerCase()];
  if (state === undefined)
    throw new ProblemError(400, `Error decoding state for ${parameters.text('state')}`);
  if ((sort === 'stop' || sort === 'reason') && state !== 'closed')
    throw new ProblemError(400, `sort by ${sort} only valid on closed connections`);
  const user = parameters.text('user');
  const account = parameters.text('acc');
  const subject = parameters.text('filter_subject');
  return {
    state,
    sort,
    ...page,
    ...(cid > 0 && { cid, limit: 1 }),
    ...(user !== '' && { user }),
    ...(account !== '' && { account: account === GLOBAL_ACCOUNT ? '' : account }),
    ...(subject !== '' && { subject }),
    withDetails,
  };
}

function sortOf(text: string): ClientSort {
  if (text === '') return 'cid';
  const known = CLIENT_SORTS.find((name) => name === text);
  if (known === undefined) throw new ProblemError(400, `invalid sorting option: ${text}`);
  return known;
}

function connection(
  client: ClientDetail,
  nowMs: number,
  subscriptions: Subscriptions,
  withAuth: boolean,
): object {
  const untilMs = client.stopMs ?? nowMs;
  return {
    cid: client.cid,
    kind: 'Client',
    type: client.transport === 'ws' ? 'websocket' : 'nats',
    ip: client.address,
    port: client.port,
    start: timeText(client.startMs),
    last_activity: timeText(client.lastActivityMs),
    ...(client.stopMs !== null && { stop: timeText(client.stopMs), reason: client.reason ?? '' }),
    rtt: durationText(client.rttMs ?? 0),
    uptime: uptimeText(untilMs - client.startMs),
    idle: uptimeText(untilMs - client.lastActivityMs),
    pending_bytes: client.pendingBytes,
    in_msgs: client.inMessages,
    out_msgs: client.outMessages,
    in_bytes: client.inBytes,
    out_bytes: client.outBytes,
    subscriptions: client.subscriptions,
    ...text('name', client.name),
    ...text('lang', client.lang),
    ...text('version', client.version),
    ...(client.tls !== null && {
      tls_version: client.tls.version.replace(/^TLSv/, ''),
      tls_cipher_suite: client.tls.cipher,
    }),
    ...(withAuth && { ...text('authorized_user', client.user), ...text('account', client.account) }),
    ...listOf(client, subscriptions),
  };
}

/** Empty texts are left out. */
function text(name: string, value: string): object {
  return value === '' ? {} : { [name]: value };
}

function listOf({ subscriptionList }: ClientDetail, subscriptions: Subscriptions): object {
  if (subscriptions === 'none' || subscriptionList.length === 0) return {};
  if (subscriptions === 'subjects')
    return { subscriptions_list: subscriptionList.map(({ subject }) => subject).sort() };
  return { subscriptions_list_detail: subscriptionList.map((one) => subscription(one)) };
}

/** One subscription as both this page and `/subsz` show it. */
export function subscription(one: ClientDetail['subscriptionList'][number], account?: string): object {
  return {
    ...(account !== undefined && { account }),
    subject: one.subject,
    ...text('qgroup', one.queue),
    sid: one.sid,
    msgs: one.messages,
    ...(one.max > 0 && { max: one.max }),
    cid: one.cid,
  };
}
