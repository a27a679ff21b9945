/** Who may connect by address: real clients from several loopback addresses, and a reload that changes the answer. */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { loadConfig } from '../../src/config/load.ts';
import { type GatewaySettings, type RunningGateway, writeSettings } from '../support/gateway.ts';
import { type Mosquitto, startMosquitto } from '../support/mosquitto.ts';
import { connectRaw, connectRawWebSocket, type RawClient } from '../support/raw-client.ts';
import { Scene } from '../support/scene.ts';
import { waitFor } from '../support/wait-for.ts';

const ONE = '127.0.0.5';
let scene: Scene<Mosquitto>;
const open: RawClient[] = [];

const settings = (rules: readonly string[], trusted: readonly string[] = []): GatewaySettings => ({
  listeners: [
    { name: 'tcp', type: 'tcp', bind: '127.0.0.1:0', access_rules: rules },
    {
      name: 'ws',
      type: 'ws',
      bind: '127.0.0.1:0',
      access_rules: rules,
      websocket: { trusted_proxies: trusted },
    },
  ],
  client_info: { client_id: '${generated}', username: '', password: '' },
  mountpoint: '${peer.address}/',
});

before(async () => {
  scene = await Scene.start(await startMosquitto());
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((client) => client.close()));
  await scene.closeClients();
});
after(() => scene.stop());

const rejected = ({ gateway }: RunningGateway): number =>
  gateway.status().counters.ofListener('tcp').rejected.get('acl') ?? 0;

async function greeted(gateway: RunningGateway, localAddress: string): Promise<void> {
  open.push(await connectRaw(gateway.host, gateway.port, { localAddress }));
}

async function refused(gateway: RunningGateway, localAddress: string): Promise<void> {
  const before = rejected(gateway);
  const client = await connectRaw(gateway.host, gateway.port, { localAddress, readInfo: false });
  await client.closed();
  assert.equal(client.receivedBytes, 0, 'not a byte is sent');
  assert.equal(rejected(gateway), before + 1);
}

test('access rules: the first that matches counts', async () => {
  const rules = [`deny ${ONE}`, 'allow 127.0.0.0/29', 'deny all'];
  const gateway = await scene.otherGateway(settings(rules));
  await greeted(gateway, '127.0.0.1');
  await refused(gateway, ONE);
  await greeted(gateway, '127.0.0.7');
  await refused(gateway, '127.0.0.8');
  const [line] = gateway.logLines('client.access_denied');
  assert.deepEqual([line?.listener, line?.remote], ['tcp', ONE]);
});

test('access rules: a reload changes who may connect', async () => {
  const gateway = await scene.otherGateway(settings(['deny 127.0.0.5', 'allow all']));
  await refused(gateway, ONE);
  const upstream = { url: scene.broker.url };
  const { file, remove } = await writeSettings({ ...settings(['allow 127.0.0.5', 'deny all']), upstream });
  await gateway.gateway.reload(loadConfig({ file, env: {}, flags: {} }));
  await remove();
  await greeted(gateway, ONE);
  const client = await connectRaw(gateway.host, gateway.port, { readInfo: false });
  await client.closed();
  assert.equal(client.receivedBytes, 0);
});

test('connection rate: those beyond are closed, counted, and others come in a little later', async () => {
  const listeners = [{ name: 'tcp', type: 'tcp', bind: '127.0.0.1:0', max_connection_rate: 5 }];
  const gateway = await scene.otherGateway({ listeners });
  for (let i = 0; i < 5; i++) await greeted(gateway, ONE);
  const clients = await Promise.all(
    Array.from({ length: 20 }, () => connectRaw(gateway.host, gateway.port, { readInfo: false })),
  );
  open.push(...clients);
  const refusedCount = () => gateway.gateway.status().counters.ofListener('tcp').rejected.get('rate') ?? 0;
  await waitFor(() => clients.filter(({ isOpen }) => !isOpen).length === refusedCount());
  assert.ok(refusedCount() >= 10, `${refusedCount()}`);
  const comesIn = async (): Promise<boolean> => {
    const client = await connectRaw(gateway.host, gateway.port, { readInfo: false });
    open.push(client);
    return await client.expect(/INFO/).then(
      () => true,
      () => false,
    );
  };
  await waitFor(comesIn);
  assert.equal(gateway.logLines('client.rate_limited')[0]?.listener, 'tcp');
});

/** Who the client is for the gateway: its mountpoint says so. */
async function seenAs(gateway: RunningGateway, forwarded: string, localAddress?: string): Promise<string> {
  const device = await scene.device();
  await device.subscribe('#');
  await device.settle();
  const headers = { 'X-Forwarded-For': forwarded };
  const client = await connectRawWebSocket(gateway.wsUrl, {
    headers,
    ...(localAddress !== undefined && { localAddress }),
  });
  open.push(client);
  client.send('CONNECT {"verbose":false}\r\nPUB who 0\r\n\r\nPING\r\n');
  await client.readUntil('PONG\r\n');
  return (await device.next()).topic;
}

test('trusted proxies: nobody is believed by default', async () => {
  const gateway = await scene.otherGateway(settings([]));
  assert.equal(await seenAs(gateway, '10.1.2.3'), '127.0.0.1/who');
});

test('trusted proxies: the header is read from its end, as far as trusted proxies wrote it', async () => {
  const gateway = await scene.otherGateway(settings([], ['127.0.0.0/8', '10.0.0.0/8']));
  assert.equal(await seenAs(gateway, '203.0.113.9'), '203.0.113.9/who');
  assert.equal(await seenAs(gateway, '1.1.1.1, 203.0.113.9, 10.0.0.7'), '203.0.113.9/who');
  assert.equal(await seenAs(gateway, '203.0.113.9:4711'), '203.0.113.9/who');
  assert.equal(await seenAs(gateway, '[2001:DB8:0::1]:4711'), '2001:db8::1/who');
  assert.equal(await seenAs(gateway, '::ffff:203.0.113.9'), '203.0.113.9/who');
  assert.equal(await seenAs(gateway, '203.0.113.9, unknown'), '127.0.0.1/who');
  assert.equal(await seenAs(gateway, '203.0.113.9, ../x, 10.0.0.7'), '10.0.0.7/who');
});

test('trusted proxies: access rules are about the client behind them', async () => {
  const gateway = await scene.otherGateway(settings(['allow 203.0.113.0/24', 'deny all'], ['127.0.0.1']));
  assert.equal(await seenAs(gateway, '203.0.113.9'), '203.0.113.9/who');
  await assert.rejects(seenAs(gateway, '203.0.113.9, 198.51.100.1'), /403/);
  await assert.rejects(connectRawWebSocket(gateway.wsUrl, {}), /403/);
});
