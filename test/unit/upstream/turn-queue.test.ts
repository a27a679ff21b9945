/** Whose turn it is where there is room for some only. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TurnQueue } from '../../../src/upstream/turn-queue.ts';

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Users of a queue who take as much room as they want when it is their turn. */
function setUp() {
  const room = { left: 0 };
  const served: string[] = [];
  const wants = new Map<string, number>();
  const queue: TurnQueue<string> = new TurnQueue({ hasRoom: () => room.left > 0, go: (one) => take(one) });
  function take(one: string): void {
    while ((wants.get(one) ?? 0) > 0 && queue.claim(one)) {
      room.left--;
      wants.set(one, (wants.get(one) ?? 0) - 1);
      served.push(one);
    }
  }
  const want = (one: string, count: number): void => {
    wants.set(one, (wants.get(one) ?? 0) + count);
    take(one);
  };
  return { room, served, queue, want };
}

test('turn queue: who finds room goes at once; who does not waits behind all who came before', () => {
  const { room, served, queue, want } = setUp();
  room.left = 1;
  want('a', 1);
  for (const one of ['b', 'c', 'd']) want(one, 1);
  assert.deepEqual([served, queue.size], [['a'], 3]);
  room.left = 2;
  queue.next();
  assert.deepEqual(served, ['a', 'b', 'c']);
  room.left = 1;
  want('late', 1);
  assert.deepEqual(served, ['a', 'b', 'c'], 'room is for who waits');
  queue.next();
  assert.deepEqual(served, ['a', 'b', 'c', 'd']);
});

test('turn queue: one who wants without end starves nobody', () => {
  const { room, served, queue, want } = setUp();
  want('flood', 1_000_000);
  for (let i = 0; i < 50; i++) want(`small ${i}`, 1);
  // Room comes in small pieces, as acknowledgements do.
  for (let i = 0; i < 60; i++) {
    room.left = 1;
    queue.next();
  }
  assert.equal(new Set(served).size, 51);
  assert.equal(served.filter((one) => one === 'flood').length, 10);
});

test('turn queue: a few per turn of the event loop, and all in the end', async () => {
  const { room, served, queue, want } = setUp();
  for (let i = 0; i < 100; i++) want(`${i}`, 1);
  room.left = 1_000;
  queue.next();
  queue.next();
  assert.equal(served.length, 32);
  await nextTurn();
  assert.equal(served.length, 64);
  await nextTurn();
  await nextTurn();
  assert.deepEqual(
    served,
    Array.from({ length: 100 }, (_, i) => `${i}`),
  );
});

test('turn queue: who has left is not called', () => {
  const { room, served, queue, want } = setUp();
  want('gone', 1);
  want('here', 1);
  queue.leave('gone');
  room.left = 5;
  queue.next();
  assert.deepEqual([served, queue.size, room.left], [['here'], 0, 4]);
});
