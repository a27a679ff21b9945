/** What a reload and the passing of time do to clients that are connected. */
import assert from 'node:assert/strict';
import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { loadConfig } from '../../../src/config/load.ts';
import { AuthBackend } from '../../support/auth-backend.ts';
import { type RunningGateway, startGateway, writeSettings } from '../../support/gateway.ts';
import { type Mosquitto, startMosquitto } from '../../support/mosquitto.ts';
import { connectRaw, type RawClient } from '../../support/raw-client.ts';

let broker: Mosquitto;
let backend: AuthBackend;
let gateway: RunningGateway;
const clients: RawClient[] = [];
const usersFile = join(tmpdir(), `nmg-users-${process.pid}.json`);

before(async () => {
  broker = await startMosquitto();
  backend = await AuthBackend.start(() => ({ status: 204 }));
});
afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
  await gateway.stop();
});
after(async () => {
  await backend.stop();
  await broker.stop();
  await rm(usersFile, { force: true });
});

const settingsWith = (authentication: unknown[], more: object = {}): Record<string, unknown> => ({
  upstream: { url: broker.url, probe: false },
  client_info: { username: '', password: '' },
  authentication,
  auth_failure_delay: '0s',
  ...more,
});

async function start(authentication: unknown[], more: object = {}): Promise<void> {
  gateway = await startGateway(settingsWith(authentication, more));
}

async function reload(authentication: unknown[], more: object = {}): Promise<void> {
  const { file, remove } = await writeSettings(settingsWith(authentication, more));
  try {
    await gateway.gateway.reload(loadConfig({ file, env: {}, flags: {} }));
  } finally {
    await remove();
  }
}

async function raw(fields: object): Promise<RawClient> {
  const client = await connectRaw(gateway.host, gateway.port);
  clients.push(client);
  client.answerPings();
  client.send(`CONNECT ${JSON.stringify({ verbose: false, headers: true, ...fields })}\r\n`);
  await client.pingPong();
  return client;
}

const writeUsers = (users: unknown[]) => writeFile(usersFile, JSON.stringify({ users }));
const builtIn = [{ method: 'built_in', users_file: usersFile }];
const ANN = { user: 'ann', password: 'p' };
const BOB = { user: 'bob', password: 'p' };
const VIOLATION = "-ERR 'Authorization Violation'\r\n";

test('reload: a changed password is a violation, a removed user goes without a word, others stay', async () => {
  await writeUsers([ANN, BOB, { user: 'eve', password: 'p' }]);
  await start(builtIn);
  const [ann, bob, eve] = [
    await raw({ user: 'ann', pass: 'p' }),
    await raw({ user: 'bob', pass: 'p' }),
    await raw({ user: 'eve', pass: 'p' }),
  ];
  await writeUsers([{ ...ANN, password: 'new' }, BOB]);
  await reload(builtIn);
  await ann.expect(VIOLATION);
  await ann.closed();
  assert.equal((await eve.closed()).leftover.length, 0);
  await bob.pingPong();
  await raw({ user: 'ann', pass: 'new' });
});

test('reload: subscriptions that are not allowed any more end, the connection stays', async () => {
  await writeUsers([ANN]);
  await start(builtIn);
  const client = await raw({ user: 'ann', pass: 'p' });
  client.send('SUB a 1\r\nSUB b q 2\r\nSUB c.* 3\r\n');
  await client.pingPong();
  await writeUsers([{ ...ANN, permissions: { subscribe: { allow: ['a', 'c.*'], deny: ['c.x'] } } }]);
  await reload(builtIn);
  await client.expect(`-ERR 'Permissions Violation for Subscription to "b" using queue "q" (sid "2")'\r\n`);
  client.send('PUB b 1\r\nx\r\nPUB c.x 1\r\nx\r\nPUB a 1\r\ny\r\n');
  await client.expect('MSG a 1 1\r\ny\r\n');
  await client.pingPong();
  await writeUsers([ANN]);
  await reload(builtIn);
  client.send('SUB b 4\r\nPUB c.x 1\r\nx\r\n');
  await client.expect('MSG c.x 3 1\r\nx\r\n');
});

