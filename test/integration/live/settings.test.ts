/** Every setting that needs no restart takes effect with a reload, and every one that does is said to. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { keysOf } from '../../../src/config/key.ts';
import { SCHEMA } from '../../../src/config/schema.ts';
import { EFFECTS } from './effects.ts';
import { type Effect, LiveScene } from './harness.ts';
import { UPSTREAM_EFFECTS } from './upstream-effects.ts';

const ALL: Readonly<Record<string, Effect>> = { ...EFFECTS, ...UPSTREAM_EFFECTS };

/** Tested elsewhere: files of secrets below, `upstream.tls` in `upstream-tls.test.ts`, and what the HTTP server looks up for each request. */
const ELSEWHERE = /_file$|^upstream\.tls\.|^http\./;

test('live settings: each one that needs no restart has a test', () => {
  const live = [...keysOf(SCHEMA)].filter(
    ([path, key]) => key.needsRestart !== true && !ELSEWHERE.test(path),
  );
  assert.deepEqual(Object.keys(ALL).sort(), live.map(([path]) => path).sort());
});

describe('live settings', { concurrency: false }, () => {
  for (const [setting, effect] of Object.entries(ALL)) {
    test(`live settings: ${setting}`, async () => {
      const scene = await LiveScene.start(effect.from);
      try {
        const result = await scene.reload(effect.to);
        assert.ok(result.changed.includes(setting), `changed: ${result.changed}`);
        assert.deepEqual(result.needsRestart, []);
        if (effect.drops === true) await scene.early.closed();
        else await scene.early.pingPong();
        await effect.check(scene);
        assert.deepEqual(scene.broker.violations, []);
      } finally {
        await scene.stop();
      }
    });
  }
});

test('live settings: the content of a password file', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'nmg-live-'));
  const file = join(folder, 'password');
  await writeFile(file, 'first\n');
  const settings = { client_info: { username: 'u', password_file: file } };
  const scene = await LiveScene.start(settings);
  try {
    await writeFile(file, 'second\n');
    assert.deepEqual((await scene.reload(settings)).changed, ['client_info.password']);
    await scene.connect();
    assert.equal(String(scene.packets('connect').at(-1)?.password), 'second');
  } finally {
    await scene.stop();
    await rm(folder, { recursive: true });
  }
});

test('live settings: what needs a restart is told, does not change, and is told again', async () => {
  const scene = await LiveScene.start();
  try {
    const other = {
      server_name: 'other',
      workers: 2,
      upstream: { url: 'mqtts://127.0.0.1:1', mode: 'pooled', tls: { verify: false } },
      ping_interval: '10s',
    };
    const needsRestart = ['server_name', 'workers', 'upstream.url', 'upstream.mode', 'upstream.tls'];
    assert.deepEqual(await scene.reload(other), { changed: ['ping_interval'], needsRestart });
    assert.deepEqual(await scene.reload(other), { changed: [], needsRestart });
    assert.equal((await scene.connect()).info.server_name, 'nats_mqtt_gateway');
    assert.deepEqual((await scene.reload({})).needsRestart, []);
  } finally {
    await scene.stop();
  }
});

test('live settings: nobody gets the rights of the gateway in between, while the mode waits for a restart', async () => {
  const scene = await LiveScene.start({ upstream: { mode: 'pooled' } });
  try {
    const open = { upstream: { mode: 'per_client' }, listeners: [{ name: 'tcp', bind: '0.0.0.0:0' }] };
    await assert.rejects(scene.reload(open), /listeners\[0\]\.bind: .*restart the gateway/);
    await scene.early.pingPong();
  } finally {
    await scene.stop();
  }
});
