/**
 * Ways around authentication, permissions and mountpoints. Each is tried against a real broker with a device that sees every
 * topic and speaks on those that are none of the attacker's business. A new idea is a new row.
 */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { hashSync } from 'bcryptjs';
import type { Device, DeviceMessage } from '../../support/device.ts';
import type { RunningGateway } from '../../support/gateway.ts';
import { type Mosquitto, startMosquitto } from '../../support/mosquitto.ts';
import type { RawClient } from '../../support/raw-client.ts';
import { Scene } from '../../support/scene.ts';

/** Subjects to publish to, in the hope of a topic that is not allowed. */
const PUBLISH_SUBJECTS = [
  'open.secret',
  'open.secret.',
  '.open.secret',
  'open..secret',
  'open/secret',
  'open%2Fsecret',
  'open%2Esecret',
  'open.%73ecret',
  'OPEN.SECRET',
  'open.secret/',
  'open.+',
  'open.#',
  'open.*',
  'open.>',
  '>',
  '*',
  '#',
  '+',
  '+.x',
  'secret.x',
  'secret/x',
  '%.secret.x',
  '%2Fsecret.x',
  'open.%.%.secret',
  'open/../secret',
  '..',
  '../ann/x',
  'ann.x',
  'ann/x',
  '$share.g.secret.x',
  '$share/g/secret/x',
  '$SYS.broker.version',
  '%24SYS.broker.version',
  '$CONTROL.dynamic-security.v1',
  '%24CONTROL.dynamic-security.v1',
  '$CONTROL/dynamic-security/v1',
  '$delayed.1.secret.x',
  '_NMG.x',
  '_NMG/x',
  '_MR_.AA.secret.x',
  '_MR_.AQ.secret.x',
  '_MR_.AGlk.secret.x',
  '_MR_.AA.open.secret',
  '_MR_.AA.open/secret',
  '_MR_.AA.$CONTROL.x',
  '_MR_.AA._NMG.x',
  '_MR_.AA._MR_.AA.secret.x',
  '_MR_..secret.x',
  '_MR_.AA==.secret.x',
  '_MR_.!!.secret.x',
  '_mr_.AA.secret.x',
];

/** Reply subjects of a PUB that is allowed: somebody else is made to publish there. */
const REPLIES = [
  'secret.x',
  'open.secret',
  'secret/x',
  '_MR_.AA.secret.x',
  '_MR_.AQ.open.secret',
  '_MR_.AA._MR_.AA.secret.x',
  '$CONTROL.dynamic-security.v1',
  '%24CONTROL.dynamic-security.v1',
  '$SYS.x',
  '_NMG.x',
  '+.x',
  '>',
];

/** Header lines of an HPUB that is allowed. */
const HEADERS = [
  'Mqtt-Response-Topic: secret/x',
  'Mqtt-Response-Topic: open/secret',
  'mqtt-response-topic: secret/x',
  'Mqtt-Response-Topic: $CONTROL/dynamic-security/v1',
  'Mqtt-Response-Topic: $share/g/secret/x',
  'Mqtt-Response-Topic: ../secret/x',
  'Mqtt-Response-Topic: secret/#',
  'Mqtt-Response-Topic:secret/x\r\nMqtt-Response-Topic: secret/x',
  'nmg-origin: forged',
  'nmg-headers: Zm9yZ2Vk',
  'NMG-Origin: forged\r\nnmg-origin: forged',
  'nmg-anything: forged',
];

/** Subscriptions (subject, or subject and queue group), in the hope of a message that is not allowed. */
const SUBSCRIPTIONS = [
  'secret.x',
  'secret/x',
  '>',
  '*',
  '*.x',
  '*.>',
  '*.secret',
  'open.secret',
  'open/secret',
  'open.>',
  'open.*',
  'open.> q',
  'open.* q',
  '#',
  '+',
  '+/x',
  'secret/#',
  'ann.x',
  'ann.>',
  '%.ann.x',
  '$share.g.secret.x',
  '$share/g/secret/x',
  '$queue.secret.x',
  '$exclusive.secret.x',
  '%24share.g.secret.x',
  '$SYS.>',
  '_MR_.AA.secret.x',
  'open.a g/secret/#',
  'open.a #',
  'open.a +',
  'open.a $share/g/#',
  'open.a ../#',
  'secret.x open.a',
  '> q',
  '_NMG.>',
];

