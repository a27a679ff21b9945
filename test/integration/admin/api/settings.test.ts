/** Settings changed over the API: in the file, and in the running gateway. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { chmod, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { AppliedBody, SettingsBody, SettingView } from '../../../../src/admin/api-types.ts';
import { ask } from '../../../support/admin.ts';
import {
  type Administered,
  configText,
  startAdministered,
  startWithoutFile,
} from '../../../support/administered.ts';
import { type Mosquitto, startMosquitto } from '../../../support/mosquitto.ts';
import { connectNats } from '../../../support/nats.ts';
import { waitFor } from '../../../support/wait-for.ts';

let broker: Mosquitto;
before(async () => {
  broker = await startMosquitto();
});
after(() => broker.stop());

async function withGateway(
  run: (admin: Administered) => Promise<void>,
  options: { more?: string; env?: Readonly<Record<string, string>>; args?: readonly string[] } = {},
): Promise<void> {
  const { more = '', ...rest } = options;
  const admin = await startAdministered({ text: configText(broker.url, more), ...rest });
  try {
    await run(admin);
  } finally {
    await admin.stop();
  }
}

async function setting(admin: Administered, path: string): Promise<SettingView> {
  const { settings } = await admin.ok<SettingsBody>('GET', '/settings');
  const found = settings.find((one) => one.path === path);
  assert.ok(found, path);
  return found;
}

test('api settings: a change is in the file, with its comments, and acts on clients at once', async () => {
  await withGateway(async (admin) => {
    const before = await admin.text();
    const { mode } = await stat(admin.file);
    const applied = await admin.ok<AppliedBody>('PATCH', '/settings', { changes: { max_payload: '2KB' } });
    assert.deepEqual(applied.changed, ['max_payload']);
    assert.deepEqual(applied.needsRestart, []);
    assert.equal(await admin.text(), before.replace('"1MB"', '"2KB"'));
    assert.equal((await stat(admin.file)).mode, mode);
    const client = await connectNats(admin.gateway);
    assert.equal(client.info?.max_payload, 2048);
    await client.close();
    const view = await setting(admin, 'max_payload');
    assert.equal(view.current, '2KB');
    assert.deepEqual([view.source, view.isLocked], ['file', false]);
    assert.match(view.origin, /config\.json:6$/);

    await admin.ok('PATCH', '/settings', { changes: { max_payload: null } });
    assert.equal((await setting(admin, 'max_payload')).source, 'default');
    assert.ok((await admin.text()).includes('/* as nats-server */'));
  });
});

test('api settings: lists can be changed by position, and what needs a restart waits for it', async () => {
  await withGateway(async (admin) => {
    const applied = await admin.ok<AppliedBody>('PATCH', '/settings', {
      changes: { 'listeners[0].max_connections': 1, 'upstream.pool_size': 7 },
    });
    assert.deepEqual(applied.needsRestart, ['upstream.pool_size']);
    assert.ok(applied.changed.includes('listeners'));
    assert.match(await admin.text(), /"bind": "127\.0\.0\.1:0", "max_connections": 1 \} \/\/ a free port/);
    const first = await connectNats(admin.gateway);
    await assert.rejects(connectNats(admin.gateway));
    await first.close();
    assert.equal((await setting(admin, 'upstream.pool_size')).isPending, true);
    assert.equal((await setting(admin, 'upstream.mode')).isPending, false);
  });
});

test('api settings: what is wrong is named by its path, all at once, and nothing has changed', async () => {
  await withGateway(async (admin) => {
    const before = await admin.text();
    const changes = { max_payload: 'many', 'listeners[0].bind': 'nowhere', 'upstream.keepalive': '500ms' };
    const problem = await admin.refused('PATCH', '/settings', { changes });
    assert.equal(problem.status, 400);
    assert.deepEqual(problem.errors?.map(({ path }) => path).sort(), Object.keys(changes).sort());
    assert.match(problem.errors?.find(({ path }) => path === 'max_payload')?.message ?? '', /must be a size/);
    const unknown = await admin.refused('PATCH', '/settings', {
      changes: { 'upstream.urll': 'x', 'no[': 1 },
    });
    assert.deepEqual(
      unknown.errors?.map(({ path }) => path),
      ['upstream.urll', 'no['],
    );
    assert.equal(await admin.text(), before);
    assert.equal(admin.gateway.logLines('config.reloaded').length, 0);
  });
});

test('api settings: what the gateway cannot take over leaves the file as it was', async () => {
  await withGateway(async (admin) => {
    const before = await admin.text();
    const authentication = [{ method: 'built_in', users_file: `${admin.folder}/none.json` }];
    const problem = await admin.refused('PATCH', '/settings', { changes: { authentication } });
    assert.equal(problem.status, 409);
    assert.match(problem.detail ?? '', /none\.json/);
    assert.equal(await admin.text(), before);
    await (await connectNats(admin.gateway)).close();
  });
});

