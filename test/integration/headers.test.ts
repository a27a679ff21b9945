/** NATS headers and MQTT user properties, with everything that clients and devices may put into them. */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { Empty, headers } from '@nats-io/transport-node';
import { type Mosquitto, startMosquitto } from '../support/mosquitto.ts';
import { collect } from '../support/nats.ts';
import type { RawClient } from '../support/raw-client.ts';
import { Scene } from '../support/scene.ts';
import { ScriptedBroker } from '../support/scripted-broker.ts';

let scene: Scene<Mosquitto>;

before(async () => {
  scene = await Scene.start(await startMosquitto());
});
afterEach(() => scene.closeClients());
after(() => scene.stop());

function hpub(subject: string, block: string | Buffer, payload = 'x'): Buffer {
  const bytes = Buffer.from(block);
  const line = `HPUB ${subject} ${bytes.length} ${bytes.length + payload.length}\r\n`;
  return Buffer.concat([Buffer.from(line), bytes, Buffer.from(`${payload}\r\n`)]);
}

/** The block of the next HMSG, whose payload is `x`. */
async function nextBlock(client: RawClient): Promise<Buffer> {
  const line = await client.expect(/HMSG \S+ \S+ (?:\S+ )?\d+ \d+\r\n/);
  const [block = '0', total = '0'] = line.trim().split(' ').slice(-2);
  const bytes = await client.readBytes(Number(total) + 2);
  assert.equal(bytes.subarray(Number(block)).toString(), 'x\r\n');
  return bytes.subarray(0, Number(block));
}

/** Blocks that a user property per line holds exactly. */
const PLAIN: readonly (readonly [what: string, lines: readonly string[]])[] = [
  ['one line', ['a: 1']],
  ['many lines in order', ['z: 1', 'a: 2', 'M: 3']],
  ['repeats', ['a: 1', 'a: 2', 'a: 1', 'b: 3']],
  ['names that differ in case', ['a: 1', 'A: 2']],
  ['an empty value', ['a: ']],
  ['colons in the value', ['url: http://h:1/x?y=a:b']],
  ['blanks around the value', ['a:   x  y  ']],
  ['text that is not ASCII', ['name: Küche 🌡️']],
  ['names of all allowed characters', ["!#$%&'*+-.^_`|~09az: x"]],
  ['48 lines', Array.from({ length: 48 }, (_, i) => `h${i}: ${i}`)],
];

for (const [what, lines] of PLAIN) {
  test(`headers: ${what} cross to devices as user properties, and unchanged to NATS`, async () => {
    const device = await scene.device();
    await device.subscribe('plain/x');
    const client = await scene.raw();
    client.send('SUB plain.x 1\r\n');
    const block = `NATS/1.0\r\n${lines.join('\r\n')}\r\n\r\n`;
    client.send(hpub('plain.x', block));
    assert.equal((await nextBlock(client)).toString(), block);
    const seen: string[] = [];
    for (const [name, value] of Object.entries((await device.next()).properties.userProperties ?? {})) {
      for (const one of [value].flat()) seen.push(`${name}: ${one}`);
    }
    assert.deepEqual(seen, lines);
  });
}

/** Blocks that are lists of properties like any other, but not for the object that MQTT.js makes of such a list. */
const NO_OBJECT = new Set([
  'repeats that are no neighbours',
  'a number as name behind another',
  'the name __proto__',
  'an empty first value of two',
]);