/** Topics on which the device says something that the attacker must not hear. */
const LEAKS = ['secret/x', 'open/secret', 'ann/x', 'x', 'open', 'eve2/x'];

const SETTINGS = {
  client_info: { username: '', password: '' },
  auth_failure_delay: '0s',
};
const RESTRICTED = {
  publish: { allow: ['open.>'], deny: ['open.secret'] },
  subscribe: { allow: ['open.>', '_INBOX.>'], deny: ['open.secret'] },
};
const PASSWORD = 'eve-pass';
const users = (eve: object) => [
  { user: 'eve', password: PASSWORD, ...eve },
  { user: 'root', password: 'root-pass', is_superuser: true },
];

interface Kind {
  readonly name: string;
  readonly settings: object;
  /** Whether the attacker may publish to a topic. */
  readonly isOpen: (topic: string) => boolean;
}

const isOpenByPermission = (topic: string) => /^(open\/|_INBOX\/)/.test(topic) && topic !== 'open/secret';
const byPermission = (mapping: object): Omit<Kind, 'name'> => ({
  settings: { mapping, authentication: [{ method: 'built_in', users: users({ permissions: RESTRICTED }) }] },
  isOpen: isOpenByPermission,
});

const KINDS: readonly Kind[] = [
  { name: 'permissions, profile escape', ...byPermission({ profile: 'escape' }) },
  { name: 'permissions, escape_dollar', ...byPermission({ profile: 'escape', escape_dollar: true }) },
  { name: 'permissions, profile emqx', ...byPermission({ profile: 'emqx' }) },
  { name: 'permissions, profile nats-server', ...byPermission({ profile: 'nats-server' }) },
  {
    name: 'mountpoint of the listener',
    settings: { mountpoint: '${identity.name}/', authentication: [{ method: 'built_in', users: users({}) }] },
    isOpen: (topic) => topic.startsWith('eve/'),
  },
  {
    name: 'mountpoint of the user, profile emqx',
    settings: {
      mapping: { profile: 'emqx' },
      authentication: [{ method: 'built_in', users: users({ mountpoint: 'tenants/eve/' }) }],
    },
    isOpen: (topic) => topic.startsWith('tenants/eve/'),
  },
];

let broker: Mosquitto;
let scene: Scene<Mosquitto>;
let observer: Device;

before(async () => {
  broker = await startMosquitto();
  const authentication = [
    {
      method: 'built_in',
      users: [
        { user: 'ann', password: hashSync('ann-pass', 4) },
        { user: 'bob', password: 'bob-pass' },
      ],
    },
    { method: 'token', token: 'right-token' },
  ];
  scene = await Scene.start(broker, { ...SETTINGS, auth_timeout: '1s', authentication });
});
afterEach(() => scene.closeClients());
after(() => scene.stop());

async function observe(): Promise<void> {
  observer = await scene.device();
  for (const filter of ['#', '$CONTROL/#', '$delayed/#']) await observer.subscribe(filter).catch(() => {});
  await observer.settle();
  observer.messages.length = 0;
}

/** What the device has seen of the attacker. */
async function seen(): Promise<DeviceMessage[]> {
  await observer.settle();
  return observer.messages.splice(0).filter(({ text }) => text === 'evil');
}

async function attacker(gateway: RunningGateway): Promise<RawClient> {
  return await scene.raw({ user: 'eve', pass: PASSWORD }, gateway);
}

/** Sends lines and waits until all of them have taken effect, or have ended the connection. */
async function act(client: RawClient, lines: string): Promise<void> {
  client.send(`${lines}PING\r\n`);
  await client.readUntil('PONG\r\n').catch(() => client.closed());
}