test('reload: who has been asked may still answer if its permissions stay the same, otherwise not', async () => {
  const service = {
    user: 'svc',
    password: 'p',
    permissions: { subscribe: ['req'], allow_responses: { max: 2, expires: '1m' } },
  };
  await writeUsers([ANN, service]);
  await start(builtIn);
  const ann = await raw({ user: 'ann', pass: 'p' });
  const client = await raw({ user: 'svc', pass: 'p' });
  client.send('SUB req 1\r\n');
  await client.pingPong();
  ann.send('SUB in.a 1\r\nPUB req in.a 1\r\nx\r\n');
  await client.expect('MSG req 1 in.a 1\r\nx\r\n');
  await writeUsers([ANN, BOB, service]);
  await reload(builtIn);
  client.send('PUB in.a 1\r\ny\r\n');
  await ann.expect('MSG in.a 1 1\r\ny\r\n');
  await client.pingPong();
  await writeUsers([ANN, { ...service, permissions: { ...service.permissions, publish: 'other' } }]);
  await reload(builtIn);
  client.send('PUB in.a 1\r\ny\r\n');
  await client.expect('-ERR \'Permissions Violation for Publish to "in.a"\'\r\n');
});

test('reload: authentication switched on throws out who has shown nothing, and off lets everybody in', async () => {
  await start([]);
  const nobody = await raw({});
  const known = await raw({ auth_token: 'tok' });
  await reload([{ method: 'token', token: 'tok' }]);
  await nobody.expect(VIOLATION);
  await nobody.closed();
  await known.pingPong();
  const greeted = await connectRaw(gateway.host, gateway.port);
  clients.push(greeted);
  assert.equal(greeted.info.auth_required, true);
  await reload([]);
  await raw({});
});

test('reload: a wrong configuration changes nothing', async () => {
  await writeUsers([ANN]);
  await start(builtIn);
  const client = await raw({ user: 'ann', pass: 'p' });
  await writeFile(usersFile, '{ "users": [ {');
  await assert.rejects(reload(builtIn), /not valid JSON/);
  await client.pingPong();
  await raw({ user: 'ann', pass: 'p' });
});

test('reload: default_permissions and no_auth_user are taken over', async () => {
  await writeUsers([ANN, { user: 'guest' }]);
  await start(builtIn);
  const client = await raw({ user: 'ann', pass: 'p' });
  await reload(builtIn, { default_permissions: { publish: 'a' }, no_auth_user: 'guest' });
  client.send('PUB b 1\r\nx\r\n');
  await client.expect(`-ERR 'Permissions Violation for Publish to "b"'\r\n`);
  await raw({});
});

test('reload: a client whose names would change has to come again', async () => {
  await writeUsers([{ ...ANN, mountpoint: 'one/' }]);
  await start(builtIn);
  const client = await raw({ user: 'ann', pass: 'p' });
  await writeUsers([{ ...ANN, mountpoint: 'two/' }]);
  await reload(builtIn);
  assert.equal((await client.closed()).leftover.length, 0);
});

test('reload: who was nobody does not stay outside of the mountpoint that it gets', async () => {
  await writeUsers([{ ...ANN, mountpoint: 'ann/' }, BOB]);
  await start([]);
  const [ann, bob] = [await raw({ user: 'ann', pass: 'p' }), await raw({ user: 'bob', pass: 'p' })];
  await reload(builtIn);
  await ann.closed();
  await bob.pingPong();
});

test('reload: a backend that is away throws nobody out', async () => {
  const http = [{ method: 'http', url: `http://127.0.0.1:${backend.port}/` }];
  await start(http);
  const client = await raw({ user: 'ann' });
  backend.answer = () => ({ status: 500 });
  await reload(http);
  await client.pingPong();
  backend.answer = () => ({ status: 403 });
  await reload(http);
  await client.expect(VIOLATION);
  await client.closed();
});

test('expiry: the end of the time is told on time', async () => {
  const expireAt = Math.ceil(Date.now() / 1000) + 1;
  const body = JSON.stringify({ result: 'allow', expire_at: expireAt });
  backend.answer = () => ({ status: 200, body });
  await start([{ method: 'http', url: `http://127.0.0.1:${backend.port}/` }]);
  const client = await raw({ user: 'ann' });
  await client.expect("-ERR 'User Authentication Expired'\r\n");
  await client.closed();
  const lateMs = Date.now() - expireAt * 1000;
  assert.ok(lateMs >= 0 && lateMs < 1500, `${lateMs} ms late`);
  assert.equal(gateway.logLines('client.disconnected').at(-1)?.reason, 'Authentication Expired');
});
