import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BrokerOptions } from '../../../src/upstream/connect-options.ts';
import { probeBroker } from '../../../src/upstream/probe.ts';
import type { ScriptedBehaviour } from '../../support/scripted-behaviour.ts';
import { ScriptedBroker } from '../../support/scripted-broker.ts';
import { waitFor } from '../../support/wait-for.ts';

const optionsFor = (broker: ScriptedBroker): BrokerOptions => ({
  url: broker.url,
  protocolVersion: 5,
  keepaliveMs: 60_000,
  connectTimeoutMs: 10_000,
  ackTimeoutMs: 10_000,
  maxInflight: 100,
  isFastPath: true,
  tls: null,
});

const SHAPES: readonly [string, Partial<ScriptedBehaviour>, string | null][] = [
  ['a copy per filter, each with its identifier', { overlapping: 'copies-with-one-id' }, 'identifiers'],
  ['one copy with all identifiers', { overlapping: 'one-copy-all-ids' }, 'identifiers'],
  ['one copy with one identifier', { overlapping: 'one-copy-one-id' }, 'single'],
  [
    'copies without identifiers',
    { overlapping: 'copies-no-id', subscriptionIdentifiersAvailable: false },
    'copies',
  ],
  ['an access list that refuses the probe', { subackCode: () => 0x87 }, null],
];

for (const [what, behaviour, overlap] of SHAPES) {
  test(`probe: ${what}`, async () => {
    const broker = await ScriptedBroker.start(behaviour);
    const report = await probeBroker(optionsFor(broker), null, new AbortController().signal);
    assert.equal(report.overlap, overlap);
    assert.equal(report.requiresCredentials, false);
    assert.equal(report.delaysSmallWrites, overlap === null ? null : false);
    assert.deepEqual(broker.violations, []);
    await broker.stop();
  });
}

test('probe: a broker that refuses strangers requires credentials, and is measured with the gateway’s own', async () => {
  const broker = await ScriptedBroker.start({
    connackCode: ({ username }) => (username === 'gateway' ? 0 : 0x87),
  });
  const service = { clientId: 'probe', username: 'gateway', password: 'x' };
  const { signal } = new AbortController();
  assert.deepEqual(await probeBroker(optionsFor(broker), null, signal), {
    requiresCredentials: true,
    overlap: null,
    delaysSmallWrites: null,
  });
  const known = await probeBroker(optionsFor(broker), service, signal);
  assert.deepEqual(known, { requiresCredentials: true, overlap: 'identifiers', delaysSmallWrites: false });
  await broker.stop();
});

for (const [what, behaviour] of [
  ['before CONNACK', { swallowConnects: true }],
  ['while it waits for an answer', {}],
] as const) {
  test(`probe: ends at once when it is told to, ${what}`, async () => {
    const broker = await ScriptedBroker.start(behaviour);
    broker.holdAcks('suback');
    const stop = new AbortController();
    const probing = probeBroker(optionsFor(broker), null, stop.signal);
    await waitFor(() => broker.log.length > 0, 5_000, 'the probe to begin');
    const startedAt = performance.now();
    stop.abort();
    const report = await probing;
    assert.ok(performance.now() - startedAt < 1_000, 'it went on');
    assert.equal(report.delaysSmallWrites, null);
    await broker.stop();
  });
}
