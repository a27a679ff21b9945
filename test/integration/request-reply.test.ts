/** Requests and replies between NATS clients and MQTT devices, in both directions, and honest "no responders". */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { type Msg, TimeoutError } from '@nats-io/transport-node';
import { type Mosquitto, startMosquitto } from '../support/mosquitto.ts';
import { collect } from '../support/nats.ts';
import { type NatsServer, startNatsServer } from '../support/nats-server.ts';
import { connectRaw } from '../support/raw-client.ts';
import { Scene } from '../support/scene.ts';
import { ScriptedBroker } from '../support/scripted-broker.ts';

const TIMEOUT = 3_000;
const NO_RESPONDERS = { name: 'RequestError', message: /^no responders/ };

let scene: Scene<Mosquitto>;
let oracle: NatsServer;

before(async () => {
  oracle = await startNatsServer();
  scene = await Scene.start(await startMosquitto());
});
afterEach(() => scene.closeClients());
after(async () => {
  await scene.stop();
  await oracle.stop();
});

test('request: a device answers by Response Topic and Correlation Data', async () => {
  const nats = await scene.nats();
  const device = await scene.device();
  await device.answer('devices/+/get', (request) => `${request.topic}: ${request.text}`);
  const answer = await nats.request('devices.d1.get', 'temperature', { timeout: TIMEOUT });
  assert.equal(answer.string(), 'devices/d1/get: temperature');
  const { responseTopic, correlationData } = device.messages[0]?.properties ?? {};
  assert.match(responseTopic ?? '', /^_INBOX\/[^/]+\/[^/]+$/);
  assert.equal(correlationData?.toString(), `nats.${responseTopic?.split('/').at(-1)}`);
});

test('request: a device may leave the Correlation Data out of its answer', async () => {
  const nats = await scene.nats();
  const device = await scene.device();
  await device.subscribe('plain/get');
  const asked = nats.request('plain.get', '', { timeout: TIMEOUT });
  const { properties } = await device.next();
  await device.publish(properties.responseTopic ?? '', 'plain answer');
  assert.equal((await asked).string(), 'plain answer');
});

test('request: many at a time, over the shared inbox and over one subscription each', async () => {
  const nats = await scene.nats();
  const device = await scene.device();
  await device.answer('echo', (request) => request.payload);
  for (const noMux of [false, true]) {
    const bodies = Array.from({ length: 100 }, (_, i) => `${i}`);
    const answers = await Promise.all(
      bodies.map((body) =>
        nats.request(
          'echo',
          body,
          noMux ? { timeout: TIMEOUT, noMux, reply: `private.inbox.${body}` } : { timeout: TIMEOUT },
        ),
      ),
    );
    assert.deepEqual(
      answers.map((answer) => answer.string()),
      bodies,
    );
  }
});

test('request: several devices answer one request (requestMany)', async () => {
  const nats = await scene.nats();
  for (const name of ['a', 'b', 'c']) {
    const device = await scene.device();
    await device.answer('who', () => name);
  }
  const names: string[] = [];
  for await (const answer of await nats.requestMany('who', '', {
    strategy: 'count',
    maxWait: TIMEOUT,
    maxMessages: 3,
  })) {
    names.push(answer.string());
  }
  assert.deepEqual(names.sort(), ['a', 'b', 'c']);
});

/** The Correlation Data of a device's request, undefined: none. */
const CORRELATIONS: readonly (Buffer | undefined)[] = [
  undefined,
  Buffer.alloc(0),
  Buffer.from('42'),
  Buffer.from([0, 255, 13, 10]),
  Buffer.from('nats.answers'),
  Buffer.from('nats.other'),
  Buffer.alloc(500, 'x'),
];

for (const correlationData of CORRELATIONS) {
  const shown =
    correlationData === undefined
      ? 'no Correlation Data'
      : JSON.stringify(correlationData.toString('latin1').slice(0, 12));
  test(`request: a device asks a NATS service and gets its Correlation Data back (${shown})`, async () => {
    const nats = await scene.nats();
    nats.subscribe('service.double', {
      callback: (_error: Error | null, message: Msg) => {
        message.respond(String(2 * Number(message.string())));
      },
    });
    await nats.flush();
    const device = await scene.device();
    const responseTopic = 'devices/Living Room/answers';
    await device.subscribe(responseTopic);
    const properties = { responseTopic, ...(correlationData === undefined ? {} : { correlationData }) };
    await device.publish('service/double', '21', { properties });
    const answer = await device.next();
    assert.equal(answer.text, '42');
    assert.equal(answer.topic, responseTopic);
    // MQTT.js shows an empty Correlation Data as absent or empty, depending on the version.
    assert.equal(
      answer.properties.correlationData?.toString('latin1') ?? '',
      correlationData === undefined || correlationData.toString() === 'nats.answers'
        ? ''
        : correlationData.toString('latin1'),
    );
  });
}

