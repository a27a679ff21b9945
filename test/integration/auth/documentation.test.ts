/** Every configuration in docs/authentication.md, run as it stands there. */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { AuthorizationError } from '@nats-io/transport-node';
import { hashSync } from 'bcryptjs';
import { METHOD_KEYS } from '../../../src/config/authentication/methods.ts';
import { AuthBackend } from '../../support/auth-backend.ts';
import type { GatewaySettings, RunningGateway } from '../../support/gateway.ts';
import { type Mosquitto, startMosquitto } from '../../support/mosquitto.ts';
import { collect } from '../../support/nats.ts';
import { Scene } from '../../support/scene.ts';

const PAGE = fileURLToPath(new URL('../../../docs/authentication.md', import.meta.url));
const examples = new Map<string, string>();
let folder: string;
let scene: Scene<Mosquitto>;
const tried = new Set<string>();

before(async () => {
  const page = await readFile(PAGE, 'utf8');
  for (const [, name, text] of page.matchAll(/<!-- example: (\w+) -->\n```json\n([\s\S]*?)```/g))
    examples.set(name ?? '', text ?? '');
  folder = await mkdtemp(join(tmpdir(), 'nmg-docs-'));
  scene = await Scene.start(await startMosquitto());
});
afterEach(() => scene.closeClients());
after(async () => {
  await scene.stop();
  await rm(folder, { recursive: true, force: true });
});

/** The gateway of an example; `replace` puts in what differs from machine to machine. */
async function gatewayOf(
  name: string,
  replace: Readonly<Record<string, string>> = {},
): Promise<RunningGateway> {
  let text = examples.get(name);
  assert.ok(text !== undefined, `no example ${name}`);
  tried.add(name);
  for (const [from, to] of Object.entries(replace)) {
    assert.ok(text.includes(from), `${name} does not hold ${from}`);
    text = text.replace(from, () => to);
  }
  return await scene.otherGateway(JSON.parse(text) as GatewaySettings);
}

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

test('documentation: every example has been run, and every method has one', () => {
  assert.deepEqual([...examples.keys()].sort(), [...tried].sort());
  for (const method of Object.keys(METHOD_KEYS)) assert.ok(examples.has(method), method);
});
