/**
 * Every configuration in README.md and docs/authentication.md, run as it stands there; and that no page about
 * authentication has one that is not run. The other pages have test files of their own.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { AuthorizationError } from '@nats-io/transport-node';
import { hashSync } from 'bcryptjs';
import { METHOD_KEYS } from '../../../src/config/authentication/methods.ts';
import { AuthBackend } from '../../support/auth-backend.ts';
import { AUTHENTICATION_PAGES, DocumentedExamples } from '../../support/documented-examples.ts';
import type { RunningGateway } from '../../support/gateway.ts';
import { type Mosquitto, startMosquitto } from '../../support/mosquitto.ts';
import { collect, connectNats } from '../../support/nats.ts';
import { lineHeader, ProxySpeaker } from '../../support/proxy-speaker.ts';
import { Scene } from '../../support/scene.ts';

const readme = new DocumentedExamples('README.md');
const page = new DocumentedExamples('docs/authentication.md');
let folder: string;
let scene: Scene<Mosquitto>;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nmg-docs-'));
  scene = await Scene.start(await startMosquitto());
});
afterEach(() => scene.closeClients());
after(async () => {
  await scene.stop();
  await rm(folder, { recursive: true, force: true });
});

/** The gateway of an example; `replace` puts in what differs from machine to machine. */
const gatewayOf = (
  name: string,
  replace: Readonly<Record<string, string>> = {},
  from = page,
): Promise<RunningGateway> => scene.otherGateway(from.settings(name, replace));

async function works(gateway: RunningGateway, options: object, subject = 'docs.x'): Promise<void> {
  const client = await scene.nats(options, gateway);
  const inbox = await collect(client, subject);
  client.publish(subject, 'hello');
  assert.equal((await inbox.next()).string(), 'hello');
}

const refused = (gateway: RunningGateway, options: object) =>
  assert.rejects(scene.nats(options, gateway), AuthorizationError);

test('documentation: built_in', async () => {
  const usersFile = join(folder, 'users.json');
  await writeFile(usersFile, '{ "users": [{ "user": "eve", "password": "eve-pass" }] }');
  const replace = { 'users.json': usersFile, $2b$04$HASH: hashSync('bob-pass', 4) };
  const gateway = await gatewayOf('built_in', replace);
  for (const user of ['ann', 'bob', 'eve']) await works(gateway, { user, pass: `${user}-pass` });
  await refused(gateway, { user: 'ann', pass: 'bob-pass' });
});

test('documentation: proxy_protocol', async () => {
  const gateway = await gatewayOf('proxy_protocol', {
    '0.0.0.0:4222': '127.0.0.1:0',
    '10.0.0.0/8': '127.0.0.1',
  });
  const speaker = await ProxySpeaker.start(gateway.port);
  try {
    speaker.header = lineHeader('198.51.100.1', 50_000);
    const client = await connectNats(`127.0.0.1:${speaker.port}`);
    await client.flush();
    await client.close();
    speaker.header = lineHeader('203.0.113.7', 50_000);
    await assert.rejects(connectNats(`127.0.0.1:${speaker.port}`));
  } finally {
    await speaker.stop();
  }
});

test('documentation: no_auth_user', async () => {
  const gateway = await gatewayOf('no_auth_user');
  await works(gateway, { user: 'ann', pass: 'ann-pass' });
  await refused(gateway, { user: 'ann', pass: 'x' });
  const guest = await scene.nats({}, gateway);
  await collect(guest, 'public.x');
  await assert.rejects(guest.request('public.x', '', { timeout: 3000 }), /permission/i);
});

test('documentation: token', async () => {
  const gateway = await gatewayOf('token');
  await works(gateway, { token: 'correct-horse-battery' });
  await refused(gateway, { token: 'x' });
});

test('documentation: http', async () => {
  const backend = await AuthBackend.start(({ body, headers }) => {
    const { username, password } = JSON.parse(body) as Record<string, string>;
    const isRight = password === 'right' && headers.authorization === 'Bearer backend-secret';
    const answer = isRight
      ? { result: 'allow', client_attrs: { tenant: `of-${username}` } }
      : { result: 'deny' };
    return { status: 200, body: JSON.stringify(answer) };
  });
  try {
    const gateway = await gatewayOf('http', { '127.0.0.1:8080': `127.0.0.1:${backend.port}` });
    const device = await scene.device();
    await device.subscribe('of-ann/#');
    await works(gateway, { user: 'ann', pass: 'right' });
    assert.equal((await device.next()).topic, 'of-ann/docs/x');
    await refused(gateway, { user: 'ann', pass: 'wrong' });
  } finally {
    await backend.stop();
  }
});

test('documentation: permissions', async () => {
  const gateway = await gatewayOf('permissions');
  await works(gateway, { user: 'admin', pass: 'admin-pass' });
  const sensor = await scene.nats({ user: 'sensor', pass: 'sensor-pass' }, gateway);
  const service = await scene.nats({ user: 'service', pass: 'service-pass' }, gateway);
  service.subscribe('plant.*', { callback: (_error, message) => void message.respond('answer') });
  await service.flush();
  assert.equal((await sensor.request('plant.state', '')).string(), 'answer');
  await assert.rejects(sensor.request('plant.alarm', '', { timeout: 3000 }), /permission/i);
  await assert.rejects(service.request('plant.state', '', { timeout: 3000 }), /permission/i);
});

test('documentation: README', async () => {
  const usersFile = join(folder, 'readme-users.json');
  await writeFile(usersFile, '{ "users": [{ "user": "eve", "password": "eve-pass" }] }');
  const gateway = await gatewayOf('users_file', { 'users.json': usersFile }, readme);
  await works(gateway, { user: 'eve', pass: 'eve-pass' });
  await refused(gateway, { user: 'eve', pass: 'x' });
});

test('documentation: every example has been run', () => {
  readme.assertAllTried();
  page.assertAllTried();
});

test('documentation: every page is run by a test, README leads to it, and every method has an example', () => {
  const others = ['docs/authentication-databases.md', 'docs/authentication-keys-and-tokens.md'];
  assert.deepEqual(AUTHENTICATION_PAGES, ['README.md', ...others, 'docs/authentication.md']);
  for (const path of AUTHENTICATION_PAGES.slice(1)) assert.ok(readme.text.includes(`](${path})`), path);
  const methods = AUTHENTICATION_PAGES.flatMap((path) => new DocumentedExamples(path).methods);
  assert.deepEqual([...new Set(methods)].sort(), Object.keys(METHOD_KEYS).sort());
});
