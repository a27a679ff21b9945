/** Listeners that come, go and change while clients are connected. */
import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { afterEach, beforeEach, test } from 'node:test';
import { TestAuthority } from '../../support/certs.ts';
import { freePort, listenOnFreePort } from '../../support/free-port.ts';
import type { LogLine } from '../../support/gateway.ts';
import { connectNats } from '../../support/nats.ts';
import { connectRaw, connectRawWebSocket, type RawClient } from '../../support/raw-client.ts';
import { connectRawTls } from '../../support/raw-tls.ts';
import { LiveScene } from './harness.ts';

const HOST = '127.0.0.1';
let scene: LiveScene;
let port: number;

const tcp = (more: object = {}) => ({ name: 'tcp', bind: `${HOST}:${port}`, ...more });
const reload = (...listeners: object[]) => scene.reload({ listeners });
const address = (name: string) => scene.gateway.gateway.addresses().find((one) => one.name === name);

beforeEach(async () => {
  port = await freePort();
  scene = await LiveScene.start({ listeners: [tcp()] });
});
afterEach(() => scene.stop());

async function refused(where: number): Promise<void> {
  await assert.rejects(connectRaw(HOST, where), /ECONNREFUSED/);
}

test('listeners: another address is opened, the old one closed, and its clients stay', async () => {
  const other = await freePort();
  assert.deepEqual((await reload(tcp({ bind: `${HOST}:${other}` }))).changed, ['listeners']);
  await refused(port);
  await scene.connect({}, other);
  await scene.early.pingPong();
});

test('listeners: the same port at a wider address', async () => {
  await reload(tcp({ bind: `0.0.0.0:${port}` }));
  await scene.connect({}, port);
  await scene.early.pingPong();
  await reload(tcp());
  await scene.connect({}, port);
  await scene.early.pingPong();
});

test('listeners: one that cannot be opened changes nothing, and it is said which and why', async () => {
  const taken = createServer();
  const busy = await listenOnFreePort(taken);
  const second = { name: 'second', bind: `${HOST}:${await freePort()}` };
  try {
    // One that would work, one that would have to make room, and one that does not work.
    const wanted = [tcp({ bind: `0.0.0.0:${port}` }), second, { name: 'third', bind: `${HOST}:${busy}` }];
    await assert.rejects(
      scene.reload({ listeners: wanted, ping_interval: '7s' }),
      (error: Error & { code?: string }) => {
        assert.equal(error.code, 'GW_CONFIG');
        assert.match(error.message, new RegExp(`^listeners\\[2\\]\\.bind: .*${HOST}:${busy}: EADDRINUSE`));
        return true;
      },
    );
  } finally {
    taken.close();
  }
  assert.equal(scene.gateway.gateway.config.pingIntervalMs, 60_000);
  assert.deepEqual(
    scene.gateway.gateway.addresses().map(({ name, host }) => [name, host]),
    [['tcp', HOST]],
  );
  await scene.connect({}, port);
  await scene.early.pingPong();
  await refused(Number(second.bind.split(':')[1]));
});

test('listeners: a certificate that cannot be used changes nothing', async () => {
  const tls = { cert_file: '/no/such/file', key_file: '/no/such/file' };
  await assert.rejects(reload(tcp(), { name: 'tls', type: 'tls', bind: `${HOST}:0`, tls }), /no\/such\/file/);
  await scene.connect({}, port);
});

test('listeners: clients of one that is removed are told that the server goes, those of others stay', async () => {
  await reload(tcp(), { name: 'a', bind: `${HOST}:0` }, { name: 'w', type: 'ws', bind: `${HOST}:0` });
  const ofA = await scene.connect({}, address('a')?.port);
  const ofW = await connectRawWebSocket(`ws://${HOST}:${address('w')?.port}`);
  await reload(tcp());
  assert.equal((await ofA.closed()).leftover.length, 0);
  const { code, reason } = await ofW.closed();
  assert.deepEqual([code, reason], [1001, 'Server Shutdown']);
  await scene.early.pingPong();
});

