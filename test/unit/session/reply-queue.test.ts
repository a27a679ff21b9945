import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ReplyQueue } from '../../../src/session/reply-queue.ts';

test('reply queue: an answer that waits for nothing is written at once', () => {
  const queue = new ReplyQueue(() => {});
  const written: string[] = [];
  queue.now(() => written.push('a'));
  assert.deepEqual(written, ['a']);
  assert.equal(queue.isEmpty, true);
});

test('reply queue: answers come in the order of the places, whichever is complete first', () => {
  const queue = new ReplyQueue(() => {});
  const written: string[] = [];
  const first = queue.reserve();
  const second = queue.reserve();
  queue.now(() => written.push('third'));
  second.complete(() => written.push('second'));
  assert.deepEqual(written, []);
  first.complete(null);
  assert.deepEqual(written, ['second', 'third']);
  assert.equal(queue.isEmpty, true);
});

test('reply queue: only the first completion of a place counts', () => {
  const queue = new ReplyQueue(() => {});
  const written: string[] = [];
  const blocker = queue.reserve();
  const slot = queue.reserve();
  slot.complete(() => written.push('first'));
  slot.complete(() => written.push('second'));
  blocker.complete(null);
  slot.complete(() => written.push('third'));
  assert.deepEqual(written, ['first']);
});

test('reply queue: calls back once when nothing is owed, at once if so', () => {
  const queue = new ReplyQueue(() => {});
  let calls = 0;
  const count = (): void => {
    calls++;
  };
  queue.onceEmpty(count);
  assert.equal(calls, 1);
  const slot = queue.reserve();
  queue.onceEmpty(count);
  assert.equal(calls, 1);
  slot.complete(null);
  queue.now(() => {});
  assert.equal(calls, 2);
});

test('reply queue: a writer may reserve and complete places itself', () => {
  const queue = new ReplyQueue(() => {});
  const written: string[] = [];
  const slot = queue.reserve();
  slot.complete(() => {
    written.push('outer');
    queue.now(() => written.push('inner'));
  });
  queue.now(() => written.push('later'));
  assert.deepEqual(written, ['outer', 'inner', 'later']);
});

test('reply queue: any order of completion of thousands of places gives the order of the places', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(), { minLength: 1, maxLength: 3_000 }), (keys) => {
      const queue = new ReplyQueue(() => {});
      const written: number[] = [];
      const slots = keys.map(() => queue.reserve());
      const order = keys.map((key, index) => ({ key, index })).sort((a, b) => a.key - b.key);
      for (const { index } of order) slots[index]?.complete(() => written.push(index));
      assert.deepEqual(
        written,
        keys.map((_, index) => index),
      );
      assert.equal(queue.isEmpty, true);
    }),
    { numRuns: 50 },
  );
});

test('reply queue: full at 4,096 unanswered places, and tells when half of them are answered', () => {
  let rooms = 0;
  const queue = new ReplyQueue(() => {
    rooms++;
  });
  const slots = Array.from({ length: 4_095 }, () => queue.reserve());
  assert.equal(queue.isFull, false);
  slots.push(queue.reserve());
  assert.equal(queue.isFull, true);
  for (const slot of slots.slice(0, 2_047)) slot.complete(null);
  assert.deepEqual([rooms, queue.isFull], [0, false]);
  for (const slot of slots.slice(2_047)) slot.complete(null);
  assert.equal(rooms, 1, 'once');
});

test('reply queue: closed, it writes nothing, whatever is answered later', () => {
  const queue = new ReplyQueue(() => {});
  const written: string[] = [];
  const slot = queue.reserve();
  queue.now(() => written.push('behind'));
  queue.onceEmpty(() => written.push('empty'));
  queue.close();
  slot.complete(() => written.push('slot'));
  queue.now(() => written.push('now'));
  queue.reserve().complete(() => written.push('new'));
  assert.deepEqual(written, []);
});
