/** Names and headers that try to become something else: wildcards, `$share`, other topics, other header lines. */
import assert from 'node:assert/strict';
import { after, beforeEach, test } from 'node:test';
import { connectDevice } from '../support/device.ts';
import { type RunningGateway, startGateway } from '../support/gateway.ts';
import { type Mosquitto, startMosquitto } from '../support/mosquitto.ts';
import { ScriptedBroker } from '../support/scripted-broker.ts';
import { waitFor } from '../support/wait-for.ts';
import { connectClient, droppedFor } from './clients.ts';

const open: { stop(): Promise<unknown> }[] = [];
after(async () => {
  for (const one of open.reverse()) await one.stop();
});

function stopLater<T extends { stop(): Promise<unknown> }>(one: T): T {
  open.push(one);
  return one;
}

const scripted = stopLater(await ScriptedBroker.start());
const gateway = stopLater(await startGateway({ upstream: { url: scripted.url, probe: false } }));

beforeEach(() => {
  scripted.log.length = 0;
});

/** Topics published and filters subscribed since the test began, the gateway's own left out. */
function seenByBroker(): string[] {
  const publications = scripted.packets('publish').map(({ topic, properties }) => {
    return properties?.responseTopic === undefined ? topic : `${topic} → ${properties.responseTopic}`;
  });
  const filters = scripted
    .packets('subscribe')
    .flatMap(({ subscriptions }) => subscriptions.map(({ topic }) => topic));
  return [...publications, ...filters].filter((name) => !name.startsWith('_NMG/'));
}

const refusedPub = (name: string): string => `-ERR 'Permissions Violation for Publish to "${name}"'\r\n`;
const refusedReply = (name: string): string =>
  `-ERR 'Permissions Violation for Publish with Reply of "${name}"'\r\n`;
const refusedSub = (name: string): string => `-ERR 'Permissions Violation for Subscription to "${name}"'\r\n`;

/** Operation, what the client is told (quoted as Go's `%q` does), what the broker sees. */
const NAMES: readonly (readonly [string, string, string[]])[] = [
  ['PUB a.+ 0\r\n\r\n', '', ['a/%2B']],
  ['PUB # 0\r\n\r\n', '', ['%23']],
  ['PUB + 0\r\n\r\n', '', ['%2B']],
  ['PUB a/b 0\r\n\r\n', '', ['a%2Fb']],
  ['PUB a.* 0\r\n\r\n', '', ['a/*']],
  ['PUB a.> 0\r\n\r\n', '', ['a/>']],
  ['PUB $share.g.x 0\r\n\r\n', refusedPub('$share.g.x'), []],
  ['PUB $SYS.broker 0\r\n\r\n', refusedPub('$SYS.broker'), []],
  ['PUB $CONTROL.dynamic-security.v1 0\r\n\r\n', refusedPub('$CONTROL.dynamic-security.v1'), []],
  ['PUB _NMG.x 0\r\n\r\n', refusedPub('_NMG.x'), []],
  ['PUB a\x01b 0\r\n\r\n', refusedPub('a\\x01b'), []],
  ['PUB a\x00b 0\r\n\r\n', refusedPub('a\\x00b'), []],
  ['PUB a..b 0\r\n\r\n', '', []],
  ['SUB a.+ 1\r\n', '', ['a/%2B']],
  ['SUB # 2\r\n', '', ['%23']],
  ['SUB + 3\r\n', '', ['%2B']],
  ['SUB a/b 4\r\n', '', ['a%2Fb']],
  ['SUB $share.g.x 5\r\n', refusedSub('$share.g.x'), []],
  ['SUB $queue.x 6\r\n', refusedSub('$queue.x'), []],
  ['SUB _NMG.x 7\r\n', refusedSub('_NMG.x'), []],
  ['SUB _NMG.> 8\r\n', refusedSub('_NMG.>'), []],
  ['SUB a\x7fb 9\r\n', refusedSub('a\\x7fb'), []],
  ['SUB x q/+# 10\r\n', '', ['$share/q%2F%2B%23/x']],
  ['SUB y g/#/x 11\r\n', '', ['$share/g%2F%23%2Fx/y']],
  ['PUB a r.* 0\r\n\r\n', '', ['a → r/*']],
  ['PUB a r.> 0\r\n\r\n', '', ['a → r/>']],
  ['PUB a r.+ 0\r\n\r\n', '', ['a → r/%2B']],
  ['PUB a $CONTROL.x 0\r\n\r\n', refusedReply('$CONTROL.x'), []],
  ['PUB a $share.g.x 0\r\n\r\n', refusedReply('$share.g.x'), []],
  ['PUB a _NMG.x 0\r\n\r\n', refusedReply('_NMG.x'), []],
  ['PUB _MR_.AA.$CONTROL.x 0\r\n\r\n', refusedPub('_MR_.AA.$CONTROL.x'), []],
];

