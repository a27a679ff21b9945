import assert from 'node:assert/strict';
import { createServer, type Server, type Socket } from 'node:net';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { FaultyProxy } from '../../support/faulty-proxy.ts';
import { LOOPBACK, listenOnFreePort } from '../../support/free-port.ts';
import { type NatsServer, startNatsServer } from '../../support/nats-server.ts';
import { connectRaw, type RawClient } from '../../support/raw-client.ts';
import { waitFor } from '../../support/wait-for.ts';

let server: Server;
let port = 0;
let peers: { socket: Socket; received: string; end: string }[] = [];
let proxy: FaultyProxy;

before(async () => {
  server = createServer({ allowHalfOpen: true }, (socket) => {
    const peer = { socket, received: '', end: '' };
    peers.push(peer);
    socket.on('data', (bytes) => {
      peer.received += bytes.toString();
    });
    socket.on('end', () => {
      peer.end ||= 'eof';
    });
    socket.on('error', () => {
      peer.end ||= 'reset';
    });
  });
  port = await listenOnFreePort(server);
});

after(() => server.close());

beforeEach(async () => {
  peers = [];
  proxy = await FaultyProxy.start({ port });
});

afterEach(async () => {
  await proxy.stop();
  for (const peer of peers) peer.socket.destroy();
});

/** A client and the server's end of its connection, the proxy between them. */
async function connectThrough(): Promise<{ client: RawClient; peer: (typeof peers)[number] }> {
  const count = peers.length;
  const client = await connectRaw(LOOPBACK, proxy.port, { readInfo: false });
  const peer = await waitFor(() => peers[count], 2_000, 'the connection to arrive');
  return { client, peer };
}

test('faulty proxy: passes a real nats-server through and counts', async () => {
  const nats: NatsServer = await startNatsServer();
  const healthy = await FaultyProxy.start({ port: nats.port });
  const client = await connectRaw(LOOPBACK, healthy.port);
  client.send('CONNECT {"verbose":false}\r\n');
  await client.pingPong();
  assert.deepEqual([healthy.connections, healthy.openConnections], [1, 1]);
  assert.equal(healthy.bytes('toTarget'), Buffer.byteLength('CONNECT {"verbose":false}\r\nPING\r\n'));
  assert.equal(healthy.bytes('toClient'), client.receivedBytes);
  await client.close();
  await waitFor(() => healthy.openConnections === 0, 2_000, 'the connection to be forgotten');
  await healthy.stop();
  await nats.stop();
});

test('faulty proxy: delays one direction and keeps the order', async () => {
  const { client, peer } = await connectThrough();
  proxy.delay(150, 'toClient');
  const start = performance.now();
  client.send('up');
  await waitFor(() => peer.received === 'up', 140, 'the undelayed direction');
  peer.socket.write('one');
  peer.socket.write('two');
  await client.expect('onetwo');
  assert.ok(performance.now() - start >= 149, 'arrived too early');
});

test('faulty proxy: a stalled link passes neither bytes nor the end, and recovers', async () => {
  const { client, peer } = await connectThrough();
  proxy.stall();
  client.send('held');
  client.halfClose();
  await assert.rejects(
    waitFor(() => peer.received !== '' || peer.end !== '', 100),
    /waited/,
  );
  proxy.resume();
  await waitFor(() => peer.received === 'held' && peer.end === 'eof', 2_000, 'bytes and end');
});

test('faulty proxy: a stall also holds what is already under way', async () => {
  const { client, peer } = await connectThrough();
  proxy.delay(30);
  client.send('delayed');
  await waitFor(() => client.receivedBytes === 0 && proxy.openConnections === 1);
  proxy.delay(60, 'toTarget');
  proxy.stall('toTarget');
  await assert.rejects(
    waitFor(() => peer.received !== '', 150),
    /waited/,
  );
  proxy.heal();
  await waitFor(() => peer.received === 'delayed', 2_000, 'what was under way');
});

