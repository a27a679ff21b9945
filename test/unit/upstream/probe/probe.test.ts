/** Each answer of the probe against the scripted broker, one peculiarity at a time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BrokerOptions } from '../../../../src/upstream/connect-options.ts';
import { type ProbeResult, probeBroker } from '../../../../src/upstream/probe/probe.ts';
import { type ProbeReport, UNKNOWN_REPORT } from '../../../../src/upstream/probe/report.ts';
import type { ScriptedBehaviour } from '../../../support/scripted-behaviour.ts';
import { ScriptedBroker } from '../../../support/scripted-broker.ts';
import { waitFor } from '../../../support/wait-for.ts';

const optionsFor = (broker: ScriptedBroker, protocolVersion: 4 | 5 = 5): BrokerOptions => ({
  url: broker.url,
  protocolVersion,
  keepaliveMs: 60_000,
  connectTimeoutMs: 10_000,
  ackTimeoutMs: 10_000,
  maxInflight: 100,
  isFastPath: true,
  tls: null,
});

const never = new AbortController().signal;

/** What the scripted broker amounts to when nothing is changed. */
const USUAL: ProbeReport = {
  requiresCredentials: false,
  speaksOnlyMqtt311: false,
  noMatchingSubscribers: true,
  overlap: 'identifiers',
  splitsByQoS: false,
  sharedSubscriptions: true,
  mixesSharedAndPlain: false,
  dollarTopics: 'works',
  wildcardsMatchDollar: false,
  dots: 'works',
  delaysSmallWrites: false,
};

/** And in MQTT 3.1.1. */
const USUAL_311: ProbeReport = {
  ...USUAL,
  speaksOnlyMqtt311: null,
  noMatchingSubscribers: false,
  overlap: 'single',
};

interface Row {
  readonly what: string;
  readonly behaviour: Partial<ScriptedBehaviour>;
  readonly expected: Partial<ProbeReport>;
  /** What MQTT forbids and this broker is asked nevertheless. */
  readonly violations?: readonly string[];
}

const NOTHING_OF_SHARED = { sharedSubscriptions: false, mixesSharedAndPlain: null } as const;

const isDollar = (topic: string): boolean => topic.startsWith('$');
const isOrdinary = (topic: string): boolean => topic.startsWith('_NMG/') && !topic.includes('.');

/** In both versions of MQTT. */
const ROWS: readonly Row[] = [
  { what: 'nothing unusual', behaviour: {}, expected: {} },
  {
    what: '$share granted and never served',
    behaviour: { sharedSubscriptionsDeliver: false },
    expected: NOTHING_OF_SHARED,
  },
  {
    what: 'shared and plain doubled',
    behaviour: { sharedAndPlain: 'doubled' },
    expected: { mixesSharedAndPlain: true },
  },
  {
    what: 'shared and plain collapsed into one',
    behaviour: { sharedAndPlain: 'collapsed' },
    expected: { mixesSharedAndPlain: true },
  },
  {
    what: '$ swallowed',
    behaviour: { publishVerdict: ({ topic }) => (isDollar(topic) ? { puback: 0 } : 'accept') },
    expected: { dollarTopics: 'swallowed', wildcardsMatchDollar: null },
  },
  {
    what: '$ swallowed without acknowledgement',
    behaviour: { publishVerdict: ({ topic }) => (isDollar(topic) ? 'ignore' : 'accept') },
    expected: { dollarTopics: 'unacknowledged', wildcardsMatchDollar: null },
  },
  {
    what: '$ disconnects',
    behaviour: { publishVerdict: ({ topic }) => (isDollar(topic) ? { disconnect: 0x90 } : 'accept') },
    expected: { dollarTopics: 'disconnects', wildcardsMatchDollar: null },
  },
  {
    what: 'wildcards match $',
    behaviour: { wildcardsMatchDollar: true },
    expected: { wildcardsMatchDollar: true },
  },
  {
    what: 'a dot becomes a level',
    behaviour: { deliveredTopic: (topic) => topic.replaceAll('.', '/') },
    expected: { dots: 'rewritten' },
  },
  {
    what: 'a dot disconnects',
    behaviour: {
      publishVerdict: ({ topic }) => (topic.includes('.') ? { disconnect: 0x90 } : 'accept'),
    },
    expected: { dots: 'disconnects' },
  },
  {
    what: 'only the ordinary filters are granted',
    behaviour: { subackCode: ({ topic }, granted) => (isDollar(topic) ? 0x87 : granted) },
    expected: {
      sharedSubscriptions: null,
      mixesSharedAndPlain: null,
      dollarTopics: null,
      wildcardsMatchDollar: null,
    },
  },
];