for (const { name, settings, isOpen } of KINDS) {
  describe(`attempts: ${name}`, () => {
    test('the attacker can do what it may, or these tests would prove nothing', async () => {
      const gateway = await scene.otherGateway({ ...SETTINGS, ...settings });
      await observe();
      const client = await attacker(gateway);
      await act(client, 'SUB open.> 1\r\nPUB open.a 4\r\nevil\r\n');
      const [message] = await seen();
      assert.ok(message !== undefined && isOpen(message.topic), message?.topic);
    });

    test('no PUB reaches a topic that is not open, whoever the client says it is', async () => {
      const gateway = await scene.otherGateway({ ...SETTINGS, ...settings });
      await observe();
      for (const subject of PUBLISH_SUBJECTS) {
        const client = await attacker(gateway);
        await act(client, `PUB ${subject} 4\r\nevil\r\nHPUB ${subject} 12 16\r\nNATS/1.0\r\n\r\nevil\r\n`);
        for (const { topic } of await seen()) assert.ok(isOpen(topic), `PUB ${subject} reached ${topic}`);
        await client.close();
      }
      const client = await attacker(gateway);
      const asRoot = '{"verbose":false,"user":"root","pass":"root-pass"}';
      await act(client, `CONNECT ${asRoot}\r\nPUB secret.x 4\r\nevil\r\nPUB ann.x 4\r\nevil\r\n`);
      for (const { topic } of await seen()) assert.ok(isOpen(topic), `a second CONNECT reached ${topic}`);
    });

    test('nobody is made to answer to a topic that is not open, and no property is forged', async () => {
      const gateway = await scene.otherGateway({ ...SETTINGS, ...settings });
      await observe();
      const requests = REPLIES.map((reply) => `PUB open.a ${reply} 4\r\nevil\r\n`);
      for (const header of HEADERS) {
        const block = `NATS/1.0\r\n${header}\r\n\r\n`;
        requests.push(`HPUB open.a ${block.length} ${block.length + 4}\r\n${block}evil\r\n`);
      }
      for (const request of requests) {
        const client = await attacker(gateway);
        await act(client, request);
        for (const { properties } of await seen()) {
          const { responseTopic, userProperties = {} } = properties;
          assert.ok(
            responseTopic === undefined || isOpen(responseTopic),
            `${request} asks for ${responseTopic}`,
          );
          for (const [key, value] of Object.entries(userProperties)) {
            const isForged = key.startsWith('nmg-') && ['forged', 'Zm9yZ2Vk'].includes(String(value));
            assert.ok(!isForged, `${request} forged ${key}`);
          }
        }
        await client.close();
      }
    });

    test('no SUB hears what is not open', async () => {
      const gateway = await scene.otherGateway({ ...SETTINGS, ...settings });
      await observe();
      for (const subscription of SUBSCRIPTIONS) {
        const client = await attacker(gateway);
        await act(client, `SUB ${subscription} 1\r\n`);
        for (const topic of LEAKS) await observer.publish(topic, 'leak');
        await act(client, '');
        assert.doesNotMatch(client.unread.toString(), /leak/, `SUB ${subscription}`);
        await client.close();
      }
    });
  });
}

