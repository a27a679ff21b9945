/** Publish and subscribe: NATS clients on one side, plain MQTT devices on the other, a default Mosquitto between. */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { type Mosquitto, startMosquitto } from '../support/mosquitto.ts';
import { collect } from '../support/nats.ts';
import type { RawClient } from '../support/raw-client.ts';
import { Scene } from '../support/scene.ts';
import { ScriptedBroker } from '../support/scripted-broker.ts';
import { waitFor } from '../support/wait-for.ts';

let scene: Scene<Mosquitto>;

before(async () => {
  scene = await Scene.start(await startMosquitto());
});
afterEach(() => scene.closeClients());
after(() => scene.stop());

/** Everything that a client has been sent once the device's messages have gone through. */
async function received(client: RawClient): Promise<string> {
  const text = (await client.pingPong()).toString();
  return text.slice(0, -'PONG\r\n'.length);
}

test('pub/sub: payloads cross unchanged in both directions', async () => {
  const nats = await scene.nats();
  const device = await scene.device();
  await device.subscribe('cross/#');
  const collected = await collect(nats, 'cross.>');
  const payloads = [
    Buffer.alloc(0),
    Buffer.from('text'),
    Buffer.from('\r\nPING\r\n'),
    Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)),
    Buffer.alloc(300_000, 'ä'),
  ];
  for (const payload of payloads) {
    nats.publish('cross.out', payload);
    assert.deepEqual((await device.next()).payload, payload);
    assert.deepEqual(Buffer.from((await collected.next()).data), payload);
    await device.publish('cross/in', payload);
    assert.deepEqual(Buffer.from((await collected.next()).data), payload);
    await device.next();
  }
});

test('pub/sub: a client that is not verbose publishes with QoS 0', async () => {
  const device = await scene.device();
  await device.subscribe('qos/zero');
  const client = await scene.raw();
  client.send('PUB qos.zero 1\r\nx\r\n');
  assert.equal((await device.next()).qos, 0);
});

for (const connect of ['{"verbose":true}', '{}', null]) {
  test(`pub/sub: QoS 1 and +OK for a client that says ${connect ?? 'no CONNECT at all'}`, async () => {
    const device = await scene.device();
    await device.subscribe('qos/one', { qos: 2 });
    const client = await scene.greeted();
    if (connect !== null) {
      client.send(`CONNECT ${connect}\r\n`);
      await client.expect('+OK\r\n');
    }
    client.send('PUB qos.one 1\r\nx\r\n');
    await client.expect('+OK\r\n');
    assert.equal((await device.next()).qos, 1);
  });
}

test('pub/sub: the subscription has QoS 1 for verbose clients, else QoS 0', async () => {
  const broker = await ScriptedBroker.start();
  const other = await Scene.start(broker, { upstream: { probe: false } });
  try {
    const quiet = await other.raw();
    const verbose = await other.raw({ verbose: true });
    quiet.send('SUB low 1\r\n');
    verbose.send('SUB high 1\r\n');
    await Promise.all([quiet.pingPong(), verbose.pingPong()]);
    const asked = broker.packets('subscribe').flatMap((packet) => packet.subscriptions);
    assert.equal(asked.find((one) => one.topic === 'low')?.qos, 0);
    assert.equal(asked.find((one) => one.topic === 'high')?.qos, 1);
    assert.deepEqual(broker.violations, []);
  } finally {
    await other.stop();
  }
});

test('pub/sub: +OK to a publication waits for the PUBACK', async () => {
  const broker = await ScriptedBroker.start();
  const other = await Scene.start(broker, { upstream: { probe: false } });
  try {
    const client = await other.raw({ verbose: true });
    broker.holdPubacks();
    client.send('PUB held 1\r\na\r\nPUB held 1\r\nb\r\n');
    await waitFor(() => broker.heldAcks('puback') === 2);
    assert.equal(client.unread.toString(), '');
    broker.releasePubacks();
    await client.expect('+OK\r\n+OK\r\n');
  } finally {
    await other.stop();
  }
});