const RAW: readonly (readonly [what: string, block: string | Buffer])[] = [
  ['a status line', 'NATS/1.0 503\r\n\r\n'],
  ['a status with text and a header', 'NATS/1.0 100 Idle Heartbeat\r\nNats-Last-Consumer: 8\r\n\r\n'],
  ['no line at all', 'NATS/1.0\r\n\r\n'],
  ['repeats that are no neighbours', 'NATS/1.0\r\na: 1\r\nb: 2\r\na: 3\r\n\r\n'],
  ['a number as name behind another', 'NATS/1.0\r\nb: 2\r\n1: 3\r\n\r\n'],
  ['the name __proto__', 'NATS/1.0\r\n__proto__: 1\r\nb: 2\r\n\r\n'],
  ['an empty first value of two', 'NATS/1.0\r\na: \r\na: 2\r\n\r\n'],
  ['no blank behind the colon', 'NATS/1.0\r\na:1\r\n\r\n'],
  ['a line without colon', 'NATS/1.0\r\nnonsense\r\n\r\n'],
  ['bare line feeds', 'NATS/1.0\na: 1\n\n'],
  ['a TAB in a value', 'NATS/1.0\r\na: 1\t2\r\n\r\n'],
  ['a NUL in a value', 'NATS/1.0\r\na: 1\u00002\r\n\r\n'],
  ['a bare CR in a value', 'NATS/1.0\r\na: 1\r2\r\n\r\n'],
  ['bytes that are no UTF-8', Buffer.from('NATS/1.0\r\na: \xff\xfe\r\n\r\n', 'latin1')],
  ['garbage', Buffer.from([0, 1, 2, 255, 13, 10, 13, 10])],
  ['a wrong version', 'NATS/2.0\r\na: 1\r\n\r\n'],
  ['bytes behind the end', 'NATS/1.0\r\na: 1\r\n\r\nMSG forged 1 0\r\n\r\n'],
  ['no end', 'NATS/1.0\r\na: 1\r\n'],
  ['a value of 70 KB', `NATS/1.0\r\nbig: ${'v'.repeat(70_000)}\r\nb: 2\r\n\r\n`],
  ['a name of 70 KB', `NATS/1.0\r\n${'n'.repeat(70_000)}: 1\r\n\r\n`],
  ['60 lines', `NATS/1.0\r\n${Array.from({ length: 60 }, (_, i) => `h${i}: ${i}\r\n`).join('')}\r\n`],
  ['2,000 lines', `NATS/1.0\r\n${Array.from({ length: 2_000 }, (_, i) => `h${i}: ${i}\r\n`).join('')}\r\n`],
  ['700 KB of lines', `NATS/1.0\r\n${'a: 1234567890\r\n'.repeat(50_000)}\r\n`],
];

for (const [what, block] of RAW) {
  test(`headers: a block with ${what} reaches NATS unchanged, and the neighbours undisturbed`, async () => {
    const client = await scene.raw();
    const other = await scene.raw();
    const device = await scene.device();
    await device.subscribe('raw/#');
    for (const one of [client, other]) one.send('SUB raw.> 1\r\n');
    await other.pingPong();
    client.send(hpub('raw.x', block));
    client.send('PUB raw.after 1\r\nx\r\n');
    for (const one of [client, other]) {
      assert.deepEqual(await nextBlock(one), Buffer.from(block));
      await one.expect('MSG raw.after 1 1\r\nx\r\n');
    }
    const { userProperties = {} } = (await device.next()).properties;
    const isList = scene.gateway.config.upstream.isFastPath && NO_OBJECT.has(what);
    assert.equal('nmg-headers' in userProperties, !isList);
    // What a device can be shown is shown.
    if (what === '60 lines') assert.equal(userProperties.h7, '7');
    assert.equal((await device.next()).topic, 'raw/after');
  });
}

test('headers: nats.js finds what it has set, also an empty payload', async () => {
  const nats = await scene.nats();
  const collected = await collect(nats, 'js.x');
  const block = headers(200, 'fine');
  block.append('a', '1');
  block.append('a', '2');
  block.append('b', 'ü');
  nats.publish('js.x', Empty, { headers: block });
  const message = await collected.next();
  assert.equal(message.data.length, 0);
  assert.deepEqual(message.headers?.values('a'), ['1', '2']);
  assert.equal(message.headers?.get('b'), 'ü');
  assert.equal(message.headers?.code, 200);
});

