/** What each setting changes when a reload brings another value. */
import assert from 'node:assert/strict';
import { waitFor } from '../../support/wait-for.ts';
import type { Effect, LiveScene } from './harness.ts';

const TOKEN = [{ method: 'token', token: 'secret' }];
const hidden = (text: string) => ({ username: '', password: '', ...{ client_id: text } });

/** A message whose delivery is longer than 1 KB, and its payload not longer. */
const LONG = `PUB ${'s'.repeat(100)} 1000\r\n${'x'.repeat(1000)}\r\n`;
const LONG_SUBSCRIPTION = `SUB ${'s'.repeat(100)} 1\r\n`;

async function topicOf({ broker }: LiveScene, payload: string): Promise<string> {
  await waitFor(() => broker.received.some((one) => String(one.payload) === payload), 2_000, payload);
  return broker.received.find((one) => String(one.payload) === payload)?.topic ?? '';
}

/** The error text of the next thing that the client is told. */
async function errorOf(client: { expect(pattern: RegExp): Promise<string> }, text: string): Promise<void> {
  await client.expect(new RegExp(`^-ERR '${text}`));
}

/** The topic that a new client's message gets. */
const mapsTo =
  (subject: string, topic: string) =>
  async (scene: LiveScene): Promise<void> => {
    const client = await scene.connect();
    client.send(`PUB ${subject} 2\r\nm1\r\n`);
    assert.equal(await topicOf(scene, 'm1'), topic);
  };

/** A new client's message is refused for its subject. */
const refuses =
  (subject: string) =>
  async (scene: LiveScene): Promise<void> => {
    const client = await scene.connect();
    client.send(`PUB ${subject} 2\r\nm1\r\n`);
    await errorOf(client, 'Permissions Violation for Publish');
  };

const closesWithin =
  (limitMs: number, reason: string) =>
  async (scene: LiveScene): Promise<void> => {
    const client = await scene.greet();
    await client.closed(limitMs);
    await waitFor(
      () => scene.gateway.logLines('client.disconnected').some((line) => line.reason === reason),
      1_000,
      reason,
    );
  };

