import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TokenBucket } from '../../../src/util/token-bucket.ts';
import { FakeClock } from '../../support/fake-clock.ts';

test('token bucket: what a second allows at once, then as much as time brings', () => {
  const clock = new FakeClock();
  const bucket = new TokenBucket(10, clock);
  const taken = (): number => {
    let count = 0;
    while (bucket.take()) count += 1;
    return count;
  };
  assert.equal(taken(), 10);
  clock.advance(99);
  assert.equal(taken(), 0);
  clock.advance(1);
  assert.equal(taken(), 1);
  clock.advance(60_000);
  assert.equal(taken(), 10);
});

test('token bucket: less than one per second', () => {
  const clock = new FakeClock();
  const bucket = new TokenBucket(0.5, clock);
  assert.deepEqual([bucket.take(), bucket.take()], [true, false]);
  clock.advance(2000);
  assert.deepEqual([bucket.take(), bucket.take()], [true, false]);
});
