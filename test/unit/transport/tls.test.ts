/**
 * TLS within the connection over real loopback sockets: back-pressure, deadlines and ends as without it, and clients
 * that leave in the middle of a handshake.
 */
import assert from 'node:assert/strict';
import { createConnection, createServer, type Socket } from 'node:net';
import { after, afterEach, describe, it } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { TlsCredentials } from '../../../src/tls/credentials.ts';
import type { ListenerTls } from '../../../src/transport/tls-handshakes.ts';
import { silentLogger } from '../../../src/util/logger.ts';
import { TestAuthority } from '../../support/certs.ts';
import { watchLeaks } from '../../support/leaks.ts';
import { adoptSocket, connectRaw, type RawClient } from '../../support/raw-client.ts';
import { connectRawTls, readClearInfo } from '../../support/raw-tls.ts';
import { waitFor } from '../../support/wait-for.ts';
import {
  type EchoSession,
  INFO,
  startTransport,
  type TestTransport,
  type TransportSettings,
} from './harness.ts';

const MIB = 1024 * 1024;
const authority = new TestAuthority();
const { certFile, keyFile } = authority.issue();
const running: TestTransport[] = [];
afterEach(async () => {
  for (const transport of running.splice(0)) await transport.stop();
});
after(() => authority.remove());

const TLS: ListenerTls = {
  credentials: new TlsCredentials(
    {
      path: 'tls',
      certFile,
      keyFile,
      keyPassphrase: null,
      caFile: null,
      minVersion: '1.2',
      ciphers: null,
    },
    silentLogger,
  ),
  verify: false,
  mapsCertificate: false,
  pinnedCerts: [],
  infoDelayMs: 0,
  isOptional: false,
  timeoutMs: 2_000,
};

async function started(
  settings: TransportSettings = {},
  tls: Partial<ListenerTls> = {},
): Promise<TestTransport> {
  const transport = await startTransport({ ...settings, tls: { ...TLS, ...tls } });
  running.push(transport);
  return transport;
}

interface Secured {
  readonly transport: TestTransport;
  readonly client: RawClient;
  readonly session: EchoSession;
}

async function secured(settings: TransportSettings = {}): Promise<Secured> {
  const transport = await started(settings);
  const { client } = await connectRawTls('127.0.0.1', transport.port, { ca: authority.ca });
  return { transport, client, session: transport.sessions[0]! };
}

const pub = (body: string): string => `PUB x ${body.length}\r\n${body}\r\n`;
const msg = (body: string): string => `MSG x 1 ${body.length}\r\n${body}\r\n`;

describe('tls connection: as without TLS', () => {
  it('answers the same however the bytes are cut', async () => {
    const { client, session } = await secured();
    const stream = `${pub('one')}PING\r\n${pub('a\r\nb')}PING\r\n`;
    for (const byte of stream) {
      const seen = session.activity;
      client.send(byte);
      await waitFor(() => session.activity > seen);
    }
    await client.expect(`${msg('one')}PONG\r\n${msg('a\r\nb')}PONG\r\n`);
  });

  it('carries megabytes in both directions', async () => {
    const { client, session } = await secured({ maxPendingBytes: 64 * MIB });
    const body = 'z'.repeat(900_000);
    for (let count = 0; count < 20; count++) client.send(pub(body));
    for (let count = 0; count < 20; count++) await client.expect(msg(body), 30_000);
    assert.equal(session.bodies.length, 20);
  });

  it('does not read from a client that is held', async () => {
    const { client, session, transport } = await secured();
    session.isHolding = true;
    client.send(pub('x'));
    await waitFor(() => session.refusals === 1);
    let isTaken = false;
    const sending = client.sendAll(Buffer.from(pub('y'.repeat(1000)).repeat(40_000))).then(() => {
      isTaken = true;
    });
    for (let turn = 0; turn < 50; turn++) await new Promise((done) => setTimeout(done, 1));
    assert.equal(isTaken, false);
    assert.ok(transport.input.totalBytes < MIB, `${transport.input.totalBytes} bytes in memory`);
    session.isHolding = false;
    session.port.resume();
    await sending;
    await client.pingPong(30_000);
    assert.equal(session.bodies.length, 40_001);
  });

  it('cuts a client that does not read, by pending bytes and by age', async () => {
    const settings = [{ maxPendingBytes: 4 * MIB }, { writeDeadlineMs: 200 }];
    const reasons = ['Slow Consumer (Pending Bytes)', 'Slow Consumer (Write Deadline)'];
    for (const [index, setting] of settings.entries()) {
      const { client, session, transport } = await secured(setting);
      client.pause();
      const burst = 'x'.repeat(500_000);
      for (let count = 0; count < 100 && session.closeReasons.length === 0; count++) {
        session.say(burst);
        await new Promise((done) => setImmediate(done));
      }
      await waitFor(() => session.closeReasons.length > 0);
      assert.deepEqual(session.closeReasons, [reasons[index]]);
      await waitFor(() => transport.pending.totalBytes === 0);
      client.reset();
    }
  });

  it('sends what is owed to a client that has closed its side', async () => {
    const { client, session } = await secured();
    const body = 'w'.repeat(500_000);
    client.send(pub(body) + pub(body));
    client.halfClose();
    await client.expect(msg(body) + msg(body), 10_000);
    assert.equal((await client.closed()).how, 'eof');
    assert.equal(session.ends, 1);
    assert.deepEqual(session.closeReasons, ['Client Closed']);
  });

  it('delivers the last words before it closes', async () => {
    const { client, session } = await secured();
    session.say(`${'v'.repeat(2 * MIB)}end`);
    session.port.close('Kicked');
    await client.readUntil('end', 10_000);
    assert.equal((await client.closed()).how, 'eof');
  });

  it('tells a client that went away from one that failed', async () => {
    const { client, session, transport } = await secured();
    await client.pingPong();
    client.reset();
    await waitFor(() => session.closeReasons.length > 0);
    assert.deepEqual(session.closeReasons, ['Client Closed']);
    await waitFor(() => transport.registry.size === 0);
  });
});