/** By the name of the setting; every one that needs no restart. */
export const EFFECTS: Readonly<Record<string, Effect>> = {
  mountpoint: { to: { mountpoint: 'x/' }, drops: true, check: mapsTo('a', 'x/a') },
  max_payload: {
    to: { max_payload: '1KB' },
    async check({ early }) {
      early.send(`PUB a 2000\r\n${'x'.repeat(2000)}\r\n`);
      await errorOf(early, 'Maximum Payload Violation');
    },
  },
  max_control_line: {
    to: { max_control_line: 256 },
    async check({ early }) {
      early.send(`SUB ${'a'.repeat(300)} 1\r\n`);
      await errorOf(early, 'maximum control line exceeded');
    },
  },
  max_connections: {
    to: { max_connections: 1 },
    async check(scene) {
      await errorOf(await scene.greet(), 'maximum connections exceeded');
      await scene.early.pingPong();
    },
  },
  max_subscriptions: {
    to: { max_subscriptions: 1 },
    async check({ early }) {
      early.send('SUB a 1\r\nSUB b 2\r\n');
      await errorOf(early, 'maximum subscriptions exceeded');
    },
  },
  max_pending: {
    from: { max_payload: '1KB' },
    to: { max_payload: '1KB', max_pending: '1KB' },
    async check({ early, gateway }) {
      early.send(LONG_SUBSCRIPTION);
      await early.pingPong();
      early.send(LONG);
      await early.closed();
      assert.equal(gateway.logLines('client.disconnected')[0]?.reason, 'Slow Consumer (Pending Bytes)');
    },
  },
  max_total_pending: {
    // In one turn of the event loop: all clients are served by one session.
    from: { max_payload: '1KB', max_pending: '2KB', upstream: { mode: 'pooled' } },
    to: { max_payload: '1KB', max_pending: '2KB', max_total_pending: '2KB' },
    async check(scene) {
      const clients = [await scene.connect(), await scene.connect()];
      for (const client of clients) client.send(LONG_SUBSCRIPTION);
      for (const client of clients) await client.pingPong();
      scene.early.send(LONG);
      await Promise.any(clients.map((client) => client.closed()));
    },
  },
  max_total_input: {
    from: { max_payload: '1KB' },
    to: { max_payload: '1KB', max_total_input: '1KB' },
    async check(scene) {
      const begun = `PUB a 1000\r\n${'x'.repeat(600)}`;
      const clients = [await scene.connect(), await scene.connect()];
      for (const client of clients) client.send(begun);
      // Who does not finish in its turn is cut; the first PING may come before that.
      await Promise.any(clients.map((client) => client.readUntil("-ERR 'Stale Connection'", 10_000)));
    },
  },
  write_deadline: {
    to: { write_deadline: '100ms' },
    async check(scene) {
      const { broker, gateway } = scene;
      // What is being written already has the deadline that it began with.
      const client = await scene.connect();
      client.send('SUB a 1\r\n');
      await client.pingPong();
      client.pause();
      for (let i = 0; i < 30; i++) broker.publish({ topic: 'a', payload: Buffer.alloc(1_000_000) });
      await waitFor(() => gateway.logLines('client.disconnected').length > 0, 5_000, 'the cut');
      assert.equal(gateway.logLines('client.disconnected')[0]?.reason, 'Slow Consumer (Write Deadline)');
      client.resume();
    },
  },
  auth_timeout: {
    from: { upstream: { auth_required: true } },
    to: { auth_timeout: '50ms' },
    check: closesWithin(1_000, 'Authentication Timeout'),
  },
  auth_failure_delay: {
    from: { authentication: [{ ...TOKEN[0], enable: false }], auth_failure_delay: '0s' },
    to: { authentication: TOKEN, auth_failure_delay: '1s' },
    drops: true,
    async check(scene) {
      const attempt = async (): Promise<number> => {
        const client = await scene.greet();
        const startMs = performance.now();
        client.send('CONNECT {"auth_token":"wrong"}\r\n');
        await errorOf(client, 'Authorization Violation');
        await client.closed();
        return performance.now() - startMs;
      };
      const tookMs: number[] = [];
      for (let i = 0; i < 8; i++) tookMs.push(await attempt());
      assert.ok((tookMs.at(-1) ?? 0) >= 100, `${tookMs}`);
    },
  },
  ping_interval: {
    to: { ping_interval: '50ms' },
    async check(scene) {
      const client = await scene.connect();
      await client.expect('PING\r\n', 1_000);
    },
  },
  ping_timeout: {
    from: { ping_interval: '50ms', ping_timeout: '1h' },
    to: { ping_interval: '50ms', ping_timeout: '50ms' },
    async check(scene) {
      const client = await scene.connect();
      await client.readUntil("-ERR 'Stale Connection'", 2_000);
    },
  },
  idle_timeout: { to: { idle_timeout: '50ms' }, check: closesWithin(1_000, 'Idle Timeout') },
  shutdown_timeout: {
    to: { shutdown_timeout: '100ms' },
    async check({ early, broker, gateway }) {
      broker.holdPubacks();
      early.send('CONNECT {"verbose":true}\r\nPUB a 1\r\nx\r\n');
      await waitFor(() => broker.heldAcks('puback') > 0, 2_000, 'a publication');
      const startMs = performance.now();
      await gateway.stop({ drain: true });
      assert.ok(performance.now() - startMs < 3_000);
      assert.equal(gateway.logLines('gateway.drain_incomplete').length, 1);
    },
  },
  lame_duck_grace_period: {
    to: { lame_duck_grace_period: '0s' },
    async check({ early, gateway }) {
      await gateway.gateway.beginLameDuck();
      await early.closed(1_000);
    },
  },
  lame_duck_duration: {
    from: { lame_duck_grace_period: '0s' },
    to: { lame_duck_grace_period: '0s', lame_duck_duration: '0s' },
    async check(scene) {
      for (let i = 0; i < 5; i++) await scene.connect();
      const startMs = performance.now();
      await scene.gateway.gateway.beginLameDuck();
      await scene.gateway.gateway.retired;
      // Otherwise half a second and more between two of them.
      assert.ok(performance.now() - startMs < 1_500);
    },
  },
  listeners: {
    to: {
      listeners: [
        { name: 'tcp', bind: '127.0.0.1:0' },
        { name: 'ws', type: 'ws', bind: '127.0.0.1:0' },
        { name: 'second', bind: '127.0.0.1:0' },
      ],
    },
    async check(scene) {
      const { port } = scene.gateway.gateway.addresses()[2] ?? { port: 0 };
      await scene.connect({}, port);
      await scene.early.pingPong();
    },
  },
  no_auth_user: {
    from: { authentication: [{ method: 'built_in', users: [{ user: 'guest' }] }], no_auth_user: 'guest' },
    to: { authentication: [{ method: 'built_in', users: [{ user: 'guest' }] }], no_auth_user: '' },
    drops: true,
    async check(scene) {
      assert.equal((await scene.greet()).info.auth_required, true);
    },
  },
  authentication: {
    to: { authentication: TOKEN },
    drops: true,
    async check(scene) {
      await scene.connect({ auth_token: 'secret' });
      assert.equal((await scene.greet()).info.auth_required, true);
    },
  },
  default_permissions: {
    to: { default_permissions: { publish: ['b'] } },
    async check({ early }) {
      early.send('PUB a 1\r\nx\r\n');
      await errorOf(early, 'Permissions Violation for Publish to "a"');
    },
  },
  'client_info.client_id': {
    to: { client_info: hidden('fixed-${connect.name}') },
    async check(scene) {
      await scene.connect({ name: 'n' });
      assert.equal(scene.packets('connect').at(-1)?.clientId, 'fixed-n');
    },
  },
  'client_info.username': {
    to: { client_info: { username: 'u', password: '' } },
    async check(scene) {
      await scene.connect();
      assert.equal(scene.packets('connect').at(-1)?.username, 'u');
    },
  },
  'client_info.password': {
    from: { client_info: { username: 'u', password: '' } },
    to: { client_info: { username: 'u', password: 'p' } },
    async check(scene) {
      await scene.connect();
      assert.equal(String(scene.packets('connect').at(-1)?.password), 'p');
    },
  },
  'mapping.profile': { to: { mapping: { profile: 'emqx' } }, drops: true, check: mapsTo('a%20b', 'a%20b') },
  'mapping.escape_dollar': {
    to: { mapping: { escape_dollar: true } },
    drops: true,
    check: mapsTo('$x', '%24x'),
  },
  'mapping.allow_dollar': {
    to: { mapping: { allow_dollar: ['$SYS'] } },
    drops: true,
    check: mapsTo('$SYS.x', '$SYS/x'),
  },
  'mapping.retained': {
    to: { mapping: { retained: 'suppress' } },
    async check({ early, broker }) {
      broker.publish({ topic: 'a', payload: Buffer.from('kept'), retain: true });
      early.send('SUB a 1\r\n');
      await early.pingPong();
      early.send('PUB a 4\r\nlive\r\n');
      await early.expect('MSG a 1 4\r\nlive\r\n');
    },
  },
  'mapping.max_levels': { to: { mapping: { max_levels: 2 } }, drops: true, check: refuses('a.b.c') },
  'mapping.max_topic_bytes': {
    to: { mapping: { max_topic_bytes: 64 } },
    drops: true,
    check: refuses('a'.repeat(65)),
  },
  rules: {
    to: { rules: [{ subject: 'a', retain: true }] },
    async check(scene) {
      scene.early.send('PUB a 2\r\nm1\r\n');
      await topicOf(scene, 'm1');
      assert.equal(scene.broker.received.at(-1)?.retain, true);
    },
  },
  control_headers: {
    to: { control_headers: false },
    async check(scene) {
      const headers = 'NATS/1.0\r\nMqtt-Retain: true\r\n\r\n';
      scene.early.send(`HPUB a ${headers.length} ${headers.length + 2}\r\n${headers}m1\r\n`);
      await topicOf(scene, 'm1');
      assert.equal(scene.broker.received.at(-1)?.retain, false);
    },
  },
  'log.level': {
    to: { log: { level: 'error', format: 'json' } },
    async check(scene) {
      const { length } = scene.gateway.logLines('client.connected');
      await scene.connect();
      assert.equal(scene.gateway.logLines('client.connected').length, length);
    },
  },
};
