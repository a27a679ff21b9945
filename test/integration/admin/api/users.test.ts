/** Users and methods of authentication changed over the API, with NATS clients to see it. */
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { AuthorizationError } from '@nats-io/transport-node';
import type {
  AppliedBody,
  AuthenticationBody,
  ClientsBody,
  ImportedBody,
  TestBody,
  UsersBody,
} from '../../../../src/admin/api-types.ts';
import type { ClientDetail } from '../../../../src/control/client-view.ts';
import { ask } from '../../../support/admin.ts';
import {
  type Administered,
  configText,
  startAdministered,
  startWithoutFile,
} from '../../../support/administered.ts';
import { AuthBackend } from '../../../support/auth-backend.ts';
import { type Mosquitto, startMosquitto } from '../../../support/mosquitto.ts';
import { connectNats } from '../../../support/nats.ts';
import { waitFor } from '../../../support/wait-for.ts';

let broker: Mosquitto;
before(async () => {
  broker = await startMosquitto();
});
after(() => broker.stop());

const BUILT_IN = `
  // Who may connect.
  "authentication": [
    { "method": "built_in", "users_file": "FOLDER/users.json" } // ours
  ],`;

async function withUsers(run: (admin: Administered) => Promise<void>, more = ''): Promise<void> {
  const text = configText(broker.url, BUILT_IN + more);
  const admin = await startAdministered({ text, users: [{ user: 'ann', password: 'ann-secret-1' }] });
  try {
    await run(admin);
  } finally {
    await admin.stop();
  }
}

function assertNoSecrets(admin: Administered, secrets: readonly string[]): void {
  for (const text of [...admin.answers, admin.gateway.stdout, admin.gateway.stderr]) {
    for (const secret of secrets) assert.ok(!text.includes(secret), `${secret} in ${text}`);
  }
}