const ROWS_5: readonly Row[] = [
  { what: 'one copy with all ids', behaviour: { overlapping: 'one-copy-all-ids' }, expected: {} },
  {
    what: 'one copy with one id',
    behaviour: { overlapping: 'one-copy-one-id' },
    expected: { overlap: 'single' },
  },
  {
    what: 'copies without ids',
    behaviour: { overlapping: 'copies-no-id', subscriptionIdentifiersAvailable: false },
    expected: { overlap: 'copies' },
  },
  { what: '0x10 never', behaviour: { noMatchingSubscribers: 0 }, expected: { noMatchingSubscribers: false } },
  {
    what: 'no shared subscriptions',
    behaviour: { sharedSubscriptionAvailable: false },
    expected: NOTHING_OF_SHARED,
  },
  {
    what: 'no shared subscriptions, by SUBACK only',
    behaviour: { subackCode: ({ topic }, granted) => (topic.startsWith('$share') ? 0x9e : granted) },
    expected: NOTHING_OF_SHARED,
  },
  {
    what: 'no wildcards: no question that needs them',
    behaviour: { wildcardSubscriptionAvailable: false },
    expected: { overlap: null, splitsByQoS: null, dots: null, wildcardsMatchDollar: null },
  },
  {
    what: 'QoS 0 only',
    behaviour: { maximumQoS: 0 },
    expected: { noMatchingSubscribers: false, delaysSmallWrites: null },
  },
  {
    what: 'Receive Maximum 1',
    behaviour: { receiveMaximum: 1, ackDelayMs: 5 },
    expected: {},
  },
  {
    what: '$ refused',
    behaviour: { publishVerdict: ({ topic }) => (isDollar(topic) ? { puback: 0x90 } : 'accept') },
    expected: { dollarTopics: 'refused', wildcardsMatchDollar: null },
  },
  {
    what: '$ denied by an access list',
    behaviour: { publishVerdict: ({ topic }) => (isDollar(topic) ? { puback: 0x87 } : 'accept') },
    expected: { dollarTopics: null, wildcardsMatchDollar: null },
  },
  {
    what: '$ denied by an access list, and the session ended',
    behaviour: { publishVerdict: ({ topic }) => (isDollar(topic) ? { disconnect: 0x87 } : 'accept') },
    expected: { dollarTopics: null, wildcardsMatchDollar: null },
  },
  {
    what: 'everything denied',
    behaviour: { subackCode: () => 0x87, publishVerdict: () => ({ puback: 0x87 }) },
    expected: { ...UNKNOWN_REPORT, requiresCredentials: false, speaksOnlyMqtt311: false },
  },
  {
    what: 'every publication denied by DISCONNECT',
    behaviour: { publishVerdict: () => ({ disconnect: 0x87 }) },
    expected: { ...UNKNOWN_REPORT, requiresCredentials: false, speaksOnlyMqtt311: false },
  },
  {
    what: 'filters granted, publications swallowed: nothing can be said of single topics',
    behaviour: { publishVerdict: () => ({ puback: 0 }) },
    expected: {
      ...UNKNOWN_REPORT,
      requiresCredentials: false,
      speaksOnlyMqtt311: false,
      noMatchingSubscribers: false,
    },
  },
  {
    what: 'everything but the ordinary topics swallowed',
    behaviour: { publishVerdict: ({ topic }) => (isOrdinary(topic) ? 'accept' : { puback: 0 }) },
    expected: { dollarTopics: 'swallowed', dots: 'swallowed', wildcardsMatchDollar: null },
  },
];

const ROWS_311: readonly Row[] = [
  { what: 'copies', behaviour: { overlapping311: 'copies' }, expected: { overlap: 'copies' } },
  {
    what: 'a copy for each QoS',
    behaviour: { overlapping311: 'copy-per-qos' },
    expected: { overlap: 'single', splitsByQoS: true },
  },
];

function rowTest({ what, behaviour, expected }: Row, version: 4 | 5): void {
  test(`probe (MQTT ${version}): ${what}`, async () => {
    const broker = await ScriptedBroker.start(behaviour);
    const { report, failure } = await probeBroker(optionsFor(broker, version), null, never);
    assert.deepEqual(report, { ...(version === 5 ? USUAL : USUAL_311), ...expected });
    assert.equal(failure, null);
    assert.deepEqual(broker.violations, []);
    await broker.stop();
  });
}