test('faulty proxy: a stalled direction fills the sender, the other one works', async () => {
  const { client, peer } = await connectThrough();
  proxy.stall('toClient');
  peer.socket.write(Buffer.alloc(32 * 1024 * 1024));
  client.send('still up');
  await waitFor(() => peer.received === 'still up', 2_000, 'the other direction');
  await waitFor(() => peer.socket.writableLength > 0, 2_000, 'the kernel to be full');
  assert.equal(client.receivedBytes, 0);
});

test('faulty proxy: throttles to bytes per second', async () => {
  const { client, peer } = await connectThrough();
  proxy.throttle(20_000, 'toClient');
  const start = performance.now();
  peer.socket.write(Buffer.alloc(4_000));
  await client.readBytes(4_000);
  const elapsedMs = performance.now() - start;
  assert.ok(elapsedMs >= 150, `4,000 bytes in ${elapsedMs} ms`);
  proxy.heal();
  peer.socket.write(Buffer.alloc(4_000_000));
  await client.readBytes(4_000_000);
});

test('faulty proxy: half-closes towards the client, and goes on towards the target', async () => {
  const { client, peer } = await connectThrough();
  proxy.halfClose('toClient');
  client.send('after');
  assert.equal((await client.closed()).how, 'eof');
  await waitFor(() => peer.received === 'after', 2_000, 'the other direction');
});

test('faulty proxy: half-closes towards the target', async () => {
  const { client, peer } = await connectThrough();
  proxy.halfClose('toTarget');
  await waitFor(() => peer.end === 'eof', 2_000, 'EOF at the target');
  peer.socket.write('down');
  await client.expect('down');
});

test('faulty proxy: resets both sides', async () => {
  const { client, peer } = await connectThrough();
  proxy.reset();
  assert.equal((await client.closed()).how, 'reset');
  await waitFor(() => peer.end === 'reset', 2_000, 'RST at the target');
});

test('faulty proxy: cuts with FIN, and takes new connections', async () => {
  const { client, peer } = await connectThrough();
  proxy.cut();
  assert.equal((await client.closed()).how, 'eof');
  await waitFor(() => peer.end === 'eof', 2_000, 'EOF at the target');
  await connectThrough();
  assert.equal(proxy.connections, 2);
});

test('faulty proxy: cuts after a number of bytes, exactly and once', async () => {
  const { client, peer } = await connectThrough();
  proxy.cutAfter(5, 'toTarget');
  client.send('123');
  await waitFor(() => peer.received === '123', 2_000, 'the first bytes');
  client.send('4567');
  await client.closed();
  await waitFor(() => peer.end !== '', 2_000, 'the end');
  assert.equal(peer.received, '12345');
  const next = await connectThrough();
  next.client.send('1234567');
  await waitFor(() => next.peer.received === '1234567', 2_000, 'the next connection');
});

test('faulty proxy: refuses new connections, keeps open ones, accepts again', async () => {
  const { client, peer } = await connectThrough();
  await proxy.refuse();
  await assert.rejects(connectRaw(LOOPBACK, proxy.port, { readInfo: false }), { code: 'ECONNREFUSED' });
  client.send('open');
  await waitFor(() => peer.received === 'open', 2_000, 'the open connection');
  await proxy.accept();
  await connectThrough();
});

test('faulty proxy: a client whose target is down sees a reset', async () => {
  const closed = createServer();
  const closedPort = await listenOnFreePort(closed);
  await new Promise((done) => closed.close(done));
  const dead = await FaultyProxy.start({ port: closedPort });
  const client = await connectRaw(LOOPBACK, dead.port, { readInfo: false });
  assert.equal((await client.closed()).how, 'reset');
  await dead.stop();
});

test('faulty proxy: a reset client is a reset at the target', async () => {
  const { client, peer } = await connectThrough();
  client.reset();
  await waitFor(() => peer.end === 'reset', 2_000, 'RST at the target');
});