test('request: a forwarded request of a device is answered directly to it', async () => {
  const front = await scene.nats();
  const back = await scene.nats();
  const workshop = await scene.device();
  await workshop.subscribe('workshop');
  back.subscribe('backend', {
    callback: (_error: Error | null, message: Msg) => {
      message.respond(`done ${message.string()}`);
    },
  });
  front.subscribe('frontend', {
    callback: (_error: Error | null, message: Msg) => {
      front.publish('backend', message.data, { reply: message.reply ?? '' });
      front.publish('workshop', message.data, { reply: message.reply ?? '' });
    },
  });
  await Promise.all([front.flush(), back.flush()]);
  const device = await scene.device();
  await device.subscribe('device/answers');
  const correlationData = Buffer.from([7, 8, 9]);
  await device.publish('frontend', 'job', {
    properties: { responseTopic: 'device/answers', correlationData },
  });
  const answer = await device.next();
  assert.equal(answer.text, 'done job');
  assert.deepEqual(answer.properties.correlationData, correlationData);
  // Another device gets the request with the first one's own properties.
  const passedOn = await workshop.next();
  assert.equal(passedOn.properties.responseTopic, 'device/answers');
  assert.deepEqual(passedOn.properties.correlationData, correlationData);
});

test('request: an unusable Response Topic leaves the message without reply, counted', async () => {
  const nats = await scene.nats();
  const collected = await collect(nats, 'odd.request');
  const device = await scene.device();
  const { dropped } = scene.gateway.gateway.status().counters;
  const before = dropped.get('reply_untranslatable') ?? 0;
  const topics = ['$SYS/x', '$CONTROL/dynamic-security/v1', '_NMG/x', `long/${'x'.repeat(1_100)}`];
  for (const responseTopic of topics) {
    await device.publish('odd/request', responseTopic, { properties: { responseTopic } });
    const message = await collected.next();
    assert.ok(!message.reply, `${responseTopic}: ${message.reply}`);
  }
  assert.equal(dropped.get('reply_untranslatable'), before + topics.length);
  await device.publish('odd/request', '', { properties: { responseTopic: '$SRV/INFO' } });
  assert.equal((await collected.next()).reply, '$SRV.INFO');
});

test('request: a reply subject that cannot cross is refused, and nothing is published', async () => {
  const device = await scene.device();
  await device.subscribe('#');
  const client = await scene.raw();
  for (const reply of ['$CONTROL.v1', '$SYS.x', '$share.g.x', '_NMG.x']) {
    client.send(`PUB ask ${reply} 1\r\nx\r\n`);
    await client.expect(`-ERR 'Permissions Violation for Publish with Reply of "${reply}"'\r\n`);
  }
  await client.pingPong();
  await device.settle();
  assert.deepEqual(device.messages, []);
});

test('no responders: 503 in less than 100 ms, as from nats-server', async () => {
  const nats = await scene.nats();
  const times: number[] = [];
  for (let round = 0; round < 9; round++) {
    const startedAt = performance.now();
    await assert.rejects(nats.request(`nobody.${round}`, '', { timeout: TIMEOUT }), NO_RESPONDERS);
    times.push(performance.now() - startedAt);
  }
  times.sort((a, b) => a - b);
  assert.ok((times[4] ?? 0) < 100, `median ${times[4]} ms`);
});

test('no responders: the status on the wire is that of nats-server', async () => {
  const script = 'SUB my.inbox 1\r\nPING\r\nPUB nobody.here my.inbox 1\r\nx\r\n';
  const connect = 'CONNECT {"verbose":false,"headers":true,"no_responders":true}\r\n';
  const seen: string[] = [];
  for (const { host, port } of [oracle, scene.gateway]) {
    const client = await connectRaw(host, port);
    client.send(connect + script);
    const text = (await client.readUntil(/HMSG .*\r\n(?:.*\r\n)*?\r\n\r\n/)).toString();
    seen.push(text.slice(text.indexOf('HMSG')));
    await client.close();
  }
  // 2.9.10 does not name the subject yet; 2.12, whose behaviour the gateway shows, does.
  assert.deepEqual(seen, [
    'HMSG my.inbox 1 16 16\r\nNATS/1.0 503\r\n\r\n\r\n',
    'HMSG my.inbox 1 43 43\r\nNATS/1.0 503\r\nNats-Subject: nobody.here\r\n\r\n\r\n',
  ]);
});