for (const workers of ['', '\n  "workers": 2,']) {
  const kind = workers === '' ? 'one process' : 'two workers';

  test(`api users: one that was added can connect, one that was deleted is gone (${kind})`, async () => {
    await withUsers(async (admin) => {
      const { gateway } = admin;
      const user = { user: 'bob', pass: 'bob-secret-2' };
      await assert.rejects(connectNats(gateway, user), AuthorizationError);
      const added = await admin.ask('POST', '/users', { user: 'bob', password: 'bob-secret-2' });
      assert.equal(added.status, 201, added.text);
      const client = await connectNats(gateway, user);
      assert.ok(!(await readFile(admin.usersFile, 'utf8')).includes('bob-secret-2'));
      assert.equal((await admin.refused('POST', '/users', { user: 'bob', password: 'x' })).status, 409);
      const long = await admin.refused('POST', '/users', { user: 'zoe', password: 'x'.repeat(73) });
      assert.match(JSON.stringify(long), /"path":"password","message":"is longer than 72 bytes/);

      const body = await admin.ok<UsersBody>('GET', '/users?search=B');
      assert.deepEqual(body.users, [{ user: 'bob', isSuperuser: false, permissions: null, source: 'file' }]);

      await admin.ok('DELETE', '/users/bob');
      await client.closed();
      const { clients } = await admin.ok<ClientsBody>('GET', '/clients?state=closed&user=bob');
      assert.ok(
        clients.some(({ reason }) => reason === 'Credentials Revoked'),
        JSON.stringify(clients),
      );
      await assert.rejects(connectNats(gateway, user), AuthorizationError);
      assert.equal((await admin.refused('DELETE', '/users/bob')).status, 404);
      assertNoSecrets(admin, ['bob-secret-2', 'ann-secret-1', 'admin-secret-4711']);
    }, workers);
  });
}

test('api users: new rights hold at once, a new password ends connections, and what is left out stays', async () => {
  await withUsers(async (admin) => {
    const client = await connectNats(admin.gateway, { user: 'ann', pass: 'ann-secret-1' });
    const permissions = { publish: ['a.>'] };
    await admin.ok('PUT', '/users/ann', { user: 'ann', permissions });
    const { cid } = (await admin.ok<ClientsBody>('GET', '/clients?user=ann')).clients[0] ?? {};
    await waitFor(
      async () =>
        (await admin.ok<ClientDetail>('GET', `/clients/${cid}`)).permissions?.publish.allow[0] === 'a.>',
      5_000,
      'the new rights',
    );
    await admin.ok('PUT', '/users/ann', { user: 'ann', password: 'ann-secret-3' });
    assert.ok((await client.closed()) instanceof AuthorizationError);
    const { users } = await admin.ok<UsersBody>('GET', '/users');
    assert.deepEqual(users[0]?.permissions, permissions);
    await (await connectNats(admin.gateway, { user: 'ann', pass: 'ann-secret-3' })).close();

    const before = await readFile(admin.usersFile, 'utf8');
    const wrong = await admin.refused('PUT', '/users/ann', { user: 'ann', permissions: { publish: 7 } });
    assert.deepEqual([wrong.status, wrong.errors?.[0]?.path], [400, 'permissions']);
    assert.equal((await admin.refused('PUT', '/users/ann', { user: 'eve' })).status, 400);
    assert.equal(await readFile(admin.usersFile, 'utf8'), before);
  });
});

test('api users: exports of EMQX are imported; what cannot be is told line by line', async () => {
  await withUsers(async (admin) => {
    // printf %s 'import-secretsalt' | sha256sum
    const { createHash } = await import('node:crypto');
    const hash = createHash('sha256').update('import-secretsalt').digest('hex');
    const content = `user_id,password_hash,salt,is_superuser\nzoe,${hash},salt,true\n,${hash},salt,false\nann,${hash},salt,false\n`;
    const imported = await admin.ok<ImportedBody>('POST', '/users/import', { format: 'csv', content });
    assert.deepEqual(
      imported.skipped.map(({ line }) => line),
      [3, 4],
    );
    assert.deepEqual([imported.added, imported.changed], [1, 0]);
    await (await connectNats(admin.gateway, { user: 'zoe', pass: 'import-secret' })).close();
    const json = JSON.stringify([{ user_id: 'ann', password_hash: hash, salt: 'salt' }]);
    const replaced = { format: 'json', content: json, replace: true };
    assert.equal((await admin.ok<ImportedBody>('POST', '/users/import', replaced)).changed, 1);
    await (await connectNats(admin.gateway, { user: 'ann', pass: 'import-secret' })).close();
    const plain = { format: 'csv', content: `user_id,password\nmia,mia-secret-3\nlea,${'l'.repeat(73)}\n` };
    const bcrypt = { ...plain, algorithm: { name: 'bcrypt' } };
    const hashed = await admin.ok<ImportedBody>('POST', '/users/import', bcrypt);
    assert.deepEqual([hashed.added, hashed.skipped.map(({ line }) => line)], [1, [3]]);
    assert.ok(!(await readFile(admin.usersFile, 'utf8')).includes('mia-secret-3'));
    await (await connectNats(admin.gateway, { user: 'mia', pass: 'mia-secret-3' })).close();
    const problem = await admin.refused('POST', '/users/import', { format: 'json', content: '{' });
    assert.equal(problem.status, 400);
    assertNoSecrets(admin, [hash, 'import-secret', 'ann-secret-1', 'mia-secret-3']);
  });
});

test('api authentication: a method is tried against its backend, then saved, changed, moved and taken out', async () => {
  const backend = await AuthBackend.start(({ body }) => {
    const { user, pass } = JSON.parse(body) as { user: string; pass: string };
    return { status: 200, body: JSON.stringify({ result: pass === `${user}-http` ? 'allow' : 'deny' }) };
  });
  const http = {
    ...{ method: 'http', verb: 'post', url: `http://127.0.0.1:${backend.port}/check` },
    headers: { 'content-type': 'application/json', authorization: 'Bearer backend-secret-5' },
    body: { user: '${connect.user}', pass: '${connect.pass}' },
  };
  try {
    await withUsers(async (admin) => {
      const credentials = { user: 'carl', pass: 'carl-http' };
      const tried = await admin.ok<TestBody>('POST', '/authentication/test', { method: http, credentials });
      assert.deepEqual([tried.verdict, tried.identity?.name], ['accept', 'carl'], tried.detail);
      assert.equal(backend.requests[0]?.headers.authorization, 'Bearer backend-secret-5');
      const refused = { method: http, credentials: { user: 'carl', pass: 'wrong-secret-6' } };
      assert.equal((await admin.ok<TestBody>('POST', '/authentication/test', refused)).verdict, 'reject');
      const away = { ...http, url: 'http://127.0.0.1:1/' };
      const failed = await admin.ok<TestBody>('POST', '/authentication/test', { method: away, credentials });
      assert.equal(failed.verdict, 'failed');
      assert.match(failed.detail, /^http: /);
      const chain = await admin.ok<TestBody>('POST', '/authentication/test', {
        credentials: { user: 'ann', pass: 'ann-secret-1' },
      });
      assert.deepEqual([chain.verdict, chain.detail], ['accept', 'accepted by built_in']);
      const wrong = await admin.refused('POST', '/authentication', { method: 'http', url: 'nowhere' });
      assert.equal(wrong.status, 400);
      assert.ok(
        wrong.errors?.some(({ path }) => path === 'authentication[1].url'),
        JSON.stringify(wrong),
      );
      await assert.rejects(connectNats(admin.gateway, { user: 'carl', pass: 'carl-http' }));

      assert.equal((await admin.ask('POST', '/authentication', http)).status, 201);
      await (await connectNats(admin.gateway, { user: 'carl', pass: 'carl-http' })).close();
      const body = await admin.ok<AuthenticationBody>('GET', '/authentication');
      assert.deepEqual(
        body.methods.map(({ method }) => method),
        ['built_in', 'http'],
      );
      assert.equal(body.methods[1]?.answers.accepted, 1);
      assert.equal(body.methods[1]?.values.headers, '********');

      const applied = await admin.ok<AppliedBody>('PUT', '/authentication/order', { order: [1, 0] });
      assert.deepEqual(applied.changed, ['authentication']);
      await admin.ok('PUT', '/authentication/0', { ...body.methods[1]?.values, timeout: '3s' });
      assert.match(
        await admin.text(),
        /backend-secret-5[\s\S]*"timeout": "3s"[\s\S]*\/\/ ours[\s\S]*users\.json"/,
      );
      await (await connectNats(admin.gateway, { user: 'carl', pass: 'carl-http' })).close();
      assert.equal((await admin.refused('PUT', '/authentication/order', { order: [0, 0] })).status, 400);
      assert.equal((await admin.refused('DELETE', '/authentication/7')).status, 404);
      await admin.ok('DELETE', '/authentication/0');
      await assert.rejects(
        connectNats(admin.gateway, { user: 'carl', pass: 'carl-http' }),
        AuthorizationError,
      );
      assert.ok((await admin.text()).includes('// Who may connect.'));
      assertNoSecrets(admin, ['carl-http', 'wrong-secret-6', 'backend-secret-5', 'ann-secret-1']);
    });
  } finally {
    await backend.stop();
  }
});

test('api authentication: a users file that is not there yet is made with the method, and not without it', async () => {
  const run = await startWithoutFile(broker.url);
  const api = `${run.url}/api/v1`;
  const file = join(run.folder, 'users.json');
  const method = { method: 'built_in', users_file: file };
  try {
    const wrong = await ask(`${api}/authentication`, { method: 'POST', body: { ...method, users: 'none' } });
    assert.equal(wrong.status, 400, wrong.text);
    assert.deepEqual(await readdir(run.folder), []);
    const elsewhere = { ...method, users_file: join(run.folder, 'no', 'users.json') };
    const impossible = await ask(`${api}/authentication`, { method: 'POST', body: elsewhere });
    assert.deepEqual([impossible.status, /ENOENT/.test(impossible.text)], [409, true], impossible.text);

    const added = await ask(`${api}/authentication`, { method: 'POST', body: method });
    assert.equal(added.status, 201, added.text);
    assert.deepEqual(JSON.parse(await readFile(file, 'utf8')), { users: [] });
    const user = { user: 'ann', password: 'ann-secret-1' };
    assert.equal((await ask(`${api}/users`, { method: 'POST', body: user })).status, 201);
    await (await connectNats(run.natsUrl, { user: 'ann', pass: 'ann-secret-1' })).close();
  } finally {
    await run.stop();
  }
});

test('api authentication: a change for another state of the file is refused', async () => {
  await withUsers(async (admin) => {
    const { revision } = await admin.ok<AuthenticationBody>('GET', '/authentication');
    await admin.ok('PATCH', '/settings', { changes: { max_payload: '2MB' } });
    const headers = { 'if-match': `"${revision}"` };
    assert.equal((await admin.ask('DELETE', '/authentication/0', undefined, headers)).status, 412);
    const now = await admin.ok<AuthenticationBody>('GET', '/authentication');
    const fresh = { 'if-match': `"${now.revision}"` };
    assert.equal((await admin.ask('DELETE', '/authentication/0', undefined, fresh)).status, 200);
    await (await connectNats(admin.gateway)).close();
  });
});
