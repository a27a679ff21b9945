/** What taps pass on, and how many there may be. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ClusterTaps, type TapOrder } from '../../../src/cluster/cluster-taps.ts';
import { CIDS_PER_WORKER } from '../../../src/control/client-pages.ts';
import {
  MAX_TAP_MS,
  MAX_TAPS,
  type TapEvent,
  type TapMessage,
  type TapRequest,
} from '../../../src/control/tap.ts';
import { TapHub } from '../../../src/session/tap-hub.ts';
import { TapStream } from '../../../src/session/tap-stream.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { RecordingLogger } from '../upstream/harness.ts';

const REQUEST: TapRequest = { durationMs: 60_000, maxPerSecond: 3, payloadBytes: 0 };

function event(subject: string): TapEvent {
  return {
    atMs: 0,
    direction: 'to_broker',
    cid: 1,
    user: '',
    subject,
    topic: subject,
    reply: '',
    responseTopic: '',
    qos: 0,
    isRetained: false,
    headers: '',
    userProperties: [],
    payloadBytes: 0,
    payload: '',
    dropped: null,
  };
}

/** In one word each. */
function words(messages: readonly TapMessage[]): string[] {
  return messages.map((one) => {
    if (one.type === 'event') return one.event.subject;
    return one.type === 'skipped' ? `skipped ${one.count}` : `ended ${one.reason}`;
  });
}

function openStream(request: Partial<TapRequest> = {}) {
  const clock = new FakeClock();
  const messages: TapMessage[] = [];
  let ends = 0;
  const stream = new TapStream({ ...REQUEST, ...request }, clock, {
    onMessage: (message) => messages.push(message),
    onEnded: () => {
      ends += 1;
    },
  });
  return { clock, stream, shown: () => words(messages), ends: () => ends };
}

test('tap: passes so many events per second on, and counts the others', () => {
  const { clock, stream, shown } = openStream();
  let built = 0;
  const push = (subject: string): void =>
    stream.push(() => {
      built += 1;
      return event(subject);
    });
  for (const subject of ['a', 'b', 'c', 'd', 'e']) push(subject);
  assert.deepEqual(shown(), ['a', 'b', 'c']);
  assert.equal(built, 3, 'what is left out is not made');
  clock.advance(999);
  assert.equal(shown().length, 3);
  clock.advance(1);
  assert.deepEqual(shown().slice(3), ['skipped 2']);
  for (const subject of ['f', 'g', 'h', 'i']) push(subject);
  clock.advance(1_500);
  push('j');
  assert.deepEqual(shown().slice(4), ['f', 'g', 'h', 'skipped 1', 'j']);
});

test('tap: ends when its time is over, and says how many are still missing', () => {
  const { clock, stream, shown, ends } = openStream({ durationMs: 500, maxPerSecond: 1 });
  stream.push(() => event('a'));
  stream.push(() => event('b'));
  clock.advance(500);
  assert.deepEqual(shown(), ['a', 'skipped 1', 'ended time']);
  stream.push(() => event('c'));
  stream.skip(5);
  stream.end('closed');
  clock.advance(10_000);
  assert.deepEqual([shown().length, ends()], [3, 1]);
});

test('tap: no tap goes on for longer than the longest time', () => {
  const { clock, shown } = openStream({ durationMs: 10 * MAX_TAP_MS });
  clock.advance(MAX_TAP_MS - 1);
  assert.deepEqual(shown(), []);
  clock.advance(1);
  assert.deepEqual(shown(), ['ended time']);
});

test('taps: as many as are allowed, and nothing is looked at without any', () => {
  const hub = new TapHub(new FakeClock(), new RecordingLogger());
  assert.equal(hub.active, null);
  const ends: TapMessage[] = [];
  const open = () => hub.open(REQUEST, (message) => ends.push(message));
  const handles = Array.from({ length: MAX_TAPS }, open);
  assert.throws(open, { code: 'GW_LIMIT' });
  handles[0]?.close();
  handles[0]?.close();
  handles.push(open());
  assert.throws(open, { code: 'GW_LIMIT' });
  hub.close();
  assert.equal(hub.active, null);
  assert.deepEqual(words(ends), ['ended closed', ...Array(MAX_TAPS).fill('ended shutdown')]);
  assert.throws(() => hub.open({ ...REQUEST, subject: 'a..b' }, () => {}), { code: 'GW_INVALID_SUBJECT' });
});