for (const row of [...ROWS, ...ROWS_5]) rowTest(row, 5);
for (const row of [...ROWS, ...ROWS_311]) rowTest(row, 4);

test('probe: stays below topics of the gateway’s own, one random one per probe', async () => {
  const broker = await ScriptedBroker.start();
  await probeBroker(optionsFor(broker), null, never);
  const topics = broker.packets('publish').map(({ topic }) => topic);
  const filters = broker
    .packets('subscribe')
    .flatMap(({ subscriptions }) => subscriptions.map(({ topic }) => topic.replace(/^\$share\/nmg\//, '')));
  for (const name of [...topics, ...filters]) assert.match(name, /^(_NMG|\$_NMG|\+)\/[\w-]{16}\//);
  assert.equal(new Set([...topics, ...filters].map((name) => name.split('/')[1])).size, 1);
  await waitFor(() => broker.sessions.length === 0, 5_000, 'the sessions of the probe to end');
  await broker.stop();
});

test('probe: a broker that refuses strangers requires credentials, and is asked with the gateway’s own', async () => {
  const broker = await ScriptedBroker.start({
    connackCode: ({ username }) => (username === 'gateway' ? 0 : 0x87),
  });
  const refused = await probeBroker(optionsFor(broker), null, never);
  assert.deepEqual(refused.report, { ...UNKNOWN_REPORT, requiresCredentials: true });
  assert.deepEqual([refused.features, refused.failure], [null, null]);
  const wrong = await probeBroker(optionsFor(broker), { username: 'x', password: 'x' }, never);
  assert.deepEqual(wrong.failure, { kind: 'refused', code: 0x87 });
  const known = await probeBroker(optionsFor(broker), { username: 'gateway', password: 'x' }, never);
  assert.deepEqual(known.report, { ...USUAL, requiresCredentials: true });
  await broker.stop();
});

for (const code of [1, 0x84]) {
  test(`probe: a broker that answers MQTT 5 with ${code} and takes 3.1.1 speaks only 3.1.1`, async () => {
    const broker = await ScriptedBroker.start({
      connackCode: ({ protocolVersion }) => (protocolVersion === 5 ? code : 0),
    });
    const { report, failure } = await probeBroker(optionsFor(broker), null, never);
    assert.deepEqual(report, { ...UNKNOWN_REPORT, speaksOnlyMqtt311: true });
    assert.deepEqual(failure, { kind: 'refused', code });
    await broker.stop();
  });
}

test('probe: a broker that is not there has said nothing about its version', async () => {
  const broker = await ScriptedBroker.start();
  await broker.stop();
  const { report, failure } = await probeBroker(optionsFor(broker), null, never);
  assert.deepEqual(report, UNKNOWN_REPORT);
  assert.equal(failure?.kind, 'lost');
});

test('probe: a broker that goes away in the middle has said nothing about topics', async () => {
  const broker = await ScriptedBroker.start();
  broker.behaviour.publishVerdict = ({ topic }) => {
    if (!isDollar(topic)) return 'accept';
    void broker.stop(); // nothing is left that could fail
    return 'ignore';
  };
  const { report } = await probeBroker(optionsFor(broker), null, never);
  assert.deepEqual(report, { ...USUAL, dollarTopics: null, wildcardsMatchDollar: null });
});

/** Starts a probe, waits until it is under way, and calls it off. */
async function calledOff(broker: ScriptedBroker): Promise<ProbeResult> {
  const stop = new AbortController();
  const probing = probeBroker(optionsFor(broker), null, stop.signal);
  await waitFor(() => broker.log.length > 0, 5_000, 'the probe to begin');
  const startedAt = performance.now();
  stop.abort();
  const result = await probing;
  assert.ok(performance.now() - startedAt < 1_000, 'it went on');
  return result;
}

test('probe: ends at once when it is told to, before CONNACK', async () => {
  const broker = await ScriptedBroker.start({ swallowConnects: true });
  const { report, failure } = await calledOff(broker);
  assert.deepEqual([report, failure], [UNKNOWN_REPORT, null]);
  await broker.stop();
});

test('probe: ends at once when it is told to, while it waits for an answer', async () => {
  const broker = await ScriptedBroker.start();
  broker.holdAcks('suback');
  const { report } = await calledOff(broker);
  assert.equal(report.overlap, null);
  await waitFor(() => broker.sessions.length === 0, 5_000, 'the session of the probe to end');
  await broker.stop();
});
