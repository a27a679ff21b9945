import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FailureDelay } from '../../../src/auth/failure-delay.ts';
import { FakeClock } from '../../support/fake-clock.ts';

function failing(
  maxDelayMs: number,
  address: string,
  times: number,
): { delay: FailureDelay; clock: FakeClock } {
  const clock = new FakeClock();
  clock.advance(1); // the table takes 0 for "no time known"
  const delay = new FailureDelay(maxDelayMs, clock);
  for (let i = 0; i < times; i++) delay.noteFailure(address);
  return { delay, clock };
}

test('failure delay: a few slips are free, then each costs twice as much, up to the limit', () => {
  const delays = [0, 4, 5, 6, 7, 10, 1000].map((times) => failing(1000, 'a', times).delay.delayMsOf('a'));
  assert.deepEqual(delays, [0, 0, 50, 100, 200, 1000, 1000]);
});

test('failure delay: others do not pay, and a minute without failures is forgotten', () => {
  const { delay, clock } = failing(1000, '192.0.2.1', 20);
  assert.equal(delay.delayMsOf('192.0.2.2'), 0);
  clock.advance(60_000);
  assert.equal(delay.delayMsOf('192.0.2.1'), 1000);
  clock.advance(2);
  assert.equal(delay.delayMsOf('192.0.2.1'), 0);
});

test('failure delay: of IPv6 the first half counts, however it is written', () => {
  const { delay } = failing(1000, '2001:db8::1', 20);
  for (const same of ['2001:db8::2', '2001:0db8:0:0:ffff::1', '2001:db8:0:0:1:2:3:4']) {
    assert.equal(delay.delayMsOf(same), 1000, same);
  }
  for (const other of ['2001:db8:0:1::1', '2001:db9::1', '::1'])
    assert.equal(delay.delayMsOf(other), 0, other);
});

test('failure delay: can be switched off', () => {
  assert.equal(failing(0, 'a', 100).delay.delayMsOf('a'), 0);
});
