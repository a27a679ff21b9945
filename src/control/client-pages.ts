/**
 * Which clients a question is about, in which order, and one page of them. Pure, and the same in a process that has the
 * clients as in a primary that puts the answers of its workers together.
 */
import type { ClientQuery, ClientSort, ClientView } from './client-view.ts';

/** Each worker numbers its clients from a multiple of this. */
export const CIDS_PER_WORKER = 2 ** 32;

/** The worker that a client belongs to; 0 where there is only one process. */
export function workerOf(cid: number): number {
  return Math.floor(cid / CIDS_PER_WORKER);
}

type Key = (client: ClientView, nowMs: number) => number;

/** Smallest first. */
const KEYS: Readonly<Record<Exclude<ClientSort, 'reason'>, Key>> = {
  cid: (client) => client.cid,
  start: (client) => client.startMs,
  subs: (client) => -client.subscriptions,
  pending: (client) => -client.pendingBytes,
  msgs_to: (client) => -client.outMessages,
  msgs_from: (client) => -client.inMessages,
  bytes_to: (client) => -client.outBytes,
  bytes_from: (client) => -client.inBytes,
  last: (client) => -client.lastActivityMs,
  idle: (client, nowMs) => client.lastActivityMs - (client.stopMs ?? nowMs),
  uptime: (client, nowMs) => client.startMs - (client.stopMs ?? nowMs),
  // Connected ones have none, and come first.
  stop: (client) => -(client.stopMs ?? Number.MAX_SAFE_INTEGER),
  rtt: (client) => -(client.rttMs ?? -1),
};

/**
 * One page, in the order asked for; clients that are equal in it stand in the order of their ids.
 * @param clients in the order of their ids; looked at, not changed
 */
export function pageOfClients<C extends ClientView>(
  clients: readonly C[],
  { sort, isReversed = false, offset, limit }: Pick<ClientQuery, 'sort' | 'isReversed' | 'offset' | 'limit'>,
  nowMs: number,
): C[] {
  const key = sort === 'reason' ? reasonKey(clients) : KEYS[sort];
  const keys = new Float64Array(clients.length);
  const sign = isReversed ? -1 : 1;
  // `+ 0` because the order of numbers knows a negative zero.
  for (const [index, client] of clients.entries()) keys[index] = sign * key(client, nowMs) + 0;
  return positionsOfPage(keys, offset, limit).map((position) => clients[position] as C);
}

/** Reasons in alphabetical order; connected clients have none, and come first. */
function reasonKey(clients: readonly ClientView[]): Key {
  const reasons = [...new Set(clients.map(({ reason }) => reason ?? ''))].sort();
  const rank = new Map(reasons.map((reason, index) => [reason, index]));
  return ({ reason }) => rank.get(reason ?? '') ?? 0;
}

/**
 * Where the page's entries stand. Sorts bare numbers, which takes a few milliseconds for 65,536 of them, and compares
 * entries only within the page.
 */
function positionsOfPage(keys: Float64Array, offset: number, limit: number): number[] {
  const end = Math.min(keys.length, offset + limit);
  if (offset >= end) return [];
  const sorted = keys.slice().sort();
  const first = sorted[offset] as number;
  const last = sorted[end - 1] as number;
  let skipped = offset - sorted.indexOf(first);
  let ofLast = end - sorted.indexOf(last);
  const found: number[] = [];
  for (const [position, key] of keys.entries()) {
    if (key < first || key > last) continue;
    if (key === last && ofLast-- <= 0) continue;
    if (key === first && skipped-- > 0) continue;
    found.push(position);
  }
  return found.sort((a, b) => (keys[a] as number) - (keys[b] as number) || a - b);
}

/**
 * Whether a client is one of those asked for, but for the subject, which only its subscriptions can tell.
 * @returns a test, made once per question
 */
export function clientFilter(query: ClientQuery): (client: ClientView) => boolean {
  const { cid, user, account, listener, search = '' } = query;
  const text = search === '' ? null : new RegExp(search.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'), 'iu');
  return (client) =>
    (cid === undefined || client.cid === cid) &&
    (user === undefined || client.user === user) &&
    (account === undefined || client.account === account) &&
    (listener === undefined || client.listener === listener) &&
    (text === null ||
      text.test(client.name) ||
      text.test(client.user) ||
      text.test(client.address) ||
      text.test(client.mqttClientId));
}
