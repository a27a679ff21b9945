/** Log-ins of the dashboard end when they should. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Sessions } from '../../../src/admin/security/sessions.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const always = () => true;

function harness() {
  const clock = new FakeClock();
  return { clock, sessions: new Sessions(clock, () => ({ idleMs: 1_000, totalMs: 5_000 })) };
}

test('sessions: last while they are used, but not for ever', () => {
  const { clock, sessions } = harness();
  const { id, session } = sessions.begin('ann', 'secret');
  for (let i = 0; i < 5; i++) {
    assert.equal(sessions.use(id, always)?.csrfToken, session.csrfToken);
    clock.advance(999);
  }
  assert.ok(sessions.use(id, always));
  clock.advance(5);
  assert.equal(sessions.use(id, always), null, 'five seconds are over');
  assert.equal(sessions.size, 0);
});

test('sessions: end when they are not used', () => {
  const { clock, sessions } = harness();
  const { id } = sessions.begin('ann', 'secret');
  clock.advance(1_000);
  assert.equal(sessions.use(id, always), null);
});

test('sessions: end with the account, or another password', () => {
  const { sessions } = harness();
  const { id } = sessions.begin('ann', 'secret');
  assert.ok(sessions.use(id, (user, secret) => user === 'ann' && secret === 'secret'));
  assert.equal(
    sessions.use(id, () => false),
    null,
  );
  assert.equal(sessions.use(id, always), null, 'it does not come back');
});

test('sessions: an id that was never given, or has been ended, is none', () => {
  const { sessions } = harness();
  const { id } = sessions.begin('ann', 'secret');
  assert.equal(sessions.use(`${id}x`, always), null);
  sessions.end(id);
  assert.equal(sessions.use(id, always), null);
});

test('sessions: their number is bounded, and the one unused for longest goes first', () => {
  const { sessions } = harness();
  const ids = Array.from({ length: 256 }, () => sessions.begin('ann', 'secret').id);
  assert.ok(sessions.use(String(ids[0]), always));
  sessions.begin('ann', 'secret');
  assert.equal(sessions.size, 256);
  assert.ok(sessions.use(String(ids[0]), always));
  assert.equal(sessions.use(String(ids[1]), always), null);
});
