/** Behind a load balancer that speaks the PROXY protocol: who the client is, on every transport, and who is not believed. */
import assert from 'node:assert/strict';
import net from 'node:net';
import { after, afterEach, before, test } from 'node:test';
import { type ConnectionOptions, type NatsConnection, wsconnect } from '@nats-io/transport-node';
import { WebSocket } from 'ws';
import { TestAuthority } from '../support/certs.ts';
import type { GatewaySettings, RunningGateway } from '../support/gateway.ts';
import { type Mosquitto, startMosquitto } from '../support/mosquitto.ts';
import { connectNats } from '../support/nats.ts';
import { binaryHeader, ip4Body, lineHeader, ProxySpeaker } from '../support/proxy-speaker.ts';
import { connectRaw } from '../support/raw-client.ts';
import { Scene } from '../support/scene.ts';
import { waitFor } from '../support/wait-for.ts';

const CLIENT = '203.0.113.7';
const authority = new TestAuthority();
const server = authority.issue();
const PAIR = { cert_file: server.certFile, key_file: server.keyFile };
let scene: Scene<Mosquitto>;
const cleanUp: (() => Promise<void>)[] = [];

const settings = (type: string, more: GatewaySettings = {}): GatewaySettings => ({
  listeners: [
    {
      name: 'edge',
      type,
      bind: '127.0.0.1:0',
      proxy_protocol: true,
      proxy_protocol_from: ['127.0.0.1'],
      ...(['tls', 'wss'].includes(type) && { tls: PAIR }),
      ...more,
    },
  ],
  client_info: { client_id: '${generated}', username: '', password: '' },
  mountpoint: '${peer.address}/',
});

before(async () => {
  scene = await Scene.start(await startMosquitto());
});
afterEach(async () => {
  for (const stop of cleanUp.splice(0)) await stop();
  await scene.closeClients();
});
after(async () => {
  await scene.stop();
  authority.remove();
});

async function behindProxy(type: string, more: GatewaySettings = {}) {
  const gateway = await scene.otherGateway(settings(type, more));
  const speaker = await ProxySpeaker.start(Number(gateway.gateway.addresses()[0]?.port));
  cleanUp.push(() => speaker.stop());
  return { gateway, speaker };
}

/** nats.js over this transport. */
async function connect(type: string, port: number): Promise<NatsConnection> {
  const connection = await open(type, port);
  cleanUp.unshift(() => connection.close());
  return connection;
}

function open(type: string, port: number): Promise<NatsConnection> {
  if (type === 'tcp') return connectNats(`127.0.0.1:${port}`);
  if (type === 'tls') return connectNats(`127.0.0.1:${port}`, { tls: { ca: authority.ca } });
  const wsFactory = (url: string) =>
    Promise.resolve({ socket: new WebSocket(url, { ca: authority.ca }), encrypted: type === 'wss' });
  return wsconnect({
    servers: `${type}://127.0.0.1:${port}`,
    reconnect: false,
    wsFactory,
  } as ConnectionOptions);
}

/** The first level of the topic is the mountpoint, which is the address that the gateway sees. */
async function seenAs(client: NatsConnection): Promise<string> {
  const device = await scene.device();
  await device.subscribe('+/who');
  await device.settle();
  client.publish('who');
  await client.flush();
  return (await device.next()).topic.split('/')[0] ?? '';
}

const HEADERS: readonly [string, Buffer, string][] = [
  ['1', lineHeader(CLIENT, 50_000), CLIENT],
  ['1, IPv6', lineHeader('2001:db8::7', 50_000), '2001:db8::7'],
  ['1, UNKNOWN', Buffer.from('PROXY UNKNOWN\r\n'), '127.0.0.1'],
  ['2', binaryHeader(0x21, 0x11, ip4Body(CLIENT, 50_000, Buffer.alloc(90, 1))), CLIENT],
  ['2, LOCAL', binaryHeader(0x20, 0x00, Buffer.alloc(0)), '127.0.0.1'],
];

