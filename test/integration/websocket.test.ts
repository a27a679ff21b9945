/** NATS over WebSocket through the whole gateway: nats.js as browsers use it, raw frames, compression, origins. */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { type ConnectionOptions, type Msg, type NatsConnection, wsconnect } from '@nats-io/transport-node';
import { WebSocket } from 'ws';
import { type Mosquitto, startMosquitto } from '../support/mosquitto.ts';
import { collect, connectNats } from '../support/nats.ts';
import { connectRawWebSocket } from '../support/raw-client.ts';
import { Scene } from '../support/scene.ts';

let scene: Scene<Mosquitto>;
const open: NatsConnection[] = [];

before(async () => {
  scene = await Scene.start(await startMosquitto(), {
    listeners: [
      { name: 'tcp', type: 'tcp', bind: '127.0.0.1:0' },
      { name: 'ws', type: 'ws', bind: '127.0.0.1:0', websocket: { compression: true } },
    ],
  });
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((connection) => connection.close()));
  await scene.closeClients();
});
after(() => scene.stop());

/** nats.js in its browser form; Node.js 20 has no WebSocket of its own. */
async function connectWs(compression = false): Promise<NatsConnection> {
  const wsFactory = (url: string) =>
    Promise.resolve({ socket: new WebSocket(url, { perMessageDeflate: compression }), encrypted: false });
  const options = { servers: scene.gateway.wsUrl, reconnect: false, wsFactory } as ConnectionOptions;
  const connection = await wsconnect(options);
  open.push(connection);
  return connection;
}

for (const compression of [false, true]) {
  test(`websocket: nats.js publishes, subscribes and asks (compression ${compression})`, async () => {
    const web = await connectWs(compression);
    const device = await scene.device();
    await device.subscribe('web/out');
    await device.answer('web/ask', (request) => request.payload);
    const collected = await collect(web, 'web.in');
    for (const size of [0, 1, 100, 70_000, 900_000]) {
      const payload = Buffer.alloc(size, 'ab');
      web.publish('web.out', payload);
      assert.deepEqual((await device.next()).payload, payload);
      await device.publish('web/in', payload);
      assert.deepEqual(Buffer.from((await collected.next()).data), payload);
    }
    assert.equal((await web.request('web.ask', 'over ws', { timeout: 3_000 })).string(), 'over ws');
    await assert.rejects(web.request('web.nobody', '', { timeout: 3_000 }), /no responders/);
  });
}

test('websocket: clients of both listeners and devices meet', async () => {
  const web = await connectWs();
  const tcp = await connectNats(scene.gateway);
  open.push(tcp);
  tcp.subscribe('meet', {
    callback: (_error: Error | null, message: Msg) => void message.respond('tcp here'),
  });
  await tcp.flush();
  assert.equal((await web.request('meet', '', { timeout: 3_000 })).string(), 'tcp here');
});

test('websocket: binary frames, whatever the frame boundaries of the client', async () => {
  const client = await connectRawWebSocket(`${scene.gateway.wsUrl}/any/path?x=1`);
  for (const byte of 'CONNECT {"verbose":true}\r\nSUB ws.a 1\r\nPUB ws.a 2\r\nhi\r\nPING\r\n')
    client.send(byte);
  await client.expect('+OK\r\n+OK\r\n');
  const rest = (await client.readUntil('PONG\r\n')).toString();
  assert.match(rest, /MSG ws\.a 1 2\r\nhi\r\n/);
  assert.ok(client.messages.length >= 2);
  await client.close();
});

test('websocket: with compression agreed, what is sent is smaller, and arrives whole', async () => {
  const client = await scene.rawWebSocket({}, scene.gateway, { compression: true });
  const payload = 'compressible '.repeat(20_000);
  client.send(`SUB ws.big 1\r\nPUB ws.big ${payload.length}\r\n${payload}\r\n`);
  await client.expect(`MSG ws.big 1 ${payload.length}\r\n${payload}\r\n`);
});

test('websocket: an origin that is not allowed is refused', async () => {
  const gateway = await scene.otherGateway({
    listeners: [
      {
        name: 'ws',
        type: 'ws',
        bind: '127.0.0.1:0',
        websocket: { allowed_origins: ['https://good.example'], path: '/nats' },
      },
    ],
    upstream: { probe: false },
  });
  const url = `${gateway.wsUrl}/nats`;
  await assert.rejects(connectRawWebSocket(url, { headers: { Origin: 'https://bad.example' } }), /403/);
  await assert.rejects(connectRawWebSocket(`${gateway.wsUrl}/other`), /404/);
  const client = await connectRawWebSocket(url, { headers: { Origin: 'https://good.example' } });
  client.send('CONNECT {"verbose":false}\r\n');
  await client.pingPong();
  await client.close();
});

test('websocket: a protocol error closes the WebSocket in order, with the text before it', async () => {
  const client = await connectRawWebSocket(scene.gateway.wsUrl);
  client.send('NONSENSE\r\n');
  const end = await client.closed();
  assert.equal(end.leftover.toString(), "-ERR 'Unknown Protocol Operation'\r\n");
  assert.equal(end.how, 'eof');
});
