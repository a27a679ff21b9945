import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { LOOPBACK, listenOnFreePort } from '../../support/free-port.ts';
import { type NatsServer, startNatsServer } from '../../support/nats-server.ts';
import { connectRaw, connectRawWebSocket } from '../../support/raw-client.ts';
import { waitFor } from '../../support/wait-for.ts';

let nats: NatsServer;
let server: Server;
let port = 0;
let lastSocket: Socket | null = null;

before(async () => {
  nats = await startNatsServer({ websocket: true, settings: { max_payload: 100 } });
  server = createServer({ allowHalfOpen: true }, (socket) => {
    lastSocket = socket;
    socket.on('error', () => {});
  });
  port = await listenOnFreePort(server);
});

after(async () => {
  lastSocket?.destroy();
  server.close();
  await nats.stop();
});

/** A raw client and the other end of its connection. */
async function connectedPair() {
  lastSocket = null;
  const client = await connectRaw(LOOPBACK, port, { readInfo: false });
  const peer = await waitFor(() => lastSocket, 2_000, 'the connection');
  return { client, peer };
}

test('raw client: reads INFO, publishes and receives on a real nats-server', async () => {
  const client = await connectRaw(nats.host, nats.port);
  assert.equal(client.info.max_payload, 100);
  client.send('CONNECT {"verbose":true}\r\nSUB a 1\r\nPUB a 2\r\nhi\r\n');
  await client.expect('+OK\r\n+OK\r\n+OK\r\n');
  await client.expect('MSG a 1 2\r\nhi\r\n');
  assert.equal((await client.pingPong()).toString(), 'PONG\r\n');
  await client.close();
});

test('raw client: speaks the same over WebSocket, and tells messages apart', async () => {
  const client = await connectRawWebSocket(nats.wsUrl);
  assert.equal(client.messages.length, 1);
  client.send('CONNECT {"verbose":false}\r\nSUB a 1\r\nPUB a 2\r\nhi\r\nPING\r\n');
  await client.expect(/MSG a 1 2\r\nhi\r\nPONG\r\n/);
  client.send('NONSENSE\r\n');
  const end = await client.closed();
  assert.equal(end.leftover.toString(), "-ERR 'Unknown Protocol Operation'\r\n");
  assert.deepEqual([end.how, end.code], ['eof', 1002]);
});

test('raw client: tells EOF and the bytes nobody has read', async () => {
  const client = await connectRaw(nats.host, nats.port);
  client.send('CONNECT {"verbose":false}\r\nPUB a 101\r\n');
  const end = await client.closed();
  assert.deepEqual([end.how, end.leftover.toString()], ['eof', "-ERR 'Maximum Payload Violation'\r\n"]);
});

test('raw client: tells RST from EOF', async () => {
  const { client, peer } = await connectedPair();
  peer.resetAndDestroy();
  assert.equal((await client.closed()).how, 'reset');
});

test('raw client: fails at once when the bytes differ, and names both', async () => {
  const { client, peer } = await connectedPair();
  peer.write('PING\r\n');
  await assert.rejects(client.expect('PONG\r\n', 60_000), /expected "PONG\\r\\n" next, received "PI/);
  client.reset();
});

test('raw client: fails at the limit with what is unread', async () => {
  const { client, peer } = await connectedPair();
  peer.write('PI');
  await assert.rejects(client.expect('PING\r\n', 50), /waited 50 ms for "PING\\r\\n" next; unread: "PI"/);
  await assert.rejects(client.expect(/PONG/, 50), /waited 50 ms/);
  peer.write('NG\r\n');
  await client.expect('PING\r\n');
  client.reset();
});

test('raw client: an expectation fails when the connection ends first', async () => {
  const { client, peer } = await connectedPair();
  peer.end('+O');
  await assert.rejects(client.expect('+OK\r\n', 60_000), /the connection ended \(eof\) after "\+O"/);
});

test('raw client: consumes exactly what was expected, over any cut of the bytes', async () => {
  const { client, peer } = await connectedPair();
  peer.setNoDelay(true);
  for (const byte of Buffer.from('MSG a 1 3\r\né!\r\n+OK\r\nrest')) {
    peer.write(Buffer.from([byte]));
    await new Promise(setImmediate);
  }
  assert.equal(await client.expect(/MSG (\S+) 1 \d+\r\n/), 'MSG a 1 3\r\n');
  assert.equal((await client.readBytes(3)).toString(), 'é!');
  assert.equal((await client.readUntil('+OK\r\n')).toString(), '\r\n+OK\r\n');
  await client.expect('rest');
  assert.equal(client.unread.length, 0);
  assert.equal(client.receivedBytes, 25);
  client.reset();
});

test('raw client: half-closes and still reads', async () => {
  const { client, peer } = await connectedPair();
  peer.resume();
  client.halfClose();
  await once(peer, 'end');
  peer.write('late\r\n');
  await client.expect('late\r\n');
  peer.end();
  assert.equal((await client.closed()).how, 'eof');
});

test('raw client: stops reading while paused, so that the sender fills up', async () => {
  const { client, peer } = await connectedPair();
  client.pause();
  const total = 32 * 1024 * 1024;
  peer.write(Buffer.alloc(total, 'x'));
  await waitFor(() => peer.writableLength > 0 && peer.bytesWritten > 0, 2_000, 'the kernel to be full');
  assert.ok(client.receivedBytes < total / 2);
  client.resume();
  assert.equal((await client.readBytes(total, 20_000)).length, total);
  client.reset();
});