test('wildcards: * is one token, > one or more, as the matching filters of MQTT', async () => {
  const nats = await scene.nats();
  const device = await scene.device();
  const star = await collect(nats, 'wild.*.c');
  const full = await collect(nats, 'wild.>');
  for (const topic of ['wild/b/c', 'wild/c', 'wild/b/b/c', 'wild/b/d', 'wild', 'wild/']) {
    await device.publish(topic, topic);
  }
  await waitFor(() => full.messages.length >= 5);
  await nats.flush();
  assert.deepEqual(star.texts, ['wild/b/c']);
  assert.deepEqual(full.texts, ['wild/b/c', 'wild/c', 'wild/b/b/c', 'wild/b/d', 'wild/']);
});

test('wildcards: foo.> does not deliver foo, although the filter foo/# matches it', async () => {
  const client = await scene.raw();
  client.send('SUB parent.> 1\r\nSUB parent.*.> 2\r\nSUB > 3\r\n');
  await client.pingPong();
  const device = await scene.device();
  for (const topic of ['parent', 'parent/x', 'parent/x/y']) await device.publish(topic, '');
  await client.expect('MSG parent 3 0\r\n\r\n');
  await client.readUntil('MSG parent.x.y 3 0\r\n\r\n');
  client.send('PUB parent 0\r\n\r\n');
  assert.equal(await received(client), 'MSG parent 3 0\r\n\r\n');
});

test('wildcards: a wildcard at the front sees no topic that begins with $, a literal one does', async () => {
  const client = await scene.raw();
  client.send('SUB > 1\r\nSUB *.x 2\r\nSUB $DEV.x 3\r\n');
  await client.pingPong();
  const device = await scene.device();
  await device.publish('$DEV/x', 'a');
  await device.publish('after/x', 'b');
  const text = (await client.readUntil(/after\.x \d 1\r\nb\r\nMSG after\.x \d 1\r\nb\r\n/)).toString();
  assert.equal(text.match(/MSG \$DEV/g)?.length, 1);
  assert.match(text, /MSG \$DEV\.x 3 1\r\na\r\n/);
});

test('overlap: every matching subscription gets exactly one copy', async () => {
  const client = await scene.raw();
  const subjects = ['lap.a.b', 'lap.*.b', 'lap.a.*', 'lap.>', '*.a.b', '>', 'lap.a.b', 'lap.*.*'];
  client.send(subjects.map((subject, sid) => `SUB ${subject} ${sid}\r\n`).join(''));
  await client.pingPong();
  const device = await scene.device();
  for (let round = 0; round < 20; round++) {
    await device.publish('lap/a/b', String(round), { qos: round % 2 === 0 ? 0 : 1 });
  }
  const text =
    (await client.readUntil(/(?:MSG lap\.a\.b \d 2\r\n19\r\n(?:.|\s)*){8}/)).toString() +
    (await received(client));
  for (const [sid] of subjects.entries()) {
    const bodies = [...text.matchAll(new RegExp(`MSG lap\\.a\\.b ${sid} \\d+\\r\\n(\\d+)\\r\\n`, 'g'))];
    assert.deepEqual(
      bodies.map((match) => Number(match[1])),
      Array.from({ length: 20 }, (_, round) => round),
      `sid ${sid}`,
    );
  }
});

test('overlap: a client receives its own publications, unless it asked for echo:false', async () => {
  const device = await scene.device();
  await device.subscribe('echo/#');
  const echoing = await scene.raw();
  const silent = await scene.raw({ echo: false });
  for (const client of [echoing, silent]) client.send('SUB echo.> 1\r\n');
  await Promise.all([echoing.pingPong(), silent.pingPong()]);
  silent.send('PUB echo.silent 1\r\ns\r\n');
  await echoing.expect('MSG echo.silent 1 1\r\ns\r\n');
  echoing.send('PUB echo.echoing 1\r\ne\r\n');
  await silent.expect('MSG echo.echoing 1 1\r\ne\r\n');
  await echoing.expect('MSG echo.echoing 1 1\r\ne\r\n');
  assert.equal(await received(silent), '');
  assert.deepEqual([(await device.next()).text, (await device.next()).text], ['s', 'e']);
});

