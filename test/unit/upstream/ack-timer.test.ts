/** AckTimer with real time: what a moving queue must not hide, and what it must not leave behind. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AckTimer } from '../../../src/upstream/ack-timer.ts';
import { waitFor } from '../../support/wait-for.ts';

const TIMEOUT_MS = 200;

interface Subject {
  readonly timer: AckTimer;
  /** Milliseconds until the timer fired; 0 before that. */
  readonly lateAfterMs: () => number;
}

function start(): Subject {
  const startedAt = performance.now();
  let lateAfterMs = 0;
  const timer = new AckTimer(TIMEOUT_MS, () => {
    lateAfterMs = performance.now() - startedAt;
  });
  return { timer, lateAfterMs: () => lateAfterMs };
}

test('ack timer: an acknowledgement that is swallowed while later ones come is noticed', async () => {
  const { timer, lateAfterMs } = start();
  const startedAt = performance.now();
  timer.start(() => assert.fail('never acknowledged'));
  await waitFor(() => {
    timer.finish(
      timer.start(() => {}),
      0,
    );
    return lateAfterMs() > 0 || performance.now() - startedAt > 10 * TIMEOUT_MS;
  });
  assert.ok(lateAfterMs() > 0 && lateAfterMs() < 5 * TIMEOUT_MS, `late after ${lateAfterMs()} ms`);
});

test('ack timer: keeps no timer when everything has been acknowledged', async () => {
  const { timer } = start();
  const before = process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
  timer.finish(
    timer.start(() => {}),
    0,
  );
  await waitFor(() => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length <= before);
});

test('ack timer: a standstill of the process does not count', async () => {
  const { timer, lateAfterMs } = start();
  timer.start(() => {});
  await waitFor(() => process.getActiveResourcesInfo().includes('Timeout'));
  const until = performance.now() + 4 * TIMEOUT_MS;
  while (performance.now() < until);
  // The check that is due runs first; whatever has arrived meanwhile is read after it.
  await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(lateAfterMs(), 0);
  timer.stop();
});

test('ack timer: watches another source as well', async () => {
  const stuck = { done: () => {} };
  let isLate = false;
  const timer = new AckTimer(
    TIMEOUT_MS,
    () => {
      isLate = true;
    },
    { oldest: stuck },
  );
  timer.watch();
  await waitFor(() => isLate, 10 * TIMEOUT_MS);
});
