/** Which clients are asked for, in which order, page by page. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clientFilter, pageOfClients, workerOf } from '../../../src/control/client-pages.ts';
import { CLIENT_SORTS, type ClientQuery, type ClientView } from '../../../src/control/client-view.ts';
import { clientView } from '../../support/client-view.ts';

const NOW_MS = 100_000;
const EVERYTHING: ClientQuery = { state: 'any', sort: 'cid', offset: 0, limit: 100, withDetails: false };

/** Small numbers, so that many are equal. */
function manyClients(count: number): ClientView[] {
  const random = (below: number): number => Math.floor(Math.random() * below);
  return Array.from({ length: count }, (_, index) => {
    const isClosed = random(3) === 0;
    return clientView({
      cid: index + 1,
      startMs: 1_000 + random(5),
      lastActivityMs: 2_000 + random(5),
      stopMs: isClosed ? 3_000 + random(5) : null,
      reason: isClosed ? (['Kicked', 'Client Closed', 'Parse Error'] as const)[random(3)]! : null,
      rttMs: random(2) === 0 ? null : random(4),
      pendingBytes: random(5),
      inMessages: random(5),
      outMessages: random(5),
      inBytes: random(5),
      outBytes: random(5),
      subscriptions: random(5),
    });
  });
}

/** What comes first is smallest here. */
const WORDS: Readonly<Record<(typeof CLIENT_SORTS)[number], (client: ClientView) => number | string>> = {
  cid: ({ cid }) => cid,
  start: ({ startMs }) => startMs,
  subs: ({ subscriptions }) => -subscriptions,
  pending: ({ pendingBytes }) => -pendingBytes,
  msgs_to: ({ outMessages }) => -outMessages,
  msgs_from: ({ inMessages }) => -inMessages,
  bytes_to: ({ outBytes }) => -outBytes,
  bytes_from: ({ inBytes }) => -inBytes,
  last: ({ lastActivityMs }) => -lastActivityMs,
  idle: ({ lastActivityMs, stopMs }) => -((stopMs ?? NOW_MS) - lastActivityMs),
  uptime: ({ startMs, stopMs }) => -((stopMs ?? NOW_MS) - startMs),
  stop: ({ stopMs }) => -(stopMs ?? 1e15),
  reason: ({ reason }) => reason ?? '',
  rtt: ({ rttMs }) => -(rttMs ?? -1),
};

for (const sort of CLIENT_SORTS) {
  test(`client pages: sort=${sort} is that order, and pages follow each other without gaps`, () => {
    const clients = manyClients(500);
    const word = WORDS[sort];
    const compare = (a: ClientView, b: ClientView): number =>
      word(a) < word(b) ? -1 : word(a) > word(b) ? 1 : a.cid - b.cid;
    const expected = [...clients].sort(compare).map(({ cid }) => cid);
    for (const limit of [1, 7, 499, 500, 1_000]) {
      const found: number[] = [];
      for (let offset = 0; offset < 500; offset += limit)
        found.push(...pageOfClients(clients, { sort, offset, limit }, NOW_MS).map(({ cid }) => cid));
      assert.deepEqual(found, expected);
    }
    const reversed = pageOfClients(clients, { sort, isReversed: true, offset: 0, limit: 500 }, NOW_MS);
    const isOrdered = reversed.every((one, index) => index === 0 || word(reversed[index - 1]!) >= word(one));
    assert.ok(isOrdered && new Set(reversed).size === 500);
  });
}

test('client pages: there is nothing beyond the end, and nothing of nothing', () => {
  const clients = manyClients(3);
  assert.deepEqual(pageOfClients(clients, { sort: 'cid', offset: 3, limit: 10 }, NOW_MS), []);
  assert.deepEqual(pageOfClients(clients, { sort: 'cid', offset: 0, limit: 0 }, NOW_MS), []);
  assert.deepEqual(pageOfClients([], { sort: 'reason', offset: 0, limit: 10 }, NOW_MS), []);
});

test('client pages: a page of 65,536 clients is cut, not sorted whole', () => {
  const clients = manyClients(65_536);
  let reads = 0;
  const counted = clients.map(
    (client) =>
      new Proxy(client, {
        get: (target, name) => {
          reads += 1;
          return Reflect.get(target, name);
        },
      }),
  );
  pageOfClients(counted, { sort: 'msgs_to', offset: 1_000, limit: 100 }, NOW_MS);
  assert.equal(reads, 65_536, 'each client is looked at once');
});

test('client filter: all that is given must hold', () => {
  const ann = clientView({ cid: 1, user: 'ann', name: 'Sensor (1)', account: 'A', listener: 'tcp' });
  const bob = clientView({
    cid: 2,
    user: 'bob',
    address: '10.0.0.7',
    mqttClientId: 'dev-77',
    listener: 'ws',
  });
  const found = (query: Partial<ClientQuery>): number[] =>
    [ann, bob].filter(clientFilter({ ...EVERYTHING, ...query })).map(({ cid }) => cid);
  assert.deepEqual(found({}), [1, 2]);
  assert.deepEqual(found({ cid: 2 }), [2]);
  assert.deepEqual(found({ user: 'ann' }), [1]);
  assert.deepEqual(found({ user: 'an' }), []);
  assert.deepEqual(found({ account: 'A' }), [1]);
  assert.deepEqual(found({ listener: 'ws' }), [2]);
  assert.deepEqual(found({ search: 'SENSOR' }), [1]);
  assert.deepEqual(found({ search: 'r (1)' }), [1]);
  assert.deepEqual(found({ search: '.*' }), []);
  assert.deepEqual(found({ search: '0.0.7' }), [2]);
  assert.deepEqual(found({ search: 'DEV-7' }), [2]);
  assert.deepEqual(found({ search: 'bob', listener: 'tcp' }), []);
  assert.deepEqual(found({ search: '' }), [1, 2]);
});

test('client pages: the worker of a client stands in its id', () => {
  assert.deepEqual([workerOf(5), workerOf(2 ** 32 + 1), workerOf(3 * 2 ** 32)], [0, 1, 3]);
});
