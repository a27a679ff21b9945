import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InputPace } from '../../../src/transport/input-pace.ts';
import { FakeClock } from '../../support/fake-clock.ts';

test('input pace: a second’s worth is free, what is beyond takes its time', () => {
  const clock = new FakeClock();
  const pace = new InputPace({ messages: 10, bytes: 0 }, clock);
  assert.equal(pace.spend(10, 1e9), 0);
  assert.equal(pace.spend(5, 0), 500);
  clock.advance(500);
  assert.equal(pace.spend(0, 0), 0);
  assert.equal(pace.spend(1, 0), 100);
});

test('input pace: of messages and bytes the slower one counts, and no more than a second is saved up', () => {
  const clock = new FakeClock();
  const pace = new InputPace({ messages: 10, bytes: 100 }, clock);
  clock.advance(60_000);
  assert.equal(pace.spend(11, 300), 2_000);
  clock.advance(2_000);
  assert.equal(pace.spend(31, 1), 2_100);
});
