/** Clients that publish faster than they may: they are read more slowly, nothing is lost, and others do not notice. */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { type Mosquitto, startMosquitto } from '../support/mosquitto.ts';
import { connectRaw, connectRawWebSocket, type RawClient } from '../support/raw-client.ts';
import { Scene } from '../support/scene.ts';

let scene: Scene<Mosquitto>;
const open: RawClient[] = [];

before(async () => {
  scene = await Scene.start(await startMosquitto());
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((client) => client.close()));
  await scene.closeClients();
});
after(() => scene.stop());

const listeners = (rates: object) => [
  { name: 'tcp', type: 'tcp', bind: '127.0.0.1:0', ...rates },
  { name: 'ws', type: 'ws', bind: '127.0.0.1:0', ...rates },
];

/** Publishes so many messages at once. @returns how long it takes until the last one has come back, in milliseconds */
async function flood(client: RawClient, count: number, payload: string): Promise<number> {
  open.push(client);
  client.answerPings();
  client.send('CONNECT {"verbose":false}\r\nSUB pace.own 1\r\nPING\r\n');
  await client.readUntil('PONG\r\n');
  const startedAt = performance.now();
  // One segment each: what has arrived together is taken together.
  for (let i = 0; i < count; i++)
    client.send(`PUB pace.own ${payload.length + 4}\r\n${String(i).padStart(4, '0')}${payload}\r\n`);
  const expected = Array.from({ length: count }, (_, i) => String(i).padStart(4, '0'));
  const text = (await client.readUntil(`${expected.at(-1)}${payload}\r\n`, 20_000)).toString();
  const numbers = [...text.matchAll(/MSG pace\.own 1 \d+\r\n(\d{4})/g)].map((match) => match[1]);
  assert.deepEqual(numbers, expected);
  // Its silence while it is not read is not held against it, and it goes on.
  await client.pingPong();
  return performance.now() - startedAt;
}

for (const transport of ['tcp', 'ws'] as const) {
  test(`message rate over ${transport}: 300 messages at 100 a second, all in order`, async () => {
    const gateway = await scene.otherGateway({ listeners: listeners({ max_message_rate: 100 }) });
    const connect = () =>
      transport === 'tcp' ? connectRaw(gateway.host, gateway.port) : connectRawWebSocket(gateway.wsUrl);
    const tookMs = await flood(await connect(), 300, '');
    assert.ok(tookMs >= 1_900, `${tookMs} ms`);
    assert.equal(gateway.gateway.status().counters.clientMessagesIn, 300);
  });
}

test('message rate: what had to wait for the broker counts when it is taken', async () => {
  const gateway = await scene.otherGateway({ listeners: listeners({ max_message_rate: 100 }) });
  const client = await connectRaw(gateway.host, gateway.port);
  open.push(client);
  const startedAt = performance.now();
  // One chunk: the first PUB is held until the broker has confirmed the SUB, and the others with it.
  client.send(`CONNECT {"verbose":false}\r\nSUB pace.held 1\r\n${'PUB pace.held 1\r\nx\r\n'.repeat(300)}`);
  await client.readUntil(/(MSG pace\.held 1 1\r\nx\r\n){300}/);
  await client.pingPong();
  const tookMs = performance.now() - startedAt;
  assert.ok(tookMs >= 1_900, `${tookMs} ms`);
});

test('byte rate: 60 KB at 20 KB a second, all in order; the PING of a long rest is forgiven', async () => {
  const settings = {
    listeners: listeners({ max_byte_rate: '20KB' }),
    ping_interval: '300ms',
    ping_timeout: '200ms',
  };
  const gateway = await scene.otherGateway(settings);
  const tookMs = await flood(await connectRaw(gateway.host, gateway.port), 60, 'x'.repeat(1_000));
  assert.ok(tookMs >= 1_900, `${tookMs} ms`);
});

test('message rate: others of the same listener do not wait', async () => {
  const gateway = await scene.otherGateway({ listeners: listeners({ max_message_rate: 50 }) });
  const slow = flood(await connectRaw(gateway.host, gateway.port), 150, '');
  const quick = await scene.nats({}, gateway);
  const startedAt = performance.now();
  for (let i = 0; i < 20; i++) quick.publish('pace.other');
  await quick.flush();
  assert.ok(performance.now() - startedAt < 1_000);
  assert.ok((await slow) >= 1_900);
});
