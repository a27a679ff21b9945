/**
 * What must hold for messages on every broker, and where it cannot, what users get in its place. Each function tests one
 * promise and reads from the broker's row which of the two it is.
 */

import assert from 'node:assert/strict';
import { headers, type RequestOptions, TimeoutError } from '@nats-io/transport-node';
import type { Device } from '../../support/device.ts';
import { type Collected, collect } from '../../support/nats.ts';
import type { Scene } from '../../support/scene.ts';
import { waitFor } from '../../support/wait-for.ts';
import { type Behaviour, type BrokerRow, hasWildcards, lacks } from './brokers.ts';

const COUNT = 30;
const NUMBERS = Array.from({ length: COUNT }, (_, index) => String(index));
/** Long enough for an answer, short enough to wait for none. */
const NO_ANSWER_MS = 300;
const ANSWER_MS = 3_000;
const NO_RESPONDERS = { name: 'RequestError', message: /^no responders/ };

const deviceOf = (scene: Scene, { version }: BrokerRow): Promise<Device> =>
  scene.device({ protocolVersion: version });

/** Publishes the numbers, one after the other, with the best QoS there is. */
async function publishNumbers(device: Device, row: BrokerRow, topic: string): Promise<void> {
  const qos = lacks(row, 'no_qos_1') ? 0 : 1;
  for (const number of NUMBERS) await device.publish(topic, number, { qos });
}

/** The library asks with one wildcard subscription for all answers unless told otherwise. */
const requestOptions = (row: BrokerRow, timeout: number): RequestOptions => ({
  timeout,
  noMux: !hasWildcards(row),
});

/** The first subscription of a client to a filter gets it everywhere, a further one where copies name their subscription. */
const retainedArrive: Behaviour = async (scene, row) => {
  if (lacks(row, 'no_retain')) return;
  const device = await deviceOf(scene, row);
  await device.publish('kept/x', 'k', { qos: 0, retain: true });
  await device.settle();
  const client = await scene.raw();
  const delivery = (sid: number): RegExp =>
    new RegExp(`HMSG kept\\.x ${sid} \\d+ \\d+\\r\\nNATS/1\\.0\\r\\nMqtt-Retained: true\\r\\n\\r\\nk\\r\\n`);
  client.send('SUB kept.x 1\r\n');
  await client.readUntil(delivery(1));
  client.send('SUB kept.x 2\r\n');
  const hasIdentifiers = !lacks(row, 'no_identifiers');
  if (hasIdentifiers) await client.readUntil(delivery(2));
  // Nothing comes twice, and nothing more comes.
  assert.doesNotMatch((await client.pingPong()).toString(), /MSG/);
  await device.publish('kept/x', '', { qos: 0, retain: true });
  await device.settle();
};

const messagesCross: Behaviour = async (scene, row) => {
  const client = await scene.raw({ verbose: true });
  const device = await deviceOf(scene, row);
  await device.subscribe('cross/out');
  client.send('SUB cross.in 1\r\n');
  await client.expect('+OK\r\n');
  await publishNumbers(device, row, 'cross/in');
  for (const number of NUMBERS) await client.expect(`MSG cross.in 1 ${number.length}\r\n${number}\r\n`);
  client.send(NUMBERS.map((number) => `PUB cross.out ${number.length}\r\n${number}\r\n`).join(''));
  await client.expect('+OK\r\n'.repeat(COUNT));
  const texts = [];
  for (const _ of NUMBERS) texts.push((await device.next()).text);
  assert.deepEqual(texts, NUMBERS);
};

/** Every NATS subscription gets one copy, however the broker counts. */
const overlapsGetOneCopy: Behaviour = async (scene, row) => {
  const nats = await scene.nats();
  const subjects = hasWildcards(row) ? ['lap.a.b', 'lap.*.b', 'lap.>', 'lap.a.b'] : ['lap.a.b', 'lap.a.b'];
  const all = [];
  for (const subject of subjects) all.push(await collect(nats, subject));
  const device = await deviceOf(scene, row);
  await publishNumbers(device, row, 'lap/a/b');
  // Equal messages in a row, too.
  for (const _ of NUMBERS) await device.publish('lap/a/b', 'same', { qos: 0 });
  for (const one of all) await one.count(2 * COUNT);
  await nats.flush();
  for (const one of all) assert.deepEqual(one.texts, [...NUMBERS, ...NUMBERS.map(() => 'same')]);
};

/** A second CONNECT changes `verbose`, and with it the QoS of what comes after. */
const mixedQoSGetsOneCopy: Behaviour = async (scene, row) => {
  if (!hasWildcards(row)) return;
  const client = await scene.raw();
  client.send('SUB mix.* 1\r\nCONNECT {"verbose":true}\r\nSUB mix.x 2\r\n');
  await client.expect('+OK\r\n+OK\r\n');
  client.send('CONNECT {"verbose":false}\r\n');
  await publishNumbers(await deviceOf(scene, row), row, 'mix/x');
  let text = '';
  for (let count = 0; count < 2 * COUNT; count++) text += await client.readUntil(/MSG .*\r\n.*\r\n/);
  text += await client.pingPong();
  for (const sid of ['1', '2']) {
    const got = [...text.matchAll(new RegExp(`MSG mix\\.x ${sid} \\d+\\r\\n(\\d+)`, 'g'))];
    assert.deepEqual(
      got.map((match) => match[1]),
      NUMBERS,
    );
  }
};

