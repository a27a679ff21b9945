/**
 * Ways around authentication, permissions and mountpoints (attempts-list.ts). Each is tried against a real broker, with a
 * device that sees every topic and speaks on those that are none of the attacker's business. Next to each attempt the
 * same connection does what it may, so that nothing is refused for another reason.
 */
import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, afterEach, before, describe, test } from 'node:test';
import { hashSync } from 'bcryptjs';
import type { Device, DeviceMessage } from '../../support/device.ts';
import { type RunningGateway, startGateway } from '../../support/gateway.ts';
import { type Mosquitto, startMosquitto } from '../../support/mosquitto.ts';
import type { RawClient } from '../../support/raw-client.ts';
import { Scene } from '../../support/scene.ts';
import { HEADERS, INTRUDERS, PUBLISH_SUBJECTS, REPLIES, SUBSCRIPTIONS } from './attempts-list.ts';

const SETTINGS = { client_info: { username: '', password: '' }, auth_failure_delay: '0s' };
const PASSWORD = 'eve-pass';
const ROOT = { user: 'root', password: 'root-pass', is_superuser: true };
const RESTRICTED = {
  publish: { allow: ['open.>'], deny: ['open.secret'] },
  subscribe: { allow: ['open.>', '_INBOX.>'], deny: ['open.secret'] },
};

const MAPPINGS = [
  { profile: 'escape' },
  { profile: 'emqx' },
  { profile: 'nats-server' },
  { profile: 'escape', escape_dollar: true },
] as const;
const MOUNTPOINTS = ['none', 'global', 'listener, of the identity', 'user'] as const;
const SOURCES = ['user', 'default_permissions', 'http', 'nobody'] as const;

interface Setting {
  readonly name: string;
  readonly mode: 'per_client' | 'pooled';
  readonly mapping: object;
  readonly mountpoint: (typeof MOUNTPOINTS)[number];
  /** Who says what the attacker may do. */
  readonly source: (typeof SOURCES)[number];
  /** What every topic of the attacker starts with. */
  readonly prefix: string;
}

/** Every pair of two columns, except for those that only a gateway without any restriction would have. */
function* makeSettings(): Generator<Setting> {
  for (const [row, mountpoint] of MOUNTPOINTS.entries()) {
    for (const [column, source] of SOURCES.entries()) {
      const mapping = MAPPINGS[(row + column) % MAPPINGS.length] ?? {};
      const mode = ((row >> 1) + column) % 2 === 0 ? 'per_client' : 'pooled';
      // Without either of the two nothing is forbidden.
      if (mountpoint === 'none' && source === 'nobody') continue;
      const prefix = { none: '', global: 'site/', 'listener, of the identity': 'eve/', user: 'tenants/eve/' }[
        mountpoint
      ];
      const name = `${mode}, ${JSON.stringify(mapping)}, mountpoint: ${mountpoint}, permissions: ${source}`;
      yield { name, mode, mapping, mountpoint, source, prefix };
    }
  }
}

function gatewaySettings({ mode, mapping, mountpoint, source }: Setting): object {
  const own = {
    ...(source === 'user' && { permissions: RESTRICTED }),
    ...(mountpoint === 'user' && { mountpoint: 'tenants/eve/' }),
  };
  const asked = {
    method: 'http',
    verb: 'post',
    url: backendUrl(own),
    body: { user: '${connect.user}', pass: '${connect.pass}' },
  };
  const users = [{ user: 'eve', password: PASSWORD, ...own }, ROOT];
  return {
    ...SETTINGS,
    mapping,
    upstream: { url: scene.broker.url, mode },
    ...(mountpoint === 'global' && { mountpoint: 'site/' }),
    ...(mountpoint === 'listener, of the identity' && { mountpoint: '${identity.name}/' }),
    ...(source === 'default_permissions' && { default_permissions: RESTRICTED }),
    authentication: source === 'http' ? [asked] : [{ method: 'built_in', users }],
  };
}

let scene: Scene<Mosquitto>;
let observer: Device;
let backend: Server;

const backendUrl = (answer: object): string => {
  const { port } = backend.address() as AddressInfo;
  return `http://127.0.0.1:${port}/?answer=${encodeURIComponent(JSON.stringify(answer))}`;
};