const LEFT: readonly string[] = ['TLS Handshake Failure', 'Client Closed'];

/** The first flight of a real handshake. */
async function clientHello(): Promise<Buffer> {
  const chunks: Buffer[] = [];
  const server = createServer((socket) =>
    socket.on('data', (chunk: Buffer) => chunks.push(chunk)).on('error', () => {}),
  );
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as { port: number };
  const socket = connectTls({ host: '127.0.0.1', port }).on('error', () => {});
  await waitFor(() => chunks.length > 0);
  socket.destroy();
  server.close();
  return Buffer.concat(chunks);
}

async function greeted(port: number): Promise<Socket> {
  const socket = createConnection({ host: '127.0.0.1', port, allowHalfOpen: true });
  await readClearInfo(socket);
  return socket.on('error', () => {}).resume();
}

describe('tls connection: the handshake', () => {
  it('says INFO and not a byte more in clear text, whatever the session says', async () => {
    const transport = await started();
    const socket = createConnection({ host: '127.0.0.1', port: transport.port });
    await readClearInfo(socket);
    transport.sessions[0]!.say('PING\r\n');
    for (let turn = 0; turn < 20; turn++) await new Promise((done) => setTimeout(done, 1));
    assert.equal(socket.resume().bytesRead, INFO.length);
    const client = await secureOn(socket);
    await client.expect('PING\r\n');
    assert.equal(transport.sessions[0]!.port.peer.tls?.session?.version, '1.3');
  });

  for (const leave of ['end', 'destroy', 'resetAndDestroy'] as const) {
    it(`is over at once when the client leaves after any part of it (${leave}), and leaves nothing`, async () => {
      const transport = await started({}, { timeoutMs: 60_000 });
      const hello = await clientHello();
      const assertClean = watchLeaks();
      for (let cut = 0; cut <= hello.length; cut += cut < 12 ? 1 : 37) {
        const socket = await greeted(transport.port);
        if (cut > 0) socket.write(hello.subarray(0, cut));
        socket.once('end', () => socket.destroy());
        socket[leave]();
      }
      const reasons = () => transport.sessions.flatMap(({ closeReasons }) => closeReasons);
      await waitFor(() => reasons().length === transport.sessions.length);
      assert.deepEqual(
        reasons().filter((reason) => !LEFT.includes(reason)),
        [],
      );
      await assertClean();
    });
  }

  it('takes a ClientHello in any pieces, also together with the connection', async () => {
    const transport = await started({}, { infoDelayMs: Number.POSITIVE_INFINITY });
    const { client } = await connectRawTls('127.0.0.1', transport.port, {
      ca: authority.ca,
      upgrade: false,
      readInfo: false,
    });
    await client.expect(INFO);
    await client.pingPong();
    // One byte that says "handshake", and the rest of it later.
    const hello = await clientHello();
    const socket = createConnection({ host: '127.0.0.1', port: transport.port });
    socket.write(hello.subarray(0, 1));
    await waitFor(() => transport.sessions.length === 2);
    const answer = new Promise<Buffer>((resolve) => socket.once('data', resolve));
    socket.write(hello.subarray(1));
    assert.equal((await answer)[0], 0x16);
    socket.destroy();
  });

  it('a session that closes before it: no clear text but INFO', async () => {
    const transport = await started();
    const client = await connectRaw('127.0.0.1', transport.port);
    const [session] = transport.sessions;
    session!.port.close('Kicked');
    const { how, leftover } = await client.closed();
    assert.deepEqual([how, leftover.length], ['eof', 0]);
  });

  it('where TLS is optional, sessions may speak first in clear text', async () => {
    const transport = await started({}, { isOptional: true });
    const plain = await connectRaw('127.0.0.1', transport.port);
    transport.sessions[0]!.say('PING\r\n');
    await plain.expect('PING\r\n');
    plain.send(pub('clear'));
    await plain.expect(msg('clear'));
    assert.equal(transport.sessions[0]!.port.peer.tls?.session, null);
    plain.halfClose();
    assert.equal((await plain.closed()).how, 'eof');
    const silent = await connectRaw('127.0.0.1', transport.port);
    silent.halfClose();
    assert.equal((await silent.closed()).how, 'eof');
    assert.equal(transport.sessions[1]!.ends, 1);
  });
});

async function secureOn(socket: Socket): Promise<RawClient> {
  const tls = connectTls({ socket, servername: 'localhost', ca: authority.ca });
  return await adoptSocket(tls, 'secureConnect', { readInfo: false });
}