test('names: none becomes a wildcard, a shared subscription or a topic of the broker’s or the gateway’s own', async () => {
  for (const [operation, answer, seen] of NAMES) {
    scripted.log.length = 0;
    const client = await connectClient(gateway);
    client.send(`${operation}PING\r\n`);
    await client.expect(`${answer}PONG\r\n`);
    assert.deepEqual(seenByBroker(), seen, JSON.stringify(operation));
    await client.close();
  }
  assert.deepEqual(scripted.violations, []);
});

test('names that are not UTF-8: refused, and written as nats-server quotes them', async () => {
  const client = await connectClient(gateway);
  client.send(
    Buffer.from('PUB a\xff\xfe 0\r\n\r\nSUB b\xc3 1\r\nSUB c q\xff 2\r\nPUB d r\xff 0\r\n\r\n', 'latin1'),
  );
  const answer = (await client.pingPong()).toString('latin1');
  const refusedQueue = `-ERR 'Permissions Violation for Subscription to "c" using queue "q\\xff"'\r\n`;
  const expected = refusedPub('a\\xff\\xfe') + refusedSub('b\\xc3') + refusedQueue + refusedReply('r\\xff');
  assert.equal(answer, `${expected}PONG\r\n`);
  assert.deepEqual(seenByBroker(), []);
  await client.close();
});

test('names: a device that sees everything sees nothing that was refused, and its own messages are not touched', async () => {
  const mqtt = stopLater(await startMosquitto());
  const real = stopLater(await startGateway({ upstream: { url: mqtt.url, probe: false } }));
  const device = await connectDevice(mqtt.url);
  stopLater({ stop: () => device.close(true) });
  await device.subscribe('#');
  await device.subscribe('$CONTROL/#');
  const neighbour = await connectClient(real);
  neighbour.send('SUB neighbour 1\r\n');
  await neighbour.pingPong();
  for (const [operation] of NAMES) {
    const client = await connectClient(real);
    client.send(operation);
    await client.pingPong();
    await client.close();
  }
  await device.settle();
  const seen = new Set(
    device.messages.map(({ topic }) => topic).filter((topic) => !topic.startsWith('_NMG/')),
  );
  assert.deepEqual(seen, new Set(['a/%2B', '%23', '%2B', 'a%2Fb', 'a/*', 'a/>', 'a']));
  assert.equal(neighbour.unread.toString(), '');
  await device.publish('neighbour', 'x');
  await neighbour.expect('MSG neighbour 1 1\r\nx\r\n');
  await neighbour.close();
});

const LARGE = 'v'.repeat(70_000);

/** Header blocks as they stand in HPUB; every one must reach another NATS client byte for byte. */
const BLOCKS: readonly (readonly [string, string])[] = [
  ['two lines where one looks harmless', 'NATS/1.0\r\nA: b\r\nInjected: c\r\n\r\n'],
  ['bare CR', 'NATS/1.0\r\nA: b\rInjected: c\r\n\r\n'],
  ['bare LF', 'NATS/1.0\r\nA: b\nInjected: c\r\n\r\n'],
  ['TAB', 'NATS/1.0\r\nA: b\tc\r\n\r\n'],
  ['NUL', 'NATS/1.0\r\nA: b\0c\r\n\r\n'],
  ['70 KB', `NATS/1.0\r\nA: ${LARGE}\r\n\r\n`],
  ['not UTF-8', 'NATS/1.0\r\nA: \xff\xfe\r\n\r\n'],
  ['no block at all', 'rubbish'],
  ['a reserved name', 'NATS/1.0\r\nnmg-headers: AAAA\r\nnmg-origin: x\r\n\r\n'],
  ['a name of JavaScript', 'NATS/1.0\r\n__proto__: x\r\nconstructor: y\r\n\r\n'],
  ['60 lines', `NATS/1.0\r\n${'A: b\r\n'.repeat(60)}\r\n`],
  ['an end in the middle', 'NATS/1.0\r\n\r\nA: b\r\n\r\n'],
];

