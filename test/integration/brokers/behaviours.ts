/**
 * What must hold on every broker, and where it cannot, what users get in its place. Each function tests one promise and
 * reads from the broker's row which of the two it is.
 */
import assert from 'node:assert/strict';
import { headers, type RequestOptions, TimeoutError } from '@nats-io/transport-node';
import type { Device } from '../../support/device.ts';
import { type Collected, collect } from '../../support/nats.ts';
import type { Scene } from '../../support/scene.ts';
import { waitFor } from '../../support/wait-for.ts';
import type { BrokerRow } from './brokers.ts';

/** One promise. */
type Behaviour = (scene: Scene, row: BrokerRow) => Promise<void>;

const COUNT = 30;
const NUMBERS = Array.from({ length: COUNT }, (_, index) => String(index));
/** Long enough for an answer, short enough to wait for none. */
const NO_ANSWER_MS = 300;
const ANSWER_MS = 3_000;
const OLDER = 'the broker speaks only MQTT 3.1.1: set upstream.protocol_version to 4';
const NO_RESPONDERS = { name: 'RequestError', message: /^no responders/ };

const lacks = ({ limitations }: BrokerRow, id: string): boolean => limitations.includes(id);
const hasWildcards = (row: BrokerRow): boolean => !lacks(row, 'no_wildcards');

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

/** The report is what is written in the row; each warning was logged once, and nothing else. */
const probeIsRight: Behaviour = async (scene, row) => {
  const { broker } = scene.gateway.gateway.status();
  assert.deepEqual(broker?.probe, row.probe);
  assert.deepEqual(
    broker?.limitations.map(({ id }) => id),
    row.limitations,
  );
  assert.equal(broker?.isProbed, true);
  assert.equal(broker?.protocolVersion, row.version === 5 ? '5' : '3.1.1');
  const warned = broker?.limitations.filter(({ severity }) => severity === 'warn') ?? [];
  const logged = scene.gateway.logLines().filter(({ level }) => level === 'warn' || level === 'error');
  assert.deepEqual(
    logged.map(({ event, msg }) => [event, msg]),
    warned.map(({ id, meaning }) => [`upstream.${id}`, meaning]),
  );
};

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

/** Carried, or refused with the text that no client takes as fatal; never at the cost of the connection. */
const dollarSubjectsAreSafe: Behaviour = async (scene, row) => {
  const isCarried = row.probe.dollarTopics === 'works';
  for (const verbose of [false, true]) {
    const client = await scene.raw({ verbose });
    client.send('SUB $DATA.x 1\r\n');
    if (verbose) await client.expect('+OK\r\n');
    client.send('PUB $DATA.x 1\r\nd\r\n');
    if (!isCarried) await client.expect(`-ERR 'Permissions Violation for Publish to "$DATA.x"'\r\n`);
    else if (verbose) {
      // With QoS 1 either may come first.
      await client.readUntil(/\+OK\r\nMSG \$DATA\.x 1 1\r\nd\r\n|MSG \$DATA\.x 1 1\r\nd\r\n\+OK\r\n/);
    } else await client.expect('MSG $DATA.x 1 1\r\nd\r\n');
    await client.pingPong();
  }
};

/** As `$`; where the broker changes the name, the message is under the changed one, as the warning says. */
const dotsAreSafe: Behaviour = async (scene, row) => {
  const client = await scene.raw();
  client.send('SUB dot.a%2Eb 1\r\nSUB dot.a.b 2\r\nPUB dot.a%2Eb 1\r\nd\r\n');
  const text = (await client.pingPong()).toString();
  const isRefused = row.probe.dots === 'disconnects';
  const isChanged = row.probe.dots === 'rewritten';
  assert.equal(text.includes(`-ERR 'Permissions Violation for Publish to "dot.a%2Eb"'\r\n`), isRefused);
  assert.equal(text.includes('MSG dot.a%2Eb 1 1\r\nd\r\n'), !isRefused && !isChanged);
  assert.equal(text.includes('MSG dot.a.b 2 1\r\nd\r\n'), isChanged);
  await client.pingPong();
};

