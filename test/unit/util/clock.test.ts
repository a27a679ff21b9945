import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { systemClock } from '../../../src/util/clock.ts';
import { FakeClock } from '../../support/fake-clock.ts';

test('fake clock: timers fire in due order, also those set on the way', () => {
  const clock = new FakeClock();
  const fired: string[] = [];
  clock.setTimeout(() => fired.push(`b ${clock.now()}`), 20);
  clock.setTimeout(() => {
    fired.push(`a ${clock.now()}`);
    clock.setTimeout(() => fired.push(`c ${clock.now()}`), 5);
  }, 10);
  const cleared = clock.setTimeout(() => fired.push('never'), 15);
  clock.clearTimeout(cleared);
  clock.advance(19);
  assert.deepEqual(fired, ['a 10', 'c 15']);
  clock.advance(1);
  assert.deepEqual(fired, ['a 10', 'c 15', 'b 20']);
  assert.equal(clock.pendingTimers, 0);
});

test('system clock: fires, and does not fire what was cleared', async () => {
  const before = systemClock.now();
  const target = new EventTarget();
  const cleared = systemClock.setTimeout(() => assert.fail('was cleared'), 0);
  systemClock.clearTimeout(cleared);
  systemClock.setTimeout(() => target.dispatchEvent(new Event('fired')), 1);
  await once(target, 'fired');
  assert.ok(systemClock.now() > before);
});