async function exchangeBlocks(real: RunningGateway, mqtt: Mosquitto): Promise<void> {
  const device = await connectDevice(mqtt.url);
  stopLater({ stop: () => device.close(true) });
  await device.subscribe('h');
  const reader = await connectClient(real, { headers: true });
  reader.send('SUB h 1\r\n');
  await reader.pingPong();
  const writer = await connectClient(real, { headers: true });
  for (const [name, block] of BLOCKS) {
    const bytes = Buffer.from(block, 'latin1');
    writer.send(
      Buffer.concat([
        Buffer.from(`HPUB h ${bytes.length} ${bytes.length + 2}\r\n`),
        bytes,
        Buffer.from('hi\r\n'),
      ]),
    );
    await writer.pingPong();
    const frame = Buffer.concat([
      Buffer.from(`HMSG h 1 ${bytes.length} ${bytes.length + 2}\r\n`),
      bytes,
      Buffer.from('hi\r\n'),
    ]);
    const received = await reader.readBytes(frame.length);
    assert.ok(
      received.equals(frame),
      `${name}: ${JSON.stringify(received.toString('latin1').slice(0, 200))}`,
    );
    const { properties, text } = await device.next();
    assert.equal(text, 'hi', name);
    for (const value of Object.values(properties.userProperties ?? {}).flat()) {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
      assert.doesNotMatch(value, /[\0-\x1f\x7f]/, `${name}: a control character reaches a device`);
    }
  }
  assert.deepEqual([reader.unread.length, device.messages.length], [0, 0]);
  await writer.close();
  await reader.close();
}

test('headers: NATS clients exchange any block unchanged, devices see no control character, Mosquitto cuts nobody', async () => {
  const mqtt = stopLater(await startMosquitto());
  const real = stopLater(await startGateway({ upstream: { url: mqtt.url, probe: false } }));
  await exchangeBlocks(real, mqtt);
  assert.equal(real.gateway.status().counters.upstreamDisconnects, 0);
});

test('control headers with hostile values: ignored and counted, or refused; no topic of theirs is used', async () => {
  const before = gateway.gateway.status().counters.dropped.get('invalid_control_header') ?? 0;
  const client = await connectClient(gateway, { headers: true });
  const lines = [
    'Mqtt-Response-Topic: a/#',
    'Mqtt-Response-Topic: $CONTROL/x',
    'Mqtt-Response-Topic: a\0b',
    'Mqtt-Qos: 7',
  ];
  for (const line of lines) {
    const block = `NATS/1.0\r\n${line}\r\n\r\n`;
    client.send(`HPUB c ${block.length} ${block.length}\r\n${block}\r\n`);
  }
  await client.pingPong();
  assert.deepEqual(seenByBroker(), ['c', 'c', 'c', 'c']);
  assert.equal((gateway.gateway.status().counters.dropped.get('invalid_control_header') ?? 0) - before, 4);
  await client.close();
});

test('messages from devices: no property, topic or Response Topic injects a line or an operation', async () => {
  const client = await connectClient(gateway, { headers: true });
  const neighbour = await connectClient(gateway);
  client.send('SUB > 1\r\n');
  await client.pingPong();
  const payload = Buffer.from('x');
  const dropped = () => ({
    topic: droppedFor(gateway, 'untranslatable'),
    property: droppedFor(gateway, 'invalid_property'),
    reply: droppedFor(gateway, 'reply_untranslatable'),
  });
  const before = dropped();
  // A broker that checks nothing: what Mosquitto would refuse arrives here.
  for (const topic of ['a\r\nPING\r\nb', 'a\tb', 'a\nb', 'a\0b', 'a/+/b', 'a/#'])
    scripted.publish({ topic, payload });
  const userProperties = {
    fine: '1',
    bad: 'x\r\nInjected: y',
    'bad name': 'x',
    'bad\r\nname': 'x',
    '': 'x',
    lf: 'x\ny',
  };
  scripted.publish({ topic: 'p', payload, properties: { userProperties } });
  scripted.publish({
    topic: 'r',
    payload,
    properties: { responseTopic: 'a b\r\nPUB c 0', correlationData: Buffer.from('\r\n') },
  });
  scripted.publish({ topic: 's', payload, properties: { responseTopic: '$CONTROL/x' } });
  scripted.publish({ topic: 't', payload, properties: { contentType: 'text\r\nInjected: y' } });
  scripted.publish({
    topic: 'u',
    payload,
    properties: { userProperties: { 'nmg-headers': '!!!', 'nmg-origin': 'x' } },
  });
  scripted.publish({ topic: 'end', payload });
  const received = (await client.readUntil('MSG end 1 1\r\nx\r\n')).toString();
  const block = 'NATS/1.0\r\nfine: 1\r\n\r\n';
  assert.equal(
    received,
    `HMSG p 1 ${block.length} ${block.length + 1}\r\n${block}x\r\n` +
      'MSG r 1 1\r\nx\r\nMSG s 1 1\r\nx\r\nMSG t 1 1\r\nx\r\nMSG u 1 1\r\nx\r\nMSG end 1 1\r\nx\r\n',
  );
  const after = dropped();
  assert.deepEqual(
    [after.topic - before.topic, after.property - before.property, after.reply - before.reply],
    [6, 7, 2],
  );
  await waitFor(() => gateway.logLines('message.dropped').length > 0);
  assert.doesNotMatch(gateway.logText, /\nPING/, 'nor does a topic inject a log line');
  await neighbour.pingPong();
  await neighbour.close();
  await client.close();
});