/** First lines of clients that must not get in. */
const INTRUDERS: readonly string[] = [
  'CONNECT {}',
  'CONNECT null',
  'CONNECT {"user":"ann"}',
  'CONNECT {"user":"ann","pass":""}',
  'CONNECT {"user":"ann","pass":"Ann-pass"}',
  'CONNECT {"user":"ann","pass":"ann-pass\\u0000"}',
  'CONNECT {"user":"ann","pass":"ann-pas"}',
  'CONNECT {"user":"ann","pass":["ann-pass"]}',
  'CONNECT {"user":{"user":"ann"},"pass":"ann-pass"}',
  'CONNECT {"user":"ANN","pass":"ann-pass"}',
  'CONNECT {"user":" ann","pass":"ann-pass"}',
  'CONNECT {"user":"ann\\u0000","pass":"ann-pass"}',
  'CONNECT {"user":"__proto__","pass":""}',
  'CONNECT {"user":"constructor","pass":"x"}',
  'CONNECT {"user":"toString","pass":"x"}',
  'CONNECT {"__proto__":{"user":"bob","pass":"bob-pass"}}',
  'CONNECT {"user":"bob","pass":"bob-pass","user":"ann"}',
  'CONNECT {"user":"ann","pass":"ann-pass","account":"$SYS"}',
  'CONNECT {"user":"ann","pass":"ann-pass","new_account":true}',
  'CONNECT {"user":"ann","auth_token":"ann-pass"}',
  'CONNECT {"auth_token":"bob-pass"}',
  'CONNECT {"auth_token":"Right-token"}',
  'CONNECT {"auth_token":"right-token "}',
  'CONNECT {"pass":"right-token"}',
  'CONNECT {"user":"right-token"}',
  'CONNECT {"jwt":"eyJhbGciOiJub25lIn0.e30."}',
  'CONNECT {"jwt":"right-token","sig":"AA"}',
  'CONNECT {"nkey":"UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4"}',
  'CONNECT {"nkey":"","sig":""}',
  `CONNECT {"user":"ann","pass":"${'x'.repeat(4000)}"}`,
  `CONNECT {"user":"${'x'.repeat(4000)}"}`,
  `CONNECT {"auth_token":"${'x'.repeat(5000)}"}`,
  'CONNECT [{"user":"bob","pass":"bob-pass"}]',
  'CONNECT "bob:bob-pass"',
  'CONNECT bob bob-pass',
  'CONNECT',
  'PING',
  'ping',
  'PONG\r\nPING',
  'SUB > 1',
  'UNSUB 1',
  'PUB open.a 4\r\nevil',
  'pub open.a 4\r\nevil',
  'PUB open.a 1000000',
  'HPUB open.a 12 16\r\nNATS/1.0\r\n\r\nevil',
  'INFO {"auth_required":false}\r\nPING',
  '+OK\r\nPUB open.a 4\r\nevil',
  'MSG open.a 1 4\r\nevil',
  '\r\nPUB open.a 4\r\nevil',
];

for (const first of INTRUDERS) {
  test(`attempts: "${first.slice(0, 60)}" lets nobody in, nor what follows`, async () => {
    await observe();
    const client = await scene.greeted();
    client.send(`${first}\r\nPUB open.a 4\r\nevil\r\nSUB > 1\r\nPING\r\n`);
    const told = (await client.closed()).leftover.toString();
    assert.doesNotMatch(told, /PONG|\+OK|MSG/);
    // Neither which part was wrong, nor who exists.
    assert.doesNotMatch(told, /user|pass|token|unknown user/i);
    assert.deepEqual(await seen(), []);
  });
}

test('attempts: an unknown user and a wrong password are answered alike', async () => {
  const answers: string[] = [];
  for (const user of ['ann', 'nobody-at-all']) {
    const client = await scene.greeted();
    client.send(`CONNECT {"user":"${user}","pass":"x"}\r\nPING\r\n`);
    answers.push((await client.closed()).leftover.toString());
  }
  assert.deepEqual(answers, ["-ERR 'Authorization Violation'\r\n", "-ERR 'Authorization Violation'\r\n"]);
});

test('attempts: who says nothing, or never ends its CONNECT, is cut in time', async () => {
  for (const start of ['', 'CON', 'CONNECT {"user":"ann",']) {
    const client = await scene.greeted();
    if (start !== '') client.send(start);
    await client.expect("-ERR 'Authentication Timeout'\r\n", 4_000);
    await client.closed();
  }
});

test('attempts: guessing from one address becomes slow, and others do not wait', async () => {
  const gateway = await scene.otherGateway({
    client_info: SETTINGS.client_info,
    authentication: [{ method: 'token', token: 'right-token' }],
    auth_failure_delay: '400ms',
  });
  const guess = async (): Promise<number> => {
    const startMs = Date.now();
    const client = await scene.greeted(gateway);
    client.send('CONNECT {"auth_token":"wrong"}\r\n');
    await client.closed();
    return Date.now() - startMs;
  };
  for (let i = 0; i < 9; i++) await guess();
  assert.ok((await guess()) >= 390, 'the tenth guess waits');
  const startMs = Date.now();
  await scene.raw({ auth_token: 'right-token' }, gateway);
  assert.ok(Date.now() - startMs >= 390, 'the right one from there waits too');
});

test('attempts: there are at least 60 of them', () => {
  const count =
    PUBLISH_SUBJECTS.length + REPLIES.length + HEADERS.length + SUBSCRIPTIONS.length + INTRUDERS.length;
  assert.ok(count >= 60, `${count}`);
});