test('api settings: environment and flags win, and say so', async () => {
  await withGateway(
    async (admin) => {
      const before = await admin.text();
      const view = await setting(admin, 'max_payload');
      assert.deepEqual(
        [view.source, view.origin, view.isLocked],
        ['environment', 'NATSMQTT_MAX_PAYLOAD', true],
      );
      const problem = await admin.refused('PATCH', '/settings', { changes: { max_payload: '1KB' } });
      assert.equal(problem.status, 409);
      assert.match(problem.detail ?? '', /NATSMQTT_MAX_PAYLOAD/);
      const flagged = await admin.refused('PATCH', '/settings', { changes: { max_subscriptions: 3 } });
      assert.match(flagged.detail ?? '', /--set max_subscriptions/);
      assert.equal(await admin.text(), before);
    },
    { env: { NATSMQTT_MAX_PAYLOAD: '64KB' }, args: ['--set', 'max_subscriptions=9'] },
  );
});

test('api settings: of two changes for the same state the second is refused', async () => {
  await withGateway(async (admin) => {
    const { revision } = await admin.ok<SettingsBody>('GET', '/settings');
    const answers = await Promise.all(
      [1, 2, 3].map((n) => admin.ask('PATCH', '/settings', { revision, changes: { max_subscriptions: n } })),
    );
    assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 412, 412]);
    const text = await admin.text();
    await writeFile(admin.file, text.replace('// our broker', '// the broker'));
    const after = answers.find(({ status }) => status === 200)?.json<AppliedBody>().revision;
    const change = { revision: after, changes: { max_subscriptions: 5 } };
    assert.equal((await admin.refused('PATCH', '/settings', change)).status, 412);
  });
});

test('api settings: a read-only file or folder is a conflict, and nothing has changed', async () => {
  await withGateway(async (admin) => {
    const before = await admin.text();
    for (const [place, mode, usual] of [
      [admin.file, 0o440, 0o640],
      [admin.folder, 0o555, 0o700],
    ] as const) {
      await chmod(place, mode);
      const { file } = await admin.ok<SettingsBody>('GET', '/settings');
      assert.equal(file?.isWritable, false);
      const problem = await admin.refused('PATCH', '/settings', { changes: { max_payload: '1KB' } });
      assert.equal(problem.status, 409);
      assert.match(problem.detail ?? '', /read-only/);
      await chmod(place, usual);
    }
    assert.equal(await admin.text(), before);
    assert.equal((await setting(admin, 'max_payload')).current, '1MB');
  });
});

test('api settings: where there is no file, the first change that can be taken over makes one', async () => {
  const run = await startWithoutFile(broker.url);
  const file = join(run.folder, 'config.json');
  const change = (changes: object) =>
    ask(`${run.url}/api/v1/settings`, { method: 'PATCH', body: { changes } });
  const settings = async () => (await ask(`${run.url}/api/v1/settings`)).json<SettingsBody>();
  try {
    assert.deepEqual((await settings()).file, { path: file, isThere: false, isWritable: true });
    // The one is wrong by itself; the other only once it is tried: its port is taken.
    assert.equal((await change({ max_payload: 0 })).status, 400);
    const taken = { name: 'second', bind: new URL(run.url).host };
    const refused = await change({ listeners: [{ name: 'tcp', bind: '127.0.0.1:0' }, taken] });
    assert.equal(refused.status, 409, refused.text);
    assert.equal(existsSync(file), false);

    const answer = await change({ max_payload: '2MB' });
    assert.deepEqual([answer.status, answer.json<AppliedBody>().changed], [200, ['max_payload']]);
    assert.deepEqual(JSON.parse(await readFile(file, 'utf8')), { max_payload: '2MB' });
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    assert.deepEqual((await settings()).file, { path: file, isThere: true, isWritable: true });
  } finally {
    await run.stop();
  }
});

test('api settings: secrets stay where they are, whatever happens around them', async () => {
  await withGateway(async (admin) => {
    const { current } = await setting(admin, 'http.users');
    assert.deepEqual(current, [{ name: 'admin', password: '********' }]);
    const added = { name: 'ann', password: 'ann-secret-0815' };
    await admin.ok('PATCH', '/settings', { changes: { 'http.users': [added, ...(current as object[])] } });
    const now = (await setting(admin, 'http.users')).current as object[];
    assert.deepEqual(
      now.map((user) => (user as { name: string }).name),
      ['ann', 'admin'],
    );
    await admin.ok('PATCH', '/settings', { changes: { 'http.users': [...now].reverse() } });
    const raw = JSON.stringify((await readFile(admin.file, 'utf8')).match(/"users": \[[^\]]*\]/)?.[0]);
    assert.match(raw, /admin-secret-4711.*ann-secret-0815/);
    const lost = { name: 'bob', password: '********' };
    const problem = await admin.refused('PATCH', '/settings', { changes: { 'http.users': [...now, lost] } });
    assert.deepEqual(
      problem.errors?.map(({ path }) => path),
      ['http.users[2].password'],
    );
    for (const text of [...admin.answers, admin.gateway.stdout, admin.gateway.stderr]) {
      assert.ok(!text.includes('secret-4711') && !text.includes('secret-0815'), text);
    }
    await waitFor(() => admin.gateway.logLines('admin.change').length >= 3, 2000, 'the audit log');
  });
});
