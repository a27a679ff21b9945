/** What each setting of the side of the broker changes when a reload brings another value. */
import assert from 'node:assert/strict';
import { waitFor } from '../../support/wait-for.ts';
import type { Effect, LiveScene } from './harness.ts';

/** The account of the next session of the pool. */
async function accountAfterCut(scene: LiveScene): Promise<{ username: string; password: string }> {
  const before = scene.packets('connect').length;
  scene.broker.cutAll();
  await waitFor(() => scene.packets('connect').length > before, 5_000, 'another session');
  const { username, password } = scene.packets('connect').at(-1) ?? {};
  return { username: username ?? '', password: String(password ?? '') };
}

const POOLED = { mode: 'pooled', username: 'one', password: 'first' };

/** As `EFFECTS`; `upstream.tls` has a test of its own. */
export const UPSTREAM_EFFECTS: Readonly<Record<string, Effect>> = {
  'upstream.username': {
    from: { upstream: POOLED },
    to: { upstream: { username: 'two' } },
    async check(scene) {
      assert.deepEqual(await accountAfterCut(scene), { username: 'two', password: 'first' });
    },
  },
  'upstream.password': {
    from: { upstream: POOLED },
    to: { upstream: { password: 'second' } },
    async check(scene) {
      assert.deepEqual(await accountAfterCut(scene), { username: 'one', password: 'second' });
    },
  },
  'upstream.keepalive': {
    to: { upstream: { keepalive: '7s' } },
    async check(scene) {
      await scene.connect();
      assert.equal(scene.packets('connect').at(-1)?.keepalive, 7);
    },
  },
  'upstream.connect_timeout': {
    to: { upstream: { connect_timeout: '100ms' } },
    async check(scene) {
      scene.broker.behaviour.swallowConnects = true;
      const client = await scene.greet();
      client.send('CONNECT {}\r\nPING\r\n');
      await client.closed(2_000);
    },
  },
  'upstream.ack_timeout': {
    to: { upstream: { ack_timeout: '100ms' } },
    async check(scene) {
      const client = await scene.connect({ verbose: true });
      scene.broker.holdPubacks();
      const before = scene.packets('connect').length;
      client.send('PUB a 1\r\nx\r\n');
      await waitFor(
        () => scene.packets('connect').length > before,
        2_000,
        'a session in place of the dead one',
      );
      scene.broker.releasePubacks();
    },
  },
  'upstream.outage_grace': {
    to: { upstream: { outage_grace: '100ms' } },
    async check(scene) {
      scene.broker.behaviour.swallowConnects = true;
      scene.broker.cutAll();
      await scene.early.closed(2_000);
    },
  },
  'upstream.max_inflight': {
    to: { upstream: { max_inflight: 2 } },
    async check(scene) {
      const client = await scene.connect({ verbose: true });
      scene.broker.holdPubacks();
      client.send('PUB a 1\r\nx\r\n'.repeat(5));
      await waitFor(() => scene.broker.heldAcks('puback') === 2, 2_000, 'two publications');
      // A look at the third one would have come by now.
      await scene.early.pingPong();
      assert.equal(scene.packets('publish').filter(({ topic }) => topic === 'a').length, 2);
      scene.broker.releasePubacks();
    },
  },
  'upstream.auth_required': {
    to: { upstream: { auth_required: true } },
    async check(scene) {
      assert.equal((await scene.greet()).info.auth_required, true);
    },
  },
};
