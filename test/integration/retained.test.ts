/** Retained messages: once per new subscription, marked, and never again after a reconnect. */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { type Mosquitto, startMosquitto } from '../support/mosquitto.ts';
import { collect } from '../support/nats.ts';
import type { RawClient } from '../support/raw-client.ts';
import { Scene, type SceneBroker } from '../support/scene.ts';
import { ScriptedBroker } from '../support/scripted-broker.ts';
import { waitFor } from '../support/wait-for.ts';

const RETAINED = 'NATS/1.0\r\nMqtt-Retained: true\r\n\r\n';

/** A delivery as the client reads it. */
function hmsg(subject: string, sid: number, payload: string, headers = RETAINED): string {
  const sizes = `${headers.length} ${headers.length + payload.length}`;
  return `HMSG ${subject} ${sid} ${sizes}\r\n${headers}${payload}\r\n`;
}

/** The next deliveries of retained messages, as `sid subject`, sorted. PONG does not wait for them. */
async function retainedOnes(client: RawClient, count: number): Promise<string[]> {
  const text = (
    await client.readUntil(new RegExp(`(?:HMSG(?:.|\\s)*?true\\r\\n\\r\\n.*\\r\\n){${count}}`))
  ).toString();
  return [...text.matchAll(/HMSG (\S+) (\d) /g)].map((match) => `${match[2]} ${match[1]}`).sort();
}

async function nothingElse(client: RawClient): Promise<void> {
  assert.equal((await client.pingPong()).toString(), 'PONG\r\n');
}

/** The same promises whatever the broker can do: with identifiers, with one copy for all, without any. */
const BROKERS: readonly (readonly [name: string, start: () => Promise<SceneBroker>])[] = [
  ['Mosquitto', () => startMosquitto()],
  ['copies with one identifier each', () => ScriptedBroker.start({ overlapping: 'copies-with-one-id' })],
  ['one copy with all identifiers', () => ScriptedBroker.start({ overlapping: 'one-copy-all-ids' })],
  ['one copy with one identifier', () => ScriptedBroker.start({ overlapping: 'one-copy-one-id' })],
];

for (const [name, start] of BROKERS) {
  describe(`retained (${name})`, () => {
    let scene: Scene;
    before(async () => {
      scene = await Scene.start(await start());
    });
    afterEach(() => scene.closeClients());
    after(() => scene.stop());

    test('retained: reaches a new subscription once, with Mqtt-Retained', async () => {
      const device = await scene.device();
      await device.publish('keep/a', 'kept', { retain: true });
      const client = await scene.raw();
      client.send('SUB keep.a 1\r\n');
      await client.expect(hmsg('keep.a', 1, 'kept'));
      await nothingElse(client);
      // A later one is live: it is not marked, whether it is to be kept or not.
      await device.publish('keep/a', 'live', { retain: true });
      await client.expect('MSG keep.a 1 4\r\nlive\r\n');
      await nothingElse(client);
    });

    test('retained: reaches each of several subscriptions to one filter, and no other a second time', async () => {
      const device = await scene.device();
      await device.publish('keep/b', 'kept', { retain: true });
      const client = await scene.raw();
      for (const sid of [1, 2, 3]) {
        client.send(`SUB keep.b ${sid}\r\n`);
        await client.expect(hmsg('keep.b', sid, 'kept'));
        await nothingElse(client);
      }
      client.send('SUB keep.b 4\r\nSUB keep.b 5\r\nSUB keep.b 6\r\n');
      assert.deepEqual(await retainedOnes(client, 3), ['4 keep.b', '5 keep.b', '6 keep.b']);
      await nothingElse(client);
      await device.publish('keep/b', 'live');
      const live = (await client.readUntil(/(?:MSG keep\.b \d 4\r\nlive\r\n){6}/)).toString();
      assert.doesNotMatch(live, /HMSG/);
    });

    test('retained: overlapping subscriptions get each message once, as if they were alone', async () => {
      const device = await scene.device();
      for (const topic of ['keep/c/1', 'keep/c/2', 'keep/c'])
        await device.publish(topic, topic, { retain: true });
      const client = await scene.raw();
      for (const [sid, subject] of ['keep.c.*', 'keep.c.>', 'keep.c.1', 'keep.*.1'].entries()) {
        client.send(`SUB ${subject} ${sid}\r\n`);
      }
      assert.deepEqual(await retainedOnes(client, 6), [
        '0 keep.c.1',
        '0 keep.c.2',
        '1 keep.c.1',
        '1 keep.c.2',
        '2 keep.c.1',
        '3 keep.c.1',
      ]);
      await nothingElse(client);
    });

    test('retained: raising the QoS of a held filter brings nothing again', async () => {
      const device = await scene.device();
      await device.publish('keep/q', 'kept', { retain: true });
      const client = await scene.raw();
      client.send('SUB keep.q 1\r\n');
      await client.expect(hmsg('keep.q', 1, 'kept'));
      client.send('CONNECT {"verbose":true}\r\nSUB keep.q 2\r\n');
      await client.expect('+OK\r\n');
      // Its own `+OK` comes before or between.
      const text = (await client.readUntil(hmsg('keep.q', 2, 'kept'))).toString();
      assert.doesNotMatch(text, /keep\.q 1/);
      assert.doesNotMatch((await client.pingPong()).toString(), /MSG/);
    });

    test('retained: not for queue groups', async () => {
      const device = await scene.device();
      await device.publish('keep/d', 'kept', { retain: true });
      const client = await scene.raw();
      client.send('SUB keep.d workers 1\r\n');
      await nothingElse(client);
      await device.publish('keep/d', 'live');
      await client.expect('MSG keep.d 1 4\r\nlive\r\n');
    });

    test('retained: with headers of its own, and for a client without headers', async () => {
      const device = await scene.device();
      const properties = { userProperties: { a: '1' }, contentType: 'text/plain' };
      await device.publish('keep/e', 'kept', { retain: true, properties });
      const client = await scene.raw();
      client.send('SUB keep.e 1\r\n');
      const block = 'NATS/1.0\r\na: 1\r\nMqtt-Content-Type: text/plain\r\nMqtt-Retained: true\r\n\r\n';
      await client.expect(hmsg('keep.e', 1, 'kept', block));
      const old = await scene.raw({ headers: false, no_responders: false });
      old.send('SUB keep.e 1\r\n');
      await old.expect('MSG keep.e 1 4\r\nkept\r\n');
    });
  });
}

