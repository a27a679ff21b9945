/** The method `built_in` with real clients. */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { AuthorizationError } from '@nats-io/transport-node';
import { hashSync } from 'bcryptjs';
import { startMosquitto } from '../../support/mosquitto.ts';
import { Scene } from '../../support/scene.ts';
import { testIn } from '../../support/variants.ts';
import { testContract } from './contract.ts';

const BCRYPT = hashSync('bcrypted-pass', 4);

testContract('built_in', async () => ({
  settings: {
    users: [
      { user: 'ann', password: 'plain-pass' },
      { user: 'bob', password: BCRYPT },
      { user: 'web', password: 'web-pass', allowed_connection_types: ['WEBSOCKET'] },
    ],
  },
  good: [
    { name: 'plain', options: { user: 'ann', pass: 'plain-pass' }, identity: 'ann' },
    { name: 'bcrypt', options: { user: 'bob', pass: 'bcrypted-pass' }, identity: 'bob' },
  ],
  bad: [
    { name: 'wrong password', options: { user: 'ann', pass: 'wrong-pass' } },
    { name: 'no password', options: { user: 'ann' } },
    { name: 'hash as password', options: { user: 'bob', pass: BCRYPT } },
    { name: 'unknown user', options: { user: 'eve', pass: 'plain-pass' } },
    { name: 'wrong connection type', options: { user: 'web', pass: 'web-pass' } },
  ],
  secrets: ['plain-pass', 'bcrypted-pass', 'web-pass', 'wrong-pass', BCRYPT],
  backend: null,
  stop: async () => {},
}));

let scene: Scene;
before(async () => {
  const users = [{ user: 'guest' }, { user: 'ann', password: 'p' }];
  const authentication = [{ method: 'built_in', users }];
  scene = await Scene.start(await startMosquitto(), {
    authentication,
    no_auth_user: 'guest',
    auth_failure_delay: '0s',
    client_info: { client_id: 'nats-${identity.name}', username: '', password: '' },
    mountpoint: '${identity.name}/',
  });
});
afterEach(() => scene.closeClients());
after(() => scene.stop());

test('no_auth_user: who shows nothing is that user, and wrong credentials are still wrong', async () => {
  const device = await scene.device();
  await device.subscribe('#');
  const client = await scene.raw();
  assert.equal(client.info.auth_required, undefined);
  client.send('PUB where 2\r\nhi\r\n');
  assert.equal((await device.next()).topic, 'guest/where');
  await assert.rejects(scene.nats({ user: 'guest' }), AuthorizationError);
  await assert.rejects(scene.nats({ user: 'ann', pass: 'x' }), AuthorizationError);
  await assert.rejects(scene.nats({ token: 'x' }), AuthorizationError);
});

test('no_auth_user: also for clients that never send CONNECT', async () => {
  const device = await scene.device();
  await device.subscribe('#');
  const client = await scene.greeted();
  client.send('PUB where 2\r\nhi\r\n');
  await client.expect('+OK\r\n');
  assert.equal((await device.next()).topic, 'guest/where');
});

test('identity: its name is in client id and mountpoint, whatever CONNECT says later', async () => {
  const device = await scene.device();
  await device.subscribe('#');
  const client = await scene.raw({ user: 'ann', pass: 'p' });
  client.send('CONNECT {"verbose":false,"user":"guest","pass":"","name":"x"}\r\nPUB where 2\r\nhi\r\n');
  assert.equal((await device.next()).topic, 'ann/where');
  client.send('SUB me 1\r\nPUB $SYS.REQ.USER.INFO me 0\r\n\r\n');
  await client.readUntil(/"user":"ann"/);
});

// Pooled sessions have the names of the gateway's own account.
testIn(
  'per_client',
  'identity: who is let in and then cannot be named is refused, and the log says why',
  async () => {
    const users = [
      { user: 'wild', password: 'p', mountpoint: 'a/+/' },
      { user: 'reserved', password: 'p', mountpoint: '$share/g/' },
      { user: 'bare', password: 'p' },
      { user: 'whole', password: 'p', attributes: { tenant: 't' } },
      { user: 'long', password: 'p', client_id: 'x'.repeat(70_000), attributes: { tenant: 't' } },
    ];
    const gateway = await scene.otherGateway({
      authentication: [{ method: 'built_in', users }],
      client_info: { username: '${identity.tenant}', password: '' },
      upstream: { probe: false },
    });
    await (await scene.nats({ user: 'whole', pass: 'p' }, gateway)).flush();
    for (const user of ['wild', 'reserved', 'bare', 'long'])
      await assert.rejects(scene.nats({ user, pass: 'p' }, gateway), AuthorizationError);
    const details = gateway.logLines('auth.rejected').map(({ method, detail }) => `${method}: ${detail}`);
    assert.deepEqual(details, [
      'built_in: the mountpoint of an identity is unusable: mountpoint: "+" and "#" cannot stand in a topic name, nor in a part of a level of a filter',
      'built_in: the mountpoint of an identity is unusable: mountpoint: the first level $share is reserved',
      'built_in: an attribute that client_info names is missing',
      'built_in: the client id or credentials cannot be sent in an MQTT string',
    ]);
  },
);