test('no responders: not for clients that did not ask for it, nor where somebody listens', async () => {
  const client = await scene.raw({ no_responders: false });
  client.send('SUB inbox 1\r\nPUB nobody inbox 1\r\nx\r\n');
  assert.equal((await client.pingPong()).toString(), 'PONG\r\n');
  const device = await scene.device();
  await device.subscribe('somebody');
  const nats = await scene.nats();
  await assert.rejects(nats.request('somebody', '', { timeout: 300 }), TimeoutError);
});

test('no responders: the last responder leaves, and the next one comes', async () => {
  const nats = await scene.nats();
  for (let round = 0; round < 3; round++) {
    await assert.rejects(nats.request('sometimes', '', { timeout: TIMEOUT }), NO_RESPONDERS);
    const service = await scene.nats();
    const subscription = service.subscribe('sometimes', {
      callback: (_error, message) => void message.respond('here'),
    });
    await service.flush();
    assert.equal((await nats.request('sometimes', '', { timeout: TIMEOUT })).string(), 'here');
    subscription.unsubscribe();
    await service.flush();
  }
});

test('no responders: a broker without 0x10 leaves it to the time-out', async () => {
  const broker = await ScriptedBroker.start({ noMatchingSubscribers: 0 });
  const own = await Scene.start(broker, { upstream: { probe: false } });
  try {
    const nats = await own.nats();
    await assert.rejects(nats.request('nobody', '', { timeout: 300 }), TimeoutError);
  } finally {
    await own.stop();
  }
});

test('refused publications: PUBACK 0x87 and its kind are a Permissions Violation, never an +OK', async () => {
  const broker = await ScriptedBroker.start({
    publishVerdict: (publish) => (publish.topic.startsWith('secret/') ? { puback: 0x87 } : 'accept'),
  });
  const own = await Scene.start(broker, { upstream: { probe: false } });
  try {
    const client = await own.raw({ verbose: true });
    client.send('PUB secret.x 1\r\nx\r\nPUB open.x 1\r\nx\r\nPUB secret.y r 1\r\nx\r\n');
    await client.expect(
      '-ERR \'Permissions Violation for Publish to "secret.x"\'\r\n+OK\r\n-ERR \'Permissions Violation for Publish to "secret.y"\'\r\n',
    );
  } finally {
    await own.stop();
  }
});

test('two gateways: a client on one, a service on the other, a device between', async () => {
  const other = await scene.otherGateway({ upstream: { probe: false } });
  const client = await scene.nats();
  const service = await scene.nats({}, other);
  service.subscribe('far.service', {
    callback: (_error: Error | null, message: Msg) => {
      message.respond(`far ${message.string()}`);
    },
  });
  await service.flush();
  const answer = await client.request('far.service', 'x', { timeout: TIMEOUT });
  assert.equal(answer.string(), 'far x');
  // Any gateway may carry a device's request in and another the answer out: nothing is remembered.
  const replies = await collect(service, 'stateless');
  const device = await scene.device();
  await device.subscribe('device/out');
  const correlationData = Buffer.from('abc');
  await device.publish('stateless', '', { properties: { responseTopic: 'device/out', correlationData } });
  const { reply } = await replies.next();
  client.publish(reply ?? '', 'through the other gateway');
  const out = await device.next();
  assert.equal(out.text, 'through the other gateway');
  assert.deepEqual(out.properties.correlationData, correlationData);
});

test('system requests: USER.INFO is answered, the JetStream API is honestly absent', async () => {
  const nats = await scene.nats({ user: 'ann', pass: 'secret' });
  const info = await nats.request('$SYS.REQ.USER.INFO', '', { timeout: TIMEOUT });
  const { data } = info.json<{ data: { user: string; account: string } }>();
  assert.deepEqual({ user: data.user, account: data.account }, { user: 'ann', account: '$G' });
  assert.doesNotMatch(info.string(), /secret/);
  for (const subject of ['$JS.API.INFO', '$JS.API.STREAM.NAMES', '$SYS.REQ.SERVER.PING']) {
    await assert.rejects(nats.request(subject, '', { timeout: TIMEOUT }), NO_RESPONDERS, subject);
  }
});