test('taps: look at what they were asked to look at', () => {
  const hub = new TapHub(new FakeClock(), new RecordingLogger());
  const wants = (request: Partial<TapRequest>, subject: string | null = 'a.b') => {
    hub.open({ ...REQUEST, ...request }, () => {});
    const [tap] = hub.active ?? [];
    const answer = tap?.wants('to_client', 7, 'ann', subject === null ? null : Buffer.from(subject));
    hub.close();
    return answer;
  };
  for (const request of [
    {},
    { cid: 7 },
    { user: 'ann' },
    { subject: 'a.*' },
    { direction: 'to_client' },
  ] as const)
    assert.equal(wants(request), true, JSON.stringify(request));
  for (const request of [
    { cid: 8 },
    { user: 'bob' },
    { subject: 'b.>' },
    { direction: 'to_broker' },
  ] as const)
    assert.equal(wants(request), false, JSON.stringify(request));
  assert.equal(wants({ cid: 7, user: 'bob' }), false);
  assert.equal(wants({ subject: '>' }, null), false, 'what has no subject is none of it');
  assert.equal(wants({}, null), true);
});

test('taps: one whose reader fails ends, and nobody else notices', () => {
  const logger = new RecordingLogger();
  const hub = new TapHub(new FakeClock(), logger);
  const shown: TapMessage[] = [];
  hub.open(REQUEST, () => {
    throw new Error('a bug');
  });
  hub.open(REQUEST, (message) => shown.push(message));
  for (const { stream } of hub.active ?? []) stream.push(() => event('a'));
  assert.deepEqual(words(shown), ['a']);
  assert.equal(hub.active?.length, 1);
  assert.ok(logger.of('tap.failed').length > 0);
});

test('taps of workers: one stream with the limits of one, wherever the messages cross', () => {
  const clock = new FakeClock();
  const told: [number, TapOrder][] = [];
  const workers = [1, 2].map((worker) => ({
    worker,
    isReady: worker === 1,
    tell: (order: TapOrder) => told.push([worker, order]),
  }));
  const taps = new ClusterTaps(workers, clock);
  const shown: TapMessage[] = [];
  const handle = taps.open(REQUEST, (message) => shown.push(message));
  assert.deepEqual(told, [[1, { type: 'open-tap', id: 1, request: REQUEST }]]);
  const second = workers[1]!;
  second.isReady = true;
  taps.onReady(second);
  assert.deepEqual(told.at(-1), [2, { type: 'open-tap', id: 1, request: REQUEST }]);
  for (const subject of ['a', 'b', 'c', 'd']) taps.onMessage(1, { type: 'event', event: event(subject) });
  taps.onMessage(1, { type: 'skipped', count: 10 });
  taps.onMessage(1, { type: 'ended', reason: 'time' });
  taps.onMessage(9, { type: 'event', event: event('late') });
  handle.close();
  assert.deepEqual(words(shown), ['a', 'b', 'c', 'skipped 11', 'ended closed']);
  assert.deepEqual(
    told.slice(2).map(([worker, { type }]) => `${worker} ${type}`),
    ['1 close-tap', '2 close-tap'],
  );
  told.length = 0;
  const request = { ...REQUEST, cid: 2 * CIDS_PER_WORKER + 5 };
  taps.open(request, () => {});
  assert.deepEqual(told, [[2, { type: 'open-tap', id: 2, request }]], 'only its worker has this client');
  for (let count = 1; count < MAX_TAPS; count++) taps.open(REQUEST, () => {});
  assert.throws(() => taps.open(REQUEST, () => {}), { code: 'GW_LIMIT' });
  taps.close();
});
