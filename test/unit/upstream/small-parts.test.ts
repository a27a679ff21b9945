/** The small parts of `upstream/`: acknowledgement time-out, backoff, nudges of the kernel's ACK. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AckNudge } from '../../../src/upstream/ack-nudge.ts';
import { AckTimer } from '../../../src/upstream/ack-timer.ts';
import { backoffDelay } from '../../../src/util/backoff.ts';
import { waitFor } from '../../support/wait-for.ts';

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('ack timer: an acknowledgement that does not come is called late, once, and nothing follows', async () => {
  let late = 0;
  const codes: number[] = [];
  const timer = new AckTimer(40, () => {
    late++;
  });
  const first = timer.start((code) => codes.push(code));
  const second = timer.start((code) => codes.push(code));
  timer.finish(second, 7);
  await waitFor(() => late > 0, 2_000, 'the time-out');
  timer.finish(first, 0);
  timer.finish(
    timer.start((code) => codes.push(code)),
    0,
  );
  assert.equal(late, 1);
  assert.deepEqual(codes, [7]);
});

test('ack timer: acknowledgements that come in time, one after the other, are never late', async () => {
  let late = 0;
  let finished = 0;
  const timer = new AckTimer(60, () => {
    late++;
  });
  const startedAt = performance.now();
  while (performance.now() - startedAt < 200) {
    const ack = timer.start(() => {
      finished++;
    });
    await nextTurn();
    timer.finish(ack, 0);
    timer.finish(ack, 0);
  }
  timer.stop();
  assert.equal(late, 0);
  assert.ok(finished > 10);
});

test('ack timer: a long queue is not late while its front moves', async () => {
  let late = 0;
  const timer = new AckTimer(80, () => {
    late++;
  });
  const queue = Array.from({ length: 12 }, () => timer.start(() => {}));
  const startedAt = performance.now();
  for (const [index, ack] of queue.entries()) {
    await waitFor(() => performance.now() - startedAt > index * 30, 2_000, 'the next acknowledgement');
    timer.finish(ack, 0);
  }
  assert.equal(late, 0, `${Math.round(performance.now() - startedAt)} ms for a time-out of 80 ms`);
  timer.stop();
});

test('ack timer: stopped, it calls nobody back', async () => {
  let calls = 0;
  const timer = new AckTimer(10, () => {
    calls++;
  });
  const ack = timer.start(() => {
    calls++;
  });
  timer.stop();
  timer.finish(ack, 0);
  const until = performance.now() + 40;
  await waitFor(() => performance.now() > until);
  assert.equal(calls, 0);
});

test('backoff: full jitter below an exponential ceiling that has a maximum', () => {
  const options = { baseMs: 250, maxMs: 5_000 };
  const almostOne = 1 - Number.EPSILON;
  for (const [attempt, ceiling] of [
    [0, 250],
    [1, 500],
    [2, 1_000],
    [4, 4_000],
    [5, 5_000],
    [1_000, 5_000],
    [Number.MAX_SAFE_INTEGER, 5_000],
  ] as const) {
    assert.equal(backoffDelay(attempt, options, 0), 0);
    assert.equal(backoffDelay(attempt, options, 0.5), ceiling / 2);
    assert.equal(backoffDelay(attempt, options, almostOne), ceiling - 1);
  }
});

test('ack nudge: one packet per turn, however many answers and deliveries', async () => {
  let sent = 0;
  const nudge = new AckNudge(
    () => {
      sent++;
    },
    () => {},
  );
  nudge.onDelivery();
  await nextTurn();
  assert.equal(sent, 0, 'a delivery outside of the window');
  nudge.onAnswer();
  nudge.onAnswer();
  nudge.onDelivery();
  assert.equal(sent, 0);
  await nextTurn();
  assert.equal(sent, 1);
  nudge.onDelivery();
  await nextTurn();
  assert.equal(sent, 2, 'a delivery within the window');
});

test('ack nudge: the window after an answer ends', async () => {
  let sent = 0;
  const nudge = new AckNudge(
    () => {
      sent++;
    },
    () => {},
  );
  nudge.onPuback();
  await nextTurn();
  assert.equal(sent, 0, 'the PUBACK has carried the ACK');
  const until = performance.now() + 80;
  await waitFor(() => performance.now() > until);
  nudge.onDelivery();
  await nextTurn();
  assert.equal(sent, 0);
});

test('ack nudge: not sent when something was written anyway', async () => {
  let sent = 0;
  const nudge = new AckNudge(
    () => {
      sent++;
    },
    () => {},
  );
  nudge.onPartialAnswer();
  nudge.onWrite();
  await nextTurn();
  assert.equal(sent, 0);
  nudge.onPartialAnswer();
  await nextTurn();
  assert.equal(sent, 1);
});

test('ack nudge: settles once when the window after an answer is over', async () => {
  let sent = 0;
  const settledAt: number[] = [];
  const start = performance.now();
  const nudge = new AckNudge(
    () => {
      sent++;
    },
    () => settledAt.push(performance.now() - start),
  );
  nudge.onAnswer();
  const later = performance.now() + 30;
  await waitFor(() => performance.now() > later);
  nudge.onAnswer();
  nudge.onPuback();
  await waitFor(() => settledAt.length > 0);
  assert.ok((settledAt[0] ?? 0) >= 80, `settled after ${settledAt[0]} ms, within the window`);
  const nudges = sent;
  const end = performance.now() + 150;
  await waitFor(() => performance.now() > end);
  nudge.onDelivery();
  await nextTurn();
  assert.equal(settledAt.length, 1);
  assert.equal(sent, nudges, 'the window is over');
});

test('ack nudge: settling is put off for what is published meanwhile, not for ever and not for a busy session', async () => {
  let sent = 0;
  let settled = 0;
  const nudge = new AckNudge(
    () => {
      sent++;
    },
    () => {
      settled++;
    },
  );
  nudge.onAnswer();
  await waitFor(() => settled === 1);
  const before = sent;
  nudge.onPublish();
  nudge.onPublish();
  await nextTurn();
  assert.equal(sent, before + 1, 'the ACK that is held back goes out');
  await waitFor(() => settled === 2, 1_000, 'settling after the second window');
  for (let turn = 0; turn < 200; turn++) {
    nudge.onPartialAnswer();
    await nextTurn();
  }
  const whenBusy = sent;
  nudge.onPublish();
  await nextTurn();
  assert.equal(sent, whenBusy);
  const end = performance.now() + 150;
  await waitFor(() => performance.now() > end);
  assert.equal(settled, 2);
});