async function sumUp(members: readonly Collected[]): Promise<void> {
  const texts = (): string[] => members.flatMap((member) => member.texts);
  await waitFor(() => texts().length >= COUNT, 5_000, 'all messages');
  for (const member of members) assert.ok(member.messages.length > 0, 'a member got nothing');
  assert.deepEqual(
    texts().sort((a, b) => Number(a) - Number(b)),
    NUMBERS,
  );
}

/** One member per message, whether the broker forms the group or the gateway does; plain clients get all. */
const groupsShare: Behaviour = async (scene, row) => {
  const clients = [await scene.nats(), await scene.nats(), await scene.nats()] as const;
  const members = [
    await collect(clients[0], 'work.x', { queue: 'q' }),
    await collect(clients[1], 'work.x', { queue: 'q' }),
  ];
  // On a client of its own: some brokers mix up what one session has both shared and plain.
  const plain = await collect(clients[2], 'work.x');
  await publishNumbers(await deviceOf(scene, row), row, 'work/x');
  await plain.count(COUNT);
  await Promise.all(clients.map((client) => client.flush()));
  await sumUp(members);
  assert.deepEqual(plain.texts, NUMBERS);
};

/** MQTT 3.1.1 carries no reply subject: the service gets the request and cannot answer. */
const requestsAreAnswered: Behaviour = async (scene, row) => {
  const [service, client] = [await scene.nats(), await scene.nats()];
  const replies: string[] = [];
  service.subscribe('ask', {
    callback: (_error, message) => {
      replies.push(message.reply ?? '');
      message.respond(`re ${message.string()}`);
    },
  });
  await service.flush();
  const isCarried = row.version === 5;
  const request = client.request('ask', 'q', requestOptions(row, isCarried ? ANSWER_MS : NO_ANSWER_MS));
  if (isCarried) assert.equal((await request).string(), 're q');
  else {
    await assert.rejects(request, TimeoutError);
    assert.deepEqual(replies, ['']);
  }
};

const devicesAnswer: Behaviour = async (scene, row) => {
  if (row.version === 4) return;
  const device = await deviceOf(scene, row);
  await device.subscribe('ask/device', { qos: 0 });
  const nats = await scene.nats();
  const request = nats.request('ask.device', 'q', requestOptions(row, ANSWER_MS));
  const { properties, text } = await device.next();
  const { responseTopic = '', correlationData } = properties;
  const answer = { qos: 0, ...(correlationData && { properties: { correlationData } }) } as const;
  await device.publish(responseTopic, `re ${text}`, answer);
  assert.equal((await request).string(), 're q');
};

/** 503 at once where the broker tells; else the request times out. */
const unheardRequestsFail: Behaviour = async (scene, row) => {
  const nats = await scene.nats();
  const tells = row.probe.noMatchingSubscribers === true;
  const request = nats.request('nobody.there', '', requestOptions(row, tells ? ANSWER_MS : NO_ANSWER_MS));
  await assert.rejects(request, tells ? NO_RESPONDERS : TimeoutError);
};

const headersCross: Behaviour = async (scene, row) => {
  const nats = await scene.nats();
  const collected = await collect(nats, 'head.x');
  const device = await deviceOf(scene, row);
  await device.subscribe('head/x');
  const block = headers();
  block.append('Room', 'a');
  block.append('Room', 'b:c');
  nats.publish('head.x', 'x', { headers: block });
  const [message, packet] = [await collected.next(), await device.next()];
  assert.deepEqual([message.string(), packet.text], ['x', 'x']);
  const isCarried = row.version === 5;
  assert.deepEqual(message.headers?.values('Room') ?? [], isCarried ? ['a', 'b:c'] : []);
  assert.deepEqual(packet.properties.userProperties?.Room, isCarried ? ['a', 'b:c'] : undefined);
};

/** PONG means that one's own messages are back; what others have published only where the broker keeps order. */
const flushIsABarrier: Behaviour = async (scene, row) => {
  const client = await scene.raw();
  const digits = NUMBERS.join('');
  for (let round = 0; round < 10; round++) {
    client.send(`SUB flush.${round} ${round}\r\n`);
    client.send([...digits].map((digit) => `PUB flush.${round} 1\r\n${digit}\r\n`).join(''));
    const text = (await client.pingPong()).toString();
    const got = [...text.matchAll(/MSG flush\.\d+ \d+ 1\r\n(\d)\r\n/g)].map((match) => match[1]);
    assert.equal(got.join(''), digits);
  }
  const [sender, receiver] = [await scene.nats(), await scene.nats()];
  const collected = await collect(receiver, 'flush.between');
  for (const number of NUMBERS) sender.publish('flush.between', number);
  await sender.flush();
  if (row.isOrderedAcrossSessions) await receiver.flush();
  else await collected.count(COUNT);
  assert.deepEqual(collected.texts, NUMBERS);
};

/** By what they say. */
export const MESSAGES: Readonly<Record<string, Behaviour>> = {
  'messages cross in both directions': messagesCross,
  'retained messages arrive once': retainedArrive,
  'overlapping subscriptions get one copy each': overlapsGetOneCopy,
  'overlapping subscriptions of different QoS get one copy each': mixedQoSGetsOneCopy,
  'queue groups share': groupsShare,
  'requests are answered': requestsAreAnswered,
  'devices answer requests': devicesAnswer,
  'requests that nobody hears fail': unheardRequestsFail,
  'headers cross': headersCross,
  'flush is a barrier': flushIsABarrier,
};