describe('retained: settings and outages', () => {
  let scene: Scene<Mosquitto>;
  before(async () => {
    scene = await Scene.start(await startMosquitto());
  });
  afterEach(() => scene.closeClients());
  after(() => scene.stop());

  test('retained: mapping.retained "suppress" lets only live messages through', async () => {
    const gateway = await scene.otherGateway({ mapping: { retained: 'suppress' } });
    const device = await scene.device();
    await device.publish('hush/a', 'kept', { retain: true });
    const client = await scene.raw({}, gateway);
    client.send('SUB hush.a 1\r\nSUB hush.a 2\r\nSUB hush.> 3\r\n');
    await nothingElse(client);
    await device.publish('hush/a', 'live');
    await client.readUntil(/(?:MSG hush\.a \d 4\r\nlive\r\n){3}/);
  });

  test('retained: set by a NATS client with Mqtt-Retain, cleared with an empty payload', async () => {
    const client = await scene.raw();
    const block = 'NATS/1.0\r\nMqtt-Retain: true\r\n\r\n';
    client.send(`HPUB set.a ${block.length} ${block.length + 4}\r\n${block}kept\r\n`);
    await client.pingPong();
    const device = await scene.device();
    await device.subscribe('set/#');
    const message = await device.next();
    assert.equal(message.text, 'kept');
    assert.equal(message.retain, true);
    client.send(`HPUB set.a ${block.length} ${block.length}\r\n${block}\r\n`);
    await client.pingPong();
    client.send('SUB set.a 1\r\n');
    await nothingElse(client);
  });

  test('retained: not again after a reconnect, and a subscription made during the outage gets its own', async () => {
    const broker = await ScriptedBroker.start();
    const own = await Scene.start(broker);
    try {
      broker.publish({ topic: 'back/a', payload: Buffer.from('kept'), retain: true });
      const client = await own.raw();
      client.send('SUB back.a 1\r\n');
      await client.expect(hmsg('back.a', 1, 'kept'));
      await broker.stop();
      await waitFor(() => own.gateway.logLines('upstream.lost').length > 0);
      client.send('SUB back.a 2\r\n');
      await broker.restart();
      await client.expect(hmsg('back.a', 2, 'kept'), 10_000);
      await nothingElse(client);
      assert.deepEqual(broker.violations, []);
    } finally {
      await own.stop();
    }
  });

  test('retained: a NATS subscriber sees those of many topics exactly once under load', async () => {
    const device = await scene.device();
    for (let i = 0; i < 500; i++)
      await device.publish(`many/${i}`, String(i), { retain: true, qos: i % 2 === 0 ? 0 : 1 });
    const nats = await scene.nats();
    const live = await scene.device();
    const collected = await collect(nats, 'many.*');
    const again = await collect(nats, 'many.*');
    await live.publish('many/live', 'live');
    await Promise.all([collected.count(501), again.count(501)]);
    await nats.flush();
    for (const one of [collected, again]) {
      assert.equal(one.messages.length, 501);
      assert.equal(new Set(one.texts).size, 501);
      const marked = one.messages.filter((message) => message.headers?.get('Mqtt-Retained') === 'true');
      assert.equal(marked.length, 500);
    }
  });
});