test('sids: a sid in use again is answered and changes nothing, as in nats-server', async () => {
  const client = await scene.raw({ verbose: true });
  client.send('SUB sid.first 7\r\nSUB sid.second 7\r\n');
  await client.expect('+OK\r\n+OK\r\n');
  const device = await scene.device();
  await device.publish('sid/second', 'no');
  await device.publish('sid/first', 'yes');
  await client.expect('MSG sid.first 7 3\r\nyes\r\n');
  client.send('UNSUB 7\r\nSUB sid.second 7\r\n');
  await client.expect('+OK\r\n+OK\r\n');
  await device.publish('sid/first', 'no');
  await device.publish('sid/second', 'yes');
  await client.expect('MSG sid.second 7 3\r\nyes\r\n');
});

test('unsub: a limit counts from SUB on and ends the subscription at once', async () => {
  const client = await scene.raw();
  const device = await scene.device();
  client.send('SUB max.a 1\r\nUNSUB 1 2\r\nSUB max.a 2\r\n');
  await client.pingPong();
  for (const text of ['1', '2', '3']) await device.publish('max/a', text);
  const text = (await client.readUntil('MSG max.a 2 1\r\n3\r\n')).toString();
  assert.equal(text.match(/MSG max\.a 1 /g)?.length, 2);
  // Two have come: a limit of two or less ends it now, a higher one leaves the difference.
  client.send('SUB max.b 3\r\n');
  await client.pingPong();
  for (const body of ['1', '2']) await device.publish('max/b', body);
  await client.readUntil('MSG max.b 3 1\r\n2\r\n');
  client.send('UNSUB 3 3\r\n');
  await client.pingPong();
  for (const body of ['3', '4']) await device.publish('max/b', body);
  await device.publish('max/a', 'end');
  assert.equal(
    (await client.readUntil('end\r\n')).toString(),
    'MSG max.b 3 1\r\n3\r\nMSG max.a 2 3\r\nend\r\n',
  );
});

test('unsub: nothing is delivered after the +OK, and the filter is given back to the broker', async () => {
  const broker = await ScriptedBroker.start();
  const other = await Scene.start(broker, { upstream: { probe: false } });
  try {
    const client = await other.raw({ verbose: true });
    client.send('SUB gone 1\r\nSUB stays 2\r\nSUB stays 3\r\n');
    await client.expect('+OK\r\n+OK\r\n+OK\r\n');
    broker.holdAcks('unsuback');
    client.send('UNSUB 1\r\n');
    await waitFor(() => broker.heldAcks('unsuback') === 1);
    assert.equal(client.unread.toString(), '');
    broker.releaseAcks('unsuback');
    await client.expect('+OK\r\n');
    client.send('UNSUB 2\r\n');
    await client.expect('+OK\r\n');
    assert.deepEqual(
      broker.filters.filter((filter) => !filter.startsWith('_NMG/')),
      ['stays'],
    );
    broker.publish({ topic: 'stays', payload: Buffer.from('x') });
    await client.expect('MSG stays 3 1\r\nx\r\n');
    assert.deepEqual(broker.violations, []);
  } finally {
    await other.stop();
  }
});

test('unsub: many subscriptions come and go on one filter without a lost or a late message', async () => {
  const client = await scene.raw();
  const device = await scene.device();
  for (let round = 0; round < 30; round++) {
    client.send(`SUB churn.a ${round}\r\n`);
    if (round > 0) client.send(`UNSUB ${round - 1}\r\n`);
    await client.pingPong();
    await device.publish('churn/a', String(round));
    await client.expect(`MSG churn.a ${round} ${String(round).length}\r\n${round}\r\n`);
  }
});