for (const type of ['tcp', 'tls', 'ws', 'wss']) {
  test(`proxy protocol: nats.js over ${type} is who the header says`, async () => {
    const { gateway, speaker } = await behindProxy(type);
    for (const [name, header, expected] of HEADERS) {
      speaker.header = header;
      for (const pieceBytes of [0, 1]) {
        speaker.pieceBytes = pieceBytes;
        assert.equal(await seenAs(await connect(type, speaker.port)), expected, name);
      }
    }
    const { clients } = await gateway.gateway.clients({
      state: 'any',
      sort: 'cid',
      offset: 0,
      limit: 1,
      withDetails: false,
    });
    assert.deepEqual([clients[0]?.address, clients[0]?.port], [CLIENT, 50_000]);
  });
}

test('proxy protocol: header, CONNECT and more in one segment', async () => {
  const { gateway } = await behindProxy('tcp');
  const client = await connectRaw(gateway.host, gateway.port, { readInfo: false });
  cleanUp.unshift(() => client.close());
  client.send(
    Buffer.concat([
      lineHeader(CLIENT, 1),
      Buffer.from('CONNECT {"verbose":false}\r\nSUB a 1\r\nPUB a 2\r\nhi\r\nPING\r\n'),
    ]),
  );
  await client.expect(/INFO [^\n]*\n/);
  assert.match((await client.readUntil('PONG\r\n')).toString(), /MSG a 1 2\r\nhi\r\n/);
});

const rejected = ({ gateway }: RunningGateway, reason: 'proxy_header' | 'acl'): number =>
  gateway.status().counters.ofListener('edge').rejected.get(reason) ?? 0;

/** Sends bytes and waits until the gateway has closed the connection. @returns how many bytes it has sent before */
async function answered(gateway: RunningGateway, bytes: Buffer, localAddress = '127.0.0.1'): Promise<number> {
  const client = await connectRaw(gateway.host, gateway.port, { readInfo: false, localAddress });
  client.send(bytes);
  await client.closed();
  return client.receivedBytes;
}

test('proxy protocol: who is no proxy, and what is no header, is turned away without a word', async () => {
  const { gateway } = await behindProxy('tcp', { proxy_protocol_timeout: '200ms' });
  const spoof = lineHeader('10.0.0.1', 1);
  assert.equal(await answered(gateway, spoof, '127.0.0.9'), 0, 'a stranger with a header');
  assert.equal(await answered(gateway, Buffer.from('CONNECT {}\r\nPING\r\n')), 0, 'a client without one');
  assert.equal(await answered(gateway, Buffer.from('PROXY TCP4 1.1.1.1')), 0, 'half of one, for ever');
  assert.equal(await answered(gateway, Buffer.alloc(0)), 0, 'nothing, for ever');
  assert.equal(await answered(gateway, Buffer.alloc(100_000, 'PROXY ')), 0, 'no end');
  await waitFor(() => rejected(gateway, 'proxy_header') === 5);
  const reasons = gateway.logLines('client.proxy_refused').map(({ reason }) => reason);
  assert.ok(reasons.includes('not among proxy_protocol_from'), `${reasons}`);
  const half = net.connect(gateway.port, gateway.host);
  half.end('PROXY TC');
  await waitFor(() => rejected(gateway, 'proxy_header') === 6, 5_000, 'the half-closed one to be refused');
  half.destroy();
});

test('proxy protocol: access rules are about the client, a second header is bytes of the client', async () => {
  const { gateway } = await behindProxy('tcp', { access_rules: [`deny ${CLIENT}`, 'allow all'] });
  assert.equal(await answered(gateway, lineHeader(CLIENT, 1)), 0);
  assert.equal(rejected(gateway, 'acl'), 1);
  const client = await connectRaw(gateway.host, gateway.port, { readInfo: false });
  cleanUp.unshift(() => client.close());
  client.send(Buffer.concat([lineHeader('10.0.0.1', 1), lineHeader('10.0.0.2', 1)]));
  await client.expect(/INFO [^\n]*\n/);
  assert.match((await client.closed()).leftover.toString(), /Unknown Protocol Operation/);
});

test('proxy protocol: who waits with half a header does not keep the gateway from stopping', async () => {
  const { gateway } = await behindProxy('ws', { proxy_protocol_timeout: '1m' });
  const { port, host } = gateway.gateway.addresses()[0] ?? { port: 0, host: '' };
  const socket = net.connect(port, host);
  const closed = new Promise((resolve) => socket.on('error', () => {}).on('close', resolve));
  await new Promise<void>((resolve) => socket.write('PROXY TC', () => resolve()));
  await waitFor(() => socket.bytesWritten === 8);
  await gateway.stop();
  await closed;
});