const wildcardsAreSafe: Behaviour = async (scene, row) => {
  const client = await scene.raw();
  client.send('SUB wild.* 1\r\nSUB wild.> 2\r\nPUB wild.x 1\r\nw\r\n');
  const text = (await client.pingPong()).toString();
  const refused = [...text.matchAll(/-ERR 'Permissions Violation for Subscription to "wild\.[*>]"'\r\n/g)];
  assert.equal(refused.length, hasWildcards(row) ? 0 : 2);
  assert.equal([...text.matchAll(/MSG wild\.x/g)].length, hasWildcards(row) ? 2 : 0);
};

/** Wildcards see `$` topics where the broker has it so, and nobody gets two copies for it. */
const wildcardsAndDollar: Behaviour = async (scene, row) => {
  if (row.probe.wildcardsMatchDollar === null) return;
  const client = await scene.raw();
  client.send('SUB *.seen 1\r\nSUB $DATA.seen 2\r\nPUB $DATA.seen 1\r\nd\r\n');
  const text = (await client.pingPong()).toString();
  const sids = [...text.matchAll(/MSG \$DATA\.seen (\d) 1\r\nd\r\n/g)].map((match) => match[1]);
  assert.deepEqual(sids.sort(), row.probe.wildcardsMatchDollar ? ['1', '2'] : ['2']);
};

/** What gateways send among themselves is shown to nobody, not even to wildcards that match `$`. */
const probesAreHidden: Behaviour = async (scene, row) => {
  if (!hasWildcards(row)) return;
  const nats = await scene.nats();
  const everything = await collect(nats, '>');
  await scene.otherGateway({ upstream: { protocol_version: row.version } });
  nats.publish('visible', 'v');
  await everything.count(1);
  await nats.flush();
  const subjects = everything.messages.map(({ subject }) => subject);
  // nats-server shows what it says to itself under $JS and $MQTT, as it does to its own clients.
  assert.deepEqual(
    subjects.filter((subject) => !/^\$(JS|MQTT)\b/.test(subject)),
    ['visible'],
  );
  assert.equal(scene.gateway.logLines('message.dropped').length, 0);
};

/** Whether it says so (nats-server) or closes without a word (RabbitMQ): the operator reads what to change. */
const olderBrokersAreNamed: Behaviour = async (scene, row) => {
  if (row.speaksOnlyMqtt311 !== true) return;
  const gateway = await scene.otherGateway({ upstream: { protocol_version: 5, connect_timeout: '2s' } });
  const logged = gateway.logLines().filter(({ level }) => level === 'warn' || level === 'error');
  assert.deepEqual(
    logged.map(({ level, event, msg }) => [level, event, msg]),
    [['error', 'upstream.protocol_version', OLDER]],
  );
  const { broker } = gateway.gateway.status();
  assert.equal(broker?.probe.speaksOnlyMqtt311, true);
  assert.deepEqual(broker?.limitations, [{ id: 'protocol_version', severity: 'error', meaning: OLDER }]);
  const client = await scene.greeted(gateway);
  client.send('CONNECT {"verbose":false}\r\nPING\r\n');
  assert.equal((await client.closed()).leftover.toString(), '');
};

/** All promises by what they say. The first one looks at a gateway that no client has used. */
export const BEHAVIOURS: Readonly<Record<string, Behaviour>> = {
  'the probe is right, and its warnings are logged once': probeIsRight,
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
  'subjects with $ are carried or refused': dollarSubjectsAreSafe,
  'names with a dot are carried or refused': dotsAreSafe,
  'wildcards are served or refused': wildcardsAreSafe,
  'wildcards and $ agree with the broker': wildcardsAndDollar,
  'the wrong version of MQTT is named': olderBrokersAreNamed,
  // Last: nats-server 2.9 stands still for 4 s when a session ends that was subscribed to everything.
  'what gateways say among themselves is hidden': probesAreHidden,
};
