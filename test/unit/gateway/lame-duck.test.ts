import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LameDuck } from '../../../src/gateway/lame-duck.ts';
import { silentLogger } from '../../../src/util/logger.ts';
import { FakeClock } from '../../support/fake-clock.ts';

/** So many clients, each of which is gone as soon as it is closed. */
function setUp(count: number) {
  const clock = new FakeClock();
  const live = new Set<{ close(): void }>();
  const closedAtMs: number[] = [];
  const waiting: (() => void)[] = [];
  const startMs = clock.now();
  for (let i = 0; i < count; i++) {
    const client = {
      close: () => {
        live.delete(client);
        closedAtMs.push(clock.now() - startMs);
        if (live.size === 0) for (const resolve of waiting.splice(0)) resolve();
      },
    };
    live.add(client);
  }
  const registry = {
    get size() {
      return live.size;
    },
    live: () => live.values(),
    untilEmpty: () => new Promise<void>((resolve) => (live.size === 0 ? resolve() : waiting.push(resolve))),
  };
  return { clock, live, closedAtMs, duck: new LameDuck({ registry, clock, logger: silentLogger }) };
}

const TIMES = { graceMs: 10_000, durationMs: 120_000 };
const turn = () => new Promise((resolve) => setImmediate(resolve));

for (const count of [1, 10, 1_000, 200_000]) {
  test(`lame duck: ${count} clients are closed after the grace, within the duration, a second apart at most`, async () => {
    const { clock, live, closedAtMs, duck } = setUp(count);
    let told = 0;
    duck.begin(TIMES, () => told++);
    duck.begin(TIMES, () => told++);
    assert.deepEqual([told, duck.isActive], [1, true]);
    clock.advance(TIMES.graceMs - 1);
    assert.equal(live.size, count);
    for (let ms = 0; ms <= 110_000 && live.size > 0; ms++) clock.advance(1);
    await duck.over;
    assert.equal(closedAtMs.length, count);
    const gaps = closedAtMs.slice(1).map((ms, i) => ms - (closedAtMs[i] ?? 0));
    assert.ok(Math.max(0, ...gaps.slice(0, 10_000)) <= 1_001);
    // Spread, not all at once: on the average three quarters of the step.
    if (count >= 1_000) assert.ok((closedAtMs.at(-1) ?? 0) > 60_000, `${closedAtMs.at(-1)}`);
    assert.equal(clock.pendingTimers, 0);
  });
}

test('lame duck: is over at once without clients, and as soon as the last one has left', async () => {
  const empty = setUp(0);
  empty.duck.begin(TIMES, () => {});
  await empty.duck.over;
  assert.equal(empty.clock.pendingTimers, 0);

  const { live, clock, duck } = setUp(1);
  duck.begin(TIMES, () => {});
  for (const client of live) client.close();
  await duck.over;
  assert.equal(clock.pendingTimers, 0);
});

test('lame duck: no time at all closes everybody at once; a stop leaves the rest to others', async () => {
  const all = setUp(100);
  all.duck.begin({ graceMs: 0, durationMs: 0 }, () => {});
  all.clock.advance(1);
  await all.duck.over;

  const { live, clock, duck } = setUp(5);
  duck.begin(TIMES, () => {});
  clock.advance(TIMES.graceMs);
  const left = live.size;
  duck.stop();
  clock.advance(TIMES.durationMs);
  await turn();
  assert.deepEqual([left, live.size, clock.pendingTimers], [4, 4, 0]);
});
