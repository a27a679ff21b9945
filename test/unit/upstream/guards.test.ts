/** What keeps packets from a session that it would not survive, and finds those that nobody could foresee. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DenyList } from '../../../src/upstream/deny-list.ts';
import { filterFault } from '../../../src/upstream/filter-guard.ts';
import type { LinkFeatures } from '../../../src/upstream/mqtt-link.ts';
import { publicationFault } from '../../../src/upstream/publication-fault.ts';
import { Suspects } from '../../../src/upstream/suspects.ts';
import { outbound } from './harness.ts';

const ABLE: LinkFeatures = {
  protocolVersion: 5,
  maximumPacketBytes: Number.POSITIVE_INFINITY,
  retainAvailable: true,
  maximumQoS: 2,
  wildcardSubscriptions: true,
  sharedSubscriptions: true,
  subscriptionIdentifiers: true,
  receiveMaximum: 65_535,
  maxInflight: 65_535,
  isSettled: true,
  acceptsDollarTopics: true,
  acceptsDots: true,
  takesWireProperties: true,
};

test('filter guard: refuses what the broker says it cannot do, and what only looks like a shared filter', () => {
  const rows: readonly (readonly [string, Partial<LinkFeatures>, number | null])[] = [
    ['a/+/#', {}, null],
    ['$share/g/a/#', {}, null],
    ['$sharex/g', {}, null],
    ['$share', {}, 0x8f],
    ['$share/g', {}, 0x8f],
    ['$share/g/', {}, 0x8f],
    ['$share//a', {}, 0x8f],
    ['$share/+/a', {}, 0x8f],
    ['$share/g/$share/h/a', {}, 0x8f],
    ['$share/g/a', { sharedSubscriptions: false }, 0x9e],
    ['a', { sharedSubscriptions: false, wildcardSubscriptions: false }, null],
    ['a/+', { wildcardSubscriptions: false }, 0xa2],
    ['$share/g/#', { wildcardSubscriptions: false }, 0xa2],
    ['a'.repeat(68), { maximumPacketBytes: 100 }, null],
    ['a'.repeat(69), { maximumPacketBytes: 100 }, 0x95],
    ['é'.repeat(35), { maximumPacketBytes: 100 }, 0x95],
  ];
  for (const [filter, features, code] of rows) {
    assert.equal(filterFault(filter, { ...ABLE, ...features }), code, filter);
  }
});

test('publication guard: refuses what the next broker cannot take', () => {
  const message = outbound('a', 'xxx');
  assert.equal(publicationFault(message, ABLE), null);
  assert.equal(publicationFault(message, { ...ABLE, maximumQoS: 0 }), 0x9b);
  assert.equal(publicationFault({ ...message, qos: 0 }, { ...ABLE, maximumQoS: 0 }), null);
  assert.equal(publicationFault({ ...message, retain: true }, { ...ABLE, retainAvailable: false }), 0x9a);
  const properties = {
    userProperties: ['a', 'é'.repeat(10)],
    responseTopic: 'r'.repeat(10),
    contentType: 'c',
    correlationData: Buffer.alloc(5),
  };
  const size = 64 + 1 + 3 + 5 + 21 + 10 + 1 + 5;
  for (const [maximumPacketBytes, code] of [
    [size, null],
    [size - 1, 0x95],
  ] as const) {
    assert.equal(publicationFault({ ...message, properties }, { ...ABLE, maximumPacketBytes }), code);
  }
});

test('suspects: what was under way at enough losses must go alone, and a loss while it does convicts it', () => {
  const suspects = new Suspects<string>(2);
  for (let loss = 0; loss < 2; loss++) {
    for (const one of ['a', 'b', 'c']) suspects.onSend(one);
    suspects.clear('a');
    assert.equal(suspects.isTesting, false);
    assert.equal(suspects.onLost(), null);
  }
  assert.deepEqual(
    ['a', 'b', 'c'].map((one) => suspects.isSuspect(one)),
    [false, true, true],
  );
  suspects.onSend('b');
  assert.equal(suspects.isTesting, true);
  suspects.clear('b');
  assert.deepEqual([suspects.isTesting, suspects.isSuspect('b')], [false, false]);
  suspects.onSend('c');
  assert.equal(suspects.onLost(), 'c');
  assert.deepEqual([suspects.isTesting, suspects.isSuspect('c'), suspects.hasAny], [false, false, false]);
});

test('deny list: remembers a thousand names, the newest', () => {
  const list = new DenyList();
  assert.ok(list.isEmpty);
  for (let i = 0; i < 1_001; i++) list.deny(`n${i}`);
  assert.deepEqual(
    [list.isEmpty, list.has('n0'), list.has('n1'), list.has('n1000'), list.has('x')],
    [false, false, true, true, false],
  );
});