test('listeners: other settings at the same address do not close it', async () => {
  await reload(tcp({ type: 'ws' }));
  await scene.early.pingPong();
  await (await connectRawWebSocket(`ws://${HOST}:${port}/any`)).close();
  await reload(tcp({ type: 'ws', websocket: { path: '/nats' } }));
  await assert.rejects(connectRawWebSocket(`ws://${HOST}:${port}/any`));
  await (await connectRawWebSocket(`ws://${HOST}:${port}/nats`)).close();
  const events = scene.gateway.logLines().map(({ event }: LogLine) => event);
  assert.ok(!events.includes('listener.closed'));
  assert.equal(events.filter((event) => event === 'listener.changed').length, 2);
});

test('listeners: nobody who connects during reloads is refused', async () => {
  let isOver = false;
  const clients: RawClient[] = [];
  const connecting = (async () => {
    while (!isOver) clients.push(await connectRaw(HOST, port));
  })();
  for (let i = 1; i <= 20; i++) await reload(tcp({ max_connections: 10_000 + i }));
  isOver = true;
  await connecting;
  assert.ok(clients.length > 20, `${clients.length} clients`);
  for (const client of clients) await client.close();
});

test('listeners: a lower limit ends the clients that came last', async () => {
  const late = await scene.connect();
  await reload(tcp({ max_connections: 1 }));
  await late.expect("-ERR 'maximum connections exceeded'\r\n");
  await late.closed();
  await scene.early.pingPong();
  await scene.reload({ listeners: [tcp()] });
  const next = await scene.connect();
  await scene.reload({ listeners: [tcp()], max_connections: 1 });
  await next.expect("-ERR 'maximum connections exceeded'\r\n");
  await scene.early.pingPong();
});

test('listeners: another mountpoint closes who would get other names, and nobody else', async () => {
  await reload(tcp(), { name: 'b', bind: `${HOST}:0`, mountpoint: 'b/' });
  const other = await scene.connect({}, address('b')?.port);
  await reload(tcp({ mountpoint: 'x/' }), { name: 'b', bind: `${HOST}:0`, mountpoint: 'b/' });
  await scene.early.closed();
  await other.pingPong();
});

test('listeners: another certificate is shown to new clients, and those who are here stay', async () => {
  const authority = new TestAuthority();
  try {
    const [one, two] = [authority.issue({ subject: '/CN=one' }), authority.issue({ subject: '/CN=two' })];
    const secure = (files: { certFile: string; keyFile: string }) =>
      tcp({ type: 'tls', tls: { cert_file: files.certFile, key_file: files.keyFile } });
    await reload(secure(one));
    await scene.early.pingPong();
    const tls = { ca: authority.ca };
    const client = await connectNats(`nats://${HOST}:${port}`, { tls });
    const shown = async (): Promise<unknown> => {
      const { client: raw, socket } = await connectRawTls(HOST, port, tls);
      const { CN } = socket.getPeerCertificate().subject;
      await raw.close();
      return CN;
    };
    assert.equal(await shown(), 'one');
    await reload(secure(two));
    assert.equal(await shown(), 'two');
    await client.flush();
    await client.close();
  } finally {
    authority.remove();
  }
});

test('listeners: reloads leave nothing behind', async () => {
  const authority = new TestAuthority();
  const { certFile, keyFile } = authority.issue();
  const tls = { cert_file: certFile, key_file: keyFile };
  const round = async (i: number): Promise<void> => {
    const busy = { name: 'busy', bind: new URL(scene.broker.url).host };
    const secure = { name: 'tls', type: 'tls', bind: `${HOST}:0`, tls };
    const web = { name: 'web', type: 'ws', bind: `${HOST}:0`, max_connections: i };
    await reload(tcp({ type: 'tls', tls, max_connections: i }), web, secure);
    await assert.rejects(reload(tcp({ type: 'tls', tls, max_connections: i }), web, busy), /EADDRINUSE/);
    await reload(tcp());
  };
  const held = (): Record<string, number> => {
    const counts: Record<string, number> = {};
    for (const kind of process.getActiveResourcesInfo()) counts[kind] = (counts[kind] ?? 0) + 1;
    return { sockets: counts.TCPServerWrap ?? 0, timers: counts.Timeout ?? 0 };
  };
  try {
    await round(1);
    const before = held();
    for (let i = 2; i < 12; i++) await round(i);
    assert.deepEqual(held(), before);
    assert.deepEqual(await scene.gateway.gateway.certificates(), []);
    await scene.early.pingPong();
  } finally {
    authority.remove();
  }
});