/** Who knows the password is let in with permissions and what else the URL says. */
async function startBackend(): Promise<Server> {
  const server = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk) => {
      text += chunk;
    });
    request.on('end', () => {
      const isRight = (JSON.parse(text) as { pass?: string }).pass === PASSWORD;
      const more = JSON.parse(
        new URL(request.url ?? '', 'http://x').searchParams.get('answer') ?? '{}',
      ) as object;
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ result: isRight ? 'allow' : 'deny', permissions: RESTRICTED, ...more }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

before(async () => {
  backend = await startBackend();
  const users = [
    { user: 'ann', password: hashSync('ann-pass', 4) },
    { user: 'bob', password: 'bob-pass' },
  ];
  const authentication = [
    { method: 'built_in', users },
    { method: 'token', token: 'right-token' },
  ];
  scene = await Scene.start(await startMosquitto(), { ...SETTINGS, authentication });
});
afterEach(() => scene.closeClients());
after(async () => {
  await scene.stop();
  backend.close();
});

async function observe(): Promise<void> {
  observer = await scene.device();
  // Some brokers do not show all of these.
  for (const filter of ['#', '$CONTROL/#', '$delayed/#']) await observer.subscribe(filter).catch(() => {});
}

/** What the device has seen of the attempts: their payloads are `evil` and a number, those of the controls `good`. */
async function seen(): Promise<DeviceMessage[]> {
  await observer.settle();
  return observer.messages.splice(0).filter(({ text }) => /^(evil|good)/.test(text));
}

/** Waits until all that was sent has taken effect, or has ended the connection. */
async function settled(client: RawClient): Promise<void> {
  client.send('PING\r\n');
  await client.readUntil('PONG\r\n').catch(() => client.closed());
}

function hpub(subject: string, header: string, payload: string): string {
  const block = `NATS/1.0\r\n${header}\r\n`;
  return `HPUB ${subject} ${block.length} ${block.length + payload.length}\r\n${block}${payload}\r\n`;
}

const pub = (names: string, payload: string): string => `PUB ${names} ${payload.length}\r\n${payload}\r\n`;

for (const setting of makeSettings()) {
  describe(`attempts: ${setting.name}`, () => {
    const { prefix } = setting;
    const hasPermissions = setting.source !== 'nobody';
    const isOpen = (topic: string): boolean => {
      if (!topic.startsWith(prefix)) return false;
      const rest = topic.slice(prefix.length);
      return !hasPermissions || (/^(open\/|_INBOX\/)/.test(rest) && rest !== 'open/secret');
    };
    let gateway: RunningGateway;
    before(async () => {
      gateway = await startGateway(gatewaySettings(setting) as Record<string, unknown>);
    });
    after(() => gateway.stop());
    const attacker = (): Promise<RawClient> => scene.raw({ user: 'eve', pass: PASSWORD }, gateway);

    /** Each attempt on a connection of its own, behind a publication that is allowed. @returns what arrived of each */
    async function publishAll(
      attempts: readonly ((payload: string) => string)[],
    ): Promise<DeviceMessage[][]> {
      await observe();
      const numbered = attempts.map(async (attempt, at) => {
        const client = await attacker();
        client.send(pub('open.control', `good ${at}`) + attempt(`evil ${at}`));
        await settled(client);
      });
      await Promise.all(numbered);
      const messages = await seen();
      return attempts.map((_, at) => {
        const control = messages.find(({ text }) => text === `good ${at}`);
        assert.equal(control?.topic, `${prefix}open/control`, `control of attempt ${at}`);
        return messages.filter(({ text }) => text === `evil ${at}`);
      });
    }

    test('no PUB reaches a topic that is not open, whoever the client says it is', async () => {
      const asRoot = 'CONNECT {"verbose":false,"user":"root","pass":"root-pass"}\r\n';
      const attempts = PUBLISH_SUBJECTS.map(
        (subject) => (evil: string) => pub(subject, evil) + hpub(subject, '', evil),
      );
      for (const subject of ['secret.x', 'open.secret', 'ann.x'])
        attempts.push((evil) => asRoot + pub(subject, evil));
      for (const [at, messages] of (await publishAll(attempts)).entries()) {
        for (const { topic } of messages) assert.ok(isOpen(topic), `${attempts[at]?.('')} reached ${topic}`);
      }
    });

    test('nobody is made to answer to a topic that is not open, and no property is forged', async () => {
      const attempts = REPLIES.map((reply) => (evil: string) => pub(`open.a ${reply}`, evil));
      for (const header of HEADERS) attempts.push((evil) => hpub('open.a', `${header}\r\n`, evil));
      for (const [at, messages] of (await publishAll(attempts)).entries()) {
        const attempt = attempts[at]?.('');
        for (const { properties } of messages) {
          const { responseTopic, userProperties = {} } = properties;
          assert.ok(
            responseTopic === undefined || isOpen(responseTopic),
            `${attempt} asks for ${responseTopic}`,
          );
          // Names of properties are compared letter by letter: `NMG-Origin` is nothing of the gateway's.
          for (const [key, value] of Object.entries(userProperties)) {
            const texts = [value].flat();
            const isForged =
              key.startsWith('nmg-') && texts.some((text) => ['forged', 'Zm9yZ2Vk'].includes(text));
            assert.ok(!isForged, `${attempt} forged ${key}`);
          }
        }
      }
    });

    test('no SUB hears what is not open', async () => {
      const clients = SUBSCRIPTIONS.map(async (subscription) => {
        const client = await attacker();
        client.send(`SUB open.control 2\r\n`);
        await client.pingPong();
        client.send(`SUB ${subscription} 1\r\n`);
        await settled(client);
        return client;
      });
      const listening = await Promise.all(clients);
      const device = await scene.device();
      const strange = [
        'secret/x',
        'open/secret',
        'ann/x',
        'x',
        'open',
        'eve2/x',
        'open/a',
        `${prefix}open/secret`,
        `${prefix}x`,
      ];
      const leaks = strange.filter((topic) => !isOpen(topic));
      await Promise.all(leaks.map((topic) => device.publish(topic, 'leak')));
      await device.publish(`${prefix}open/control`, 'good');
      for (const [at, client] of listening.entries()) {
        const told = (client.isOpen ? await client.readUntil('2 4\r\ngood\r\n') : client.unread).toString();
        assert.doesNotMatch(told, /leak/, `SUB ${SUBSCRIPTIONS[at]}`);
        if (client.isOpen)
          assert.doesNotMatch((await client.pingPong()).toString(), /leak/, `SUB ${SUBSCRIPTIONS[at]}`);
      }
    });
  });
}

test('attempts: nobody gets in by another first line, nor does what follows it', async () => {
  await observe();
  const attempts = INTRUDERS.map(async (first, at) => {
    const client = await scene.greeted();
    client.send(`${first}\r\n${pub('open.a', `evil ${at}`)}SUB > 1\r\nPING\r\n`);
    const told = (await client.closed()).leftover.toString();
    assert.doesNotMatch(told, /PONG|\+OK|MSG/, first);
    // Neither which part was wrong, nor who exists.
    assert.doesNotMatch(told, /user|pass|token|unknown user/i, first);
    // The same operation with the right credentials, from the same address.
    const control = await scene.raw(
      [{ user: 'ann', pass: 'ann-pass' }, { user: 'bob', pass: 'bob-pass' }, { auth_token: 'right-token' }][
        at % 3
      ],
    );
    control.send(pub('open.a', `good ${at}`));
    await control.pingPong();
  });
  await Promise.all(attempts);
  const texts = (await seen()).map(({ text }) => text);
  assert.deepEqual(texts.sort(), INTRUDERS.map((_, at) => `good ${at}`).sort());
});

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
  const authentication = [{ method: 'token', token: 'right-token' }];
  const gateway = await scene.otherGateway({ ...SETTINGS, auth_timeout: '1s', authentication });
  for (const start of ['', 'CON', 'CONNECT {"user":"ann",']) {
    const client = await scene.greeted(gateway);
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
  const lists = [PUBLISH_SUBJECTS, REPLIES, HEADERS, SUBSCRIPTIONS, INTRUDERS];
  const different = new Set(lists.flatMap((list, at) => list.map((row) => `${at} ${row}`)));
  assert.ok(different.size >= 60, `${different.size}`);
});
