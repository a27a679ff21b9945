/** What clients may publish and subscribe to, on the wire and against a real broker. */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import type { Device } from '../../support/device.ts';
import { startMosquitto } from '../../support/mosquitto.ts';
import { collect } from '../../support/nats.ts';
import type { RawClient } from '../../support/raw-client.ts';
import { Scene } from '../../support/scene.ts';

const USERS = {
  ann: { publish: { allow: ['a.>', 'req.*'], deny: ['a.secret'] }, subscribe: ['a.>', '_INBOX.>', 'q.x v1'] },
  watcher: { subscribe: { allow: ['bar.*', 'dev.>'], deny: ['bar.secret'] }, publish: { deny: ['>'] } },
  service: { subscribe: ['req.*', 'dev.>'], allow_responses: { max: 2, expires: '1m' } },
  answerer: { subscribe: 'dev.>', publish: ['answers.>'] },
} as const;

let scene: Scene;
before(async () => {
  const users: object[] = Object.entries(USERS).map(([user, permissions]) => ({
    user,
    password: 'p',
    permissions,
  }));
  users.push({ user: 'root', password: 'p', is_superuser: true, permissions: { publish: 'nothing' } });
  users.push({ user: 'plain', password: 'p' });
  scene = await Scene.start(await startMosquitto(), {
    authentication: [{ method: 'built_in', users }],
    default_permissions: { publish: 'default.>', subscribe: { deny: ['denied.>'] } },
    client_info: { username: '', password: '' },
  });
});
afterEach(() => scene.closeClients());
after(() => scene.stop());

const as = (user: string, fields: object = {}): Promise<RawClient> =>
  scene.raw({ user, pass: 'p', ...fields });

/** Everything the client is told in answer to these lines, up to the PONG. */
async function told(client: RawClient, lines: string): Promise<string> {
  client.send(`${lines}PING\r\n`);
  const text = (await client.readUntil('PONG\r\n')).toString();
  return text.slice(0, text.lastIndexOf('PONG\r\n'));
}

async function deviceOn(filter: string): Promise<Device> {
  const device = await scene.device();
  await device.subscribe(filter);
  return device;
}

async function topicsSeen(device: Device): Promise<string[]> {
  await device.settle();
  return device.messages.splice(0).map(({ topic }) => topic);
}

test('permissions: a denied PUB is told, costs no more, and reaches nobody', async () => {
  const device = await deviceOn('#');
  const client = await as('ann');
  const violation = (subject: string) => `-ERR 'Permissions Violation for Publish to "${subject}"'\r\n`;
  const lines = 'PUB a.secret 1\r\nx\r\nPUB b 1\r\nx\r\nPUB no"q 1\r\nx\r\nPUB a.ok 1\r\nx\r\n';
  assert.equal(await told(client, lines), violation('a.secret') + violation('b') + violation('no\\"q'));
  assert.deepEqual(await topicsSeen(device), ['a/ok']);
  // The rest of the connection works, and what was said before is remembered.
  assert.equal(await told(client, 'PUB b 1\r\nx\r\n'), violation('b'));
});

test('permissions: a verbose client gets -ERR in place of +OK, in order', async () => {
  const client = await as('ann', { verbose: true });
  const answer = await told(client, 'PUB a.ok 1\r\nx\r\nPUB b 1\r\nx\r\nSUB b 1\r\nSUB a.* 2\r\n');
  assert.equal(
    answer,
    `+OK\r\n-ERR 'Permissions Violation for Publish to "b"'\r\n-ERR 'Permissions Violation for Subscription to "b"'\r\n+OK\r\n`,
  );
});

test('permissions: a SUB has to ask for nothing but what is allowed', async () => {
  const client = await as('ann');
  for (const subject of ['b', '>', '*', '*.x', 'a', '_INBOX', 'q.x']) {
    const text = `-ERR 'Permissions Violation for Subscription to "${subject}"'\r\n`;
    assert.equal(await told(client, `SUB ${subject} 1\r\n`), text);
  }
  const queue = `-ERR 'Permissions Violation for Subscription to "q.x" using queue "v2"'\r\n`;
  assert.equal(await told(client, 'SUB q.x v2 1\r\nSUB q.x v1 2\r\nSUB a.> 3\r\nSUB a.b.* 4\r\n'), queue);
});

test('permissions: the library tells the program which operation was denied', async () => {
  const client = await scene.nats({ user: 'ann', pass: 'p' });
  const subscription = client.subscribe('forbidden');
  await assert.rejects(
    (async () => {
      for await (const _ of subscription) assert.fail('a message');
    })(),
    /permission/i,
  );
  await assert.rejects(client.request('forbidden', '', { timeout: 3000 }), /permission/i);
});

test('permissions: what is denied within a subscription is kept back', async () => {
  const client = await as('watcher');
  const device = await scene.device();
  assert.equal(await told(client, 'SUB bar.* 1\r\n'), '');
  await device.publish('bar/secret', 'x');
  await device.publish('bar/open', 'y');
  await client.expect('MSG bar.open 1 1\r\ny\r\n');
  assert.ok((scene.gateway.gateway.status().counters.dropped.get('denied') ?? 0) > 0);
});