test('headers: nmg- names are never taken from clients, nor shown to them', async () => {
  const device = await scene.device();
  await device.subscribe('own/x');
  const client = await scene.raw();
  const quiet = await scene.raw({ echo: false });
  for (const one of [client, quiet]) one.send('SUB own.x 1\r\n');
  await Promise.all([client.pingPong(), quiet.pingPong()]);
  // Forged marks: neither may keep a message from somebody, nor replace its headers.
  quiet.send('PUB own.x 1\r\nx\r\n');
  await client.expect('MSG own.x 1 1\r\nx\r\n');
  const origin = String((await device.next()).properties.userProperties?.['nmg-origin']);
  assert.ok(origin.length >= 12);
  const forged = `NATS/1.0\r\nnmg-origin: ${origin}\r\na: 1\r\n\r\n`;
  client.send(hpub('own.x', forged));
  const properties = (await device.next()).properties.userProperties ?? {};
  assert.equal(properties['nmg-origin'], undefined);
  assert.equal(properties.a, '1');
  // A gateway uses the raw form, in which the line is plain text.
  assert.equal((await nextBlock(quiet)).toString(), forged);
  assert.equal((await nextBlock(client)).toString(), forged);
});

test('headers: nmg- properties of a device are not shown', async () => {
  const nats = await scene.nats();
  const collected = await collect(nats, 'dev.nmg');
  const device = await scene.device();
  await device.publish('dev/nmg', 'x', {
    properties: {
      userProperties: { 'nmg-origin': 'guess', 'nmg-other': '1', 'nmg-headers': '!!!', plain: '2' },
    },
  });
  const message = await collected.next();
  assert.deepEqual([...(message.headers?.keys() ?? [])], ['plain']);
});

test('headers: user properties of devices arrive in order, repeats and empty values kept', async () => {
  const client = await scene.raw();
  client.send('SUB dev.props 1\r\n');
  await client.pingPong();
  const device = await scene.device();
  const userProperties = { b: ['2', '1', '2'], a: '', url: 'http://x:1', text: 'Küche' };
  await device.publish('dev/props', 'x', { properties: { userProperties } });
  assert.equal(
    (await nextBlock(client)).toString(),
    'NATS/1.0\r\nb: 2\r\nb: 1\r\nb: 2\r\na: \r\nurl: http://x:1\r\ntext: Küche\r\n\r\n',
  );
});

test('headers: what a device puts into names and values cannot inject a header or an operation', async () => {
  // Mosquitto refuses control characters in properties; brokers that do not check are played by the scripted one.
  const broker = await ScriptedBroker.start();
  const own = await Scene.start(broker, { upstream: { probe: false } });
  try {
    const client = await own.raw();
    client.send('SUB evil 1\r\n');
    await client.pingPong();
    const { dropped } = own.gateway.gateway.status().counters;
    const bad = {
      lf: 'a\nInjected: 1',
      crlf: 'a\r\n\r\nMSG forged 1 0\r\n\r\n',
      'na\r\nme': '1',
      'na:me': '1',
      'na me': '1',
      '': '1',
    };
    const good = { tab: 'a\tb', nul: 'a\u0000b', plain: '1' };
    broker.publish({
      topic: 'evil',
      payload: Buffer.from('x'),
      properties: { userProperties: { ...bad, ...good }, contentType: 'a\r\nInjected: 2' },
    });
    const block = (await nextBlock(client)).toString();
    assert.equal(block, 'NATS/1.0\r\ntab: a\tb\r\nnul: a\u0000b\r\nplain: 1\r\n\r\n');
    assert.equal(dropped.get('invalid_property'), Object.keys(bad).length + 1);
    assert.equal((await client.pingPong()).toString(), 'PONG\r\n');
  } finally {
    await own.stop();
  }
});

test('headers: a device may send more properties than a broker would take from us', async () => {
  const nats = await scene.nats();
  const collected = await collect(nats, 'dev.many');
  const device = await scene.device();
  const entries = Array.from({ length: 200 }, (_, i) => [`p${i}`, `${i}`] as const);
  await device.publish('dev/many', 'x', { properties: { userProperties: Object.fromEntries(entries) } });
  const message = await collected.next();
  for (const [name, value] of entries) assert.equal(message.headers?.get(name), value);
});

test('headers: a client that did not ask for headers gets the message without them', async () => {
  const client = await scene.raw({ headers: false, no_responders: false });
  client.send('SUB old.x 1\r\n');
  await client.pingPong();
  const device = await scene.device();
  await device.publish('old/x', 'x', { properties: { userProperties: { a: '1' }, contentType: 't' } });
  await client.expect('MSG old.x 1 1\r\nx\r\n');
});