test('permissions: a message with a reply subject may be answered so often, and nothing else published', async () => {
  const service = await as('service');
  assert.equal(await told(service, 'SUB req.* 1\r\n'), '');
  const requester = await scene.nats({ user: 'ann', pass: 'p' });
  const inbox = await collect(requester, '_INBOX.mine.1');
  const denied = (subject: string) => `-ERR 'Permissions Violation for Publish to "${subject}"'\r\n`;
  assert.equal(
    await told(service, 'PUB _INBOX.mine.1 1\r\nx\r\n'),
    denied('_INBOX.mine.1'),
    'nobody has asked',
  );
  requester.publish('req.a', 'q', { reply: '_INBOX.mine.1' });
  await service.expect('MSG req.a 1 _INBOX.mine.1 1\r\nq\r\n');
  const answers = 'PUB _INBOX.mine.1 1\r\n1\r\nPUB _INBOX.mine.1 1\r\n2\r\nPUB _INBOX.mine.1 1\r\n3\r\n';
  assert.equal(await told(service, answers), denied('_INBOX.mine.1'));
  await inbox.count(2);
  assert.deepEqual(inbox.texts, ['1', '2']);
  assert.equal(await told(service, 'PUB other 1\r\nx\r\n'), denied('other'));
});

test('permissions: a device is answered by the grant, or by a permission for its topic', async () => {
  const device = await deviceOn('answers/#');
  await device.subscribe('other/#');
  const correlationData = Buffer.from('id-1');
  const replyOf = async (client: RawClient, responseTopic: string): Promise<string> => {
    assert.equal(await told(client, 'SUB dev.> 1\r\n'), '');
    await device.publish('dev/q', 'q', { properties: { responseTopic, correlationData } });
    const line = (await client.readUntil('\r\nq\r\n')).toString();
    const reply = line.split(' ')[3] ?? '';
    assert.match(reply, /^_MR_\./);
    return reply;
  };
  const service = await as('service');
  const granted = await replyOf(service, 'other/1');
  const denied = (subject: string) => `-ERR 'Permissions Violation for Publish to "${subject}"'\r\n`;
  assert.equal(await told(service, `PUB ${granted} 1\r\n1\r\nPUB ${granted} 1\r\n2\r\n`), '');
  assert.equal(await told(service, `PUB ${granted} 1\r\n3\r\n`), denied(granted), 'the grant is used up');
  assert.deepEqual(await topicsSeen(device), ['other/1', 'other/1']);

  const answerer = await as('answerer');
  const allowed = await replyOf(answerer, 'answers/1');
  assert.equal(await told(answerer, `PUB ${allowed} 1\r\nx\r\n`), '');
  const other = await replyOf(answerer, 'other/1');
  assert.equal(await told(answerer, `PUB ${other} 1\r\nx\r\n`), denied(other));
  // Made up: the same as the one above, with another topic.
  const forged = allowed.replace('answers.1', 'other.1');
  assert.equal(await told(answerer, `PUB ${forged} 1\r\nx\r\n`), denied(forged));
  assert.deepEqual(await topicsSeen(device), ['answers/1']);
});

test('permissions: nobody is asked to answer where the client itself could neither read nor write', async () => {
  const device = await deviceOn('#');
  const client = await as('ann');
  const denied = (reply: string) => `-ERR 'Permissions Violation for Publish with Reply of "${reply}"'\r\n`;
  assert.equal(await told(client, 'PUB a.b secret.topic 1\r\nx\r\n'), denied('secret.topic'));
  const wrapped = '_MR_.AA.secret.topic';
  assert.equal(await told(client, `PUB a.b ${wrapped} 1\r\nx\r\n`), denied(wrapped));
  assert.equal(await told(client, 'PUB a.b _INBOX.x 1\r\nx\r\n'), '');
  assert.deepEqual(await topicsSeen(device), ['a/b']);
  const header = (topic: string) => `NATS/1.0\r\nMqtt-Response-Topic: ${topic}\r\n\r\n`;
  for (const [topic, expected] of [
    ['secret/topic', undefined],
    ['a/mine', 'a/mine'],
  ] as const) {
    const block = header(topic);
    assert.equal(await told(client, `HPUB a.b ${block.length} ${block.length + 1}\r\n${block}x\r\n`), '');
    assert.equal((await device.next()).properties.responseTopic, expected);
  }
});

test('permissions: superusers have none, and who brings none has the default ones', async () => {
  const root = await as('root');
  assert.equal(await told(root, 'PUB anything 1\r\nx\r\nSUB > 1\r\n'), '');
  const plain = await as('plain');
  assert.equal(
    await told(plain, 'PUB default.x 1\r\nx\r\nSUB x 1\r\nPUB x 1\r\nx\r\nSUB denied.x 2\r\n'),
    `-ERR 'Permissions Violation for Publish to "x"'\r\n-ERR 'Permissions Violation for Subscription to "denied.x"'\r\n`,
  );
});

test('permissions: another spelling of a name is no way around them', async () => {
  const device = await deviceOn('#');
  const client = await as('ann');
  for (const subject of [
    'a%2Esecret',
    'a/secret',
    'A.SECRET',
    'a.secret.',
    '.a.secret',
    'a..secret',
    'a.%73ecret',
  ]) {
    await told(client, `PUB ${subject} 1\r\nx\r\n`);
  }
  const seen = await topicsSeen(device);
  assert.ok(!seen.includes('a/secret'), seen.join(' '));
});
