/**
 * WebSocket listener over real loopback sockets: what the handshake takes and refuses, and messages as bytes.
 * @see RFC 6455, RFC 7692
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { afterEach, describe, it } from 'node:test';
import { constants, inflateRawSync } from 'node:zlib';
import { WebSocket } from 'ws';
import type { CloseReason } from '../../../src/close-reason.ts';
import { connectRawWebSocket, type RawClient, type RawWebSocketOptions } from '../../support/raw-client.ts';
import { waitFor, within } from '../../support/wait-for.ts';
import { exchange, INFO, startTransport, type TestTransport, type TransportSettings } from './harness.ts';

const running: TestTransport[] = [];
const clients: RawClient[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) if (client.isOpen) client.reset();
  for (const transport of running.splice(0)) await transport.stop();
});

type WebSocketSettings = NonNullable<TransportSettings['webSocket']>;

async function started(
  webSocket: WebSocketSettings = {},
  rest: TransportSettings = {},
): Promise<TestTransport> {
  const transport = await startTransport({ ...rest, webSocket });
  running.push(transport);
  return transport;
}

async function connect(
  transport: TestTransport,
  path = '/',
  options: RawWebSocketOptions = {},
): Promise<RawClient> {
  const client = await connectRawWebSocket(`ws://127.0.0.1:${transport.port}${path}`, options);
  clients.push(client);
  return client;
}

const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';

function upgrade(changes: Record<string, string | null> = {}, start = 'GET / HTTP/1.1'): string {
  const headers: Record<string, string | null> = {
    Host: 'h',
    Upgrade: 'websocket',
    Connection: 'Upgrade',
    'Sec-WebSocket-Key': KEY,
    'Sec-WebSocket-Version': '13',
    ...changes,
  };
  const lines = Object.entries(headers).flatMap(([name, value]) =>
    value === null ? [] : [`${name}: ${value}`],
  );
  return `${[start, ...lines].join('\r\n')}\r\n\r\n`;
}

/** A masked client frame; the mask is zero, so that the payload stays readable. */
function frame(first: number, payload: string | Buffer, isMasked = true): Buffer {
  const body = Buffer.from(payload);
  assert.ok(body.length < 126);
  return Buffer.concat([
    Buffer.from([first, body.length | (isMasked ? 0x80 : 0)]),
    Buffer.alloc(isMasked ? 4 : 0),
    body,
  ]);
}

const CLOSE = 0x88;
const raw = (...parts: (string | Buffer)[]): Buffer => Buffer.concat(parts.map((part) => Buffer.from(part)));

describe('websocket listener: messages', () => {
  it('sends INFO alone in its own binary message', async () => {
    const transport = await started({}, { maxConnections: 0 });
    const client = await connect(transport, '/', { readInfo: false });
    const end = await client.closed();
    assert.deepEqual(client.messages.map(String), [INFO, "-ERR 'maximum connections exceeded'\r\n"]);
    assert.deepEqual([end.code, end.reason], [1008, 'Maximum Connections Exceeded']);
    const answer = await exchange((await started()).port, raw(upgrade(), frame(CLOSE, '')));
    assert.equal(answer.slice(answer.indexOf('\r\n\r\n') + 4)[0], '\x82');
  });

  for (const textFrames of [false, true]) {
    it(`takes ${textFrames ? 'text' : 'binary'} messages cut anywhere`, async () => {
      const client = await connect(await started(), '/', { textFrames });
      client.send('PI');
      client.send('NG\r\nPUB x 5\r\nhel');
      client.send('lo\r\nPING\r\nPING\r\n');
      await client.expect('PONG\r\nMSG x 1 5\r\nhello\r\nPONG\r\nPONG\r\n');
    });
  }

  it('takes fragmented messages with a ping in between, and answers the ping', async () => {
    const { port } = await started();
    const answer = await exchange(
      port,
      raw(
        upgrade(),
        frame(0x02, 'PI'),
        frame(0x89, 'body'),
        frame(0x00, 'NG'),
        frame(0x80, '\r\n'),
        frame(CLOSE, ''),
      ),
    );
    // Pong with the same body, then the message, then the close frame.
    assert.ok(answer.includes('\x8a\x04body'), JSON.stringify(answer));
  });

  it('sends what belongs to one turn as one message', async () => {
    const transport = await started();
    const client = await connect(transport);
    const session = transport.sessions[0]!;
    for (let i = 0; i < 1000; i++) session.say('+OK\r\n');
    await client.readBytes(5000);
    assert.equal(client.messages.length, 2);
  });

  it('holds and resumes', async () => {
    const transport = await started();
    const client = await connect(transport);
    const session = transport.sessions[0]!;
    session.isHolding = true;
    client.send('PUB x 1\r\na\r\n');
    await waitFor(() => session.refusals === 1);
    client.send('PING\r\n');
    session.isHolding = false;
    session.port.resume();
    await client.expect('MSG x 1 1\r\na\r\nPONG\r\n');
  });

  it('takes what was sent before the close frame although it is held', async () => {
    const transport = await started();
    const client = await connect(transport);
    const session = transport.sessions[0]!;
    session.isHolding = true;
    client.send('PUB x 1\r\na\r\n');
    client.halfClose();
    await waitFor(() => session.refusals === 1);
    session.isHolding = false;
    session.port.resume();
    await waitFor(() => session.closeReasons.length === 1);
    assert.deepEqual([session.bodies, session.closeReasons], [['a'], ['Client Closed']]);
  });

  it('counts unfinished messages as input', async () => {
    const transport = await started({}, { maxTotalInputBytes: 1000 });
    const client = await connect(transport);
    const socket = new WebSocket(`ws://127.0.0.1:${transport.port}`);
    await once(socket, 'open');
    socket.send(Buffer.alloc(5000), { fin: false });
    await waitFor(() => transport.input.totalBytes >= 5000);
    await client.pingPong();
    socket.terminate();
    await waitFor(() => transport.input.totalBytes === 0);
  });

  it('cuts a reader that is too slow', async () => {
    const transport = await started({}, { writeDeadlineMs: 150 });
    const client = await connect(transport);
    client.pause();
    transport.sessions[0]!.say('x'.repeat(30 * 1024 * 1024));
    await waitFor(() => transport.sessions[0]!.closeReasons.length === 1);
    assert.deepEqual(transport.sessions[0]!.closeReasons, ['Slow Consumer (Write Deadline)']);
  });
});

describe('websocket listener: handshake', () => {
  for (const path of ['/', '/any/path', '/x?query=1']) {
    it(`serves ${path}`, async () => {
      await (await connect(await started(), path)).pingPong();
    });
  }

  it('serves only the configured path', async () => {
    const transport = await started({ path: '/nats' });
    await (await connect(transport, '/nats?x')).pingPong();
    assert.match(
      await exchange(transport.port, upgrade({}, 'GET /other HTTP/1.1')),
      /^HTTP\/1\.1 404 Not Found\r\n/,
    );
  });

  const refusals: { name: string; request: string; status: number }[] = [
    { name: 'a POST', request: upgrade({}, 'POST / HTTP/1.1'), status: 405 },
    { name: 'a plain POST', request: 'POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n', status: 405 },
    { name: 'a plain GET', request: 'GET / HTTP/1.1\r\nHost: h\r\n\r\n', status: 400 },
    { name: 'an HTTP CONNECT', request: 'CONNECT h:1 HTTP/1.1\r\nHost: h\r\n\r\n', status: 405 },
    { name: 'no Connection header', request: upgrade({ Connection: null }), status: 400 },
    { name: 'another protocol', request: upgrade({ Upgrade: 'h2c' }), status: 400 },
    { name: 'no key', request: upgrade({ 'Sec-WebSocket-Key': null }), status: 400 },
    { name: 'a short key', request: upgrade({ 'Sec-WebSocket-Key': 'YWJj' }), status: 400 },
    { name: 'no version', request: upgrade({ 'Sec-WebSocket-Version': null }), status: 400 },
    { name: 'version 8', request: upgrade({ 'Sec-WebSocket-Version': '8' }), status: 400 },
    { name: 'NATS without WebSocket', request: 'CONNECT {"verbose":false}\r\nPING\r\n', status: 400 },
    { name: 'NATS in lower case', request: 'ping\r\n', status: 400 },
  ];
  for (const { name, request, status } of refusals) {
    it(`answers ${status} to ${name}`, async () => {
      const transport = await started();
      const answer = await within(exchange(transport.port, request), 5_000, 'the answer');
      assert.ok(answer.startsWith(`HTTP/1.1 ${status} `), answer);
      assert.match(answer, /\r\nSec-WebSocket-Version: 13\r\n/i);
      assert.equal(transport.sessions.length, 0);
    });
  }

  it('answers as the RFC says and picks no sub-protocol', async () => {
    const { port } = await started();
    const answer = await exchange(
      port,
      raw(
        upgrade({ 'Sec-WebSocket-Protocol': 'nats, mqtt', 'Sec-WebSocket-Extensions': 'permessage-deflate' }),
        frame(CLOSE, ''),
      ),
    );
    const head = answer.slice(0, answer.indexOf('\r\n\r\n'));
    assert.deepEqual(head.split('\r\n'), [
      'HTTP/1.1 101 Switching Protocols',
      'Upgrade: websocket',
      'Connection: Upgrade',
      'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=',
    ]);
  });

  it('ends a handshake that takes too long', async () => {
    const { port } = await started({ handshakeTimeoutMs: 50 });
    assert.equal(await within(exchange(port, 'GET / HTTP/1.1\r\nHost'), 5_000, 'the end'), '');
  });

  it('does not end a WebSocket with the time limit of its handshake', async () => {
    const transport = await started({ handshakeTimeoutMs: 60 });
    const client = await connect(transport);
    const begin = performance.now();
    await waitFor(() => performance.now() - begin > 150);
    await client.pingPong();
  });

  it('ends unfinished handshakes on close and keeps its WebSockets', async () => {
    const transport = await started({ handshakeTimeoutMs: 60_000 });
    const client = await connect(transport);
    const unfinished = exchange(transport.port, 'GET / HTTP/1.1\r\nHost');
    await exchange(transport.port, 'GET / HTTP/1.1\r\nHost: h\r\n\r\n');
    await transport.listener.close();
    await within(
      unfinished.catch(() => null),
      5_000,
      'the end of the handshake',
    );
    await client.pingPong();
  });
});

describe('websocket listener: Origin', () => {
  const table: { allowed?: WebSocketSettings['allowedOrigins']; origin?: string; isServed: boolean }[] = [
    { origin: 'http://anywhere', isServed: true },
    { allowed: 'same_origin', isServed: true },
    { allowed: 'same_origin', origin: 'http://Gateway.example:8080', isServed: true },
    { allowed: 'same_origin', origin: 'http://gateway.example', isServed: false },
    { allowed: 'same_origin', origin: 'https://gateway.example:8080', isServed: false },
    { allowed: 'same_origin', origin: 'http://evil.example:8080', isServed: false },
    { allowed: 'same_origin', origin: 'null', isServed: false },
    { allowed: ['https://app.example'], isServed: true },
    { allowed: ['https://app.example'], origin: 'https://app.example', isServed: true },
    { allowed: ['https://app.example/'], origin: 'https://APP.example:443', isServed: true },
    { allowed: ['https://app.example'], origin: 'http://app.example', isServed: false },
    { allowed: ['https://app.example'], origin: 'https://app.example.evil', isServed: false },
    { allowed: [], origin: 'https://app.example', isServed: false },
  ];
  for (const { allowed, origin, isServed } of table) {
    it(`${isServed ? 'serves' : 'refuses'} ${origin ?? 'no Origin'} with ${JSON.stringify(allowed)}`, async () => {
      const { port } = await started({ allowedOrigins: allowed });
      const request = upgrade({ Host: 'gateway.example:8080', Origin: origin ?? null });
      const answer = await exchange(port, raw(request, frame(CLOSE, '')));
      assert.match(answer, isServed ? /^HTTP\/1\.1 101 / : /^HTTP\/1\.1 403 Forbidden\r\n/);
    });
  }
});

describe('websocket listener: compression', () => {
  it('answers with both parameters', async () => {
    const { port } = await started({ compression: true });
    const offer = { 'Sec-WebSocket-Extensions': 'permessage-deflate; client_max_window_bits' };
    const answer = await exchange(port, raw(upgrade(offer), frame(CLOSE, '')));
    const extensions = /\r\nSec-WebSocket-Extensions: ([^\r]*)\r\n/.exec(answer)?.[1];
    assert.equal(extensions, 'permessage-deflate; server_no_context_takeover; client_no_context_takeover');
  });

  it('is not accepted unless switched on, and not needed when it is', async () => {
    const off = await connect(await started(), '/', { compression: true });
    await off.pingPong();
    const on = await connect(await started({ compression: true }), '/', { compression: false });
    await on.pingPong();
  });

  const sizes = [
    { bytes: 64, isCompressed: false },
    { bytes: 65, isCompressed: true },
  ];
  for (const { bytes, isCompressed } of sizes) {
    it(`${isCompressed ? 'compresses' : 'does not compress'} ${bytes} bytes`, async () => {
      const transport = await started({ compression: true });
      const socket = net.connect(transport.port, '127.0.0.1');
      let seen = Buffer.alloc(0);
      socket.on('data', (chunk) => {
        seen = Buffer.concat([seen, chunk]);
      });
      socket.write(upgrade({ 'Sec-WebSocket-Extensions': 'permessage-deflate' }));
      await waitFor(() => seen.includes(INFO));
      seen = seen.subarray(0, 0);
      transport.sessions[0]!.say('x'.repeat(bytes));
      await waitFor(() => seen.length >= 2 && seen.length === 2 + seen[1]!);
      socket.destroy();
      const payload = seen.subarray(2);
      const text = isCompressed ? inflateRawSync(payload, { finishFlush: constants.Z_SYNC_FLUSH }) : payload;
      assert.equal(seen[0], isCompressed ? 0xc2 : 0x82);
      assert.equal(text.toString(), 'x'.repeat(bytes));
    });
  }

  it('carries large compressed messages both ways', async () => {
    const client = await connect(await started({ compression: true }), '/', { compression: true });
    const body = 'x'.repeat(900_000);
    client.send(`PUB x ${body.length}\r\n${body}\r\n`);
    await client.expect(`MSG x 1 ${body.length}\r\n${body}\r\n`);
  });

  it('refuses a small message that inflates beyond the limit', async () => {
    const transport = await started({ compression: true, maxMessageBytes: 100_000 });
    const client = await connect(transport, '/', { compression: true });
    client.send('x'.repeat(200_000));
    assert.equal((await client.closed()).code, 1009);
    assert.deepEqual(transport.sessions[0]!.closeReasons, ['Maximum Message Payload Exceeded']);
  });
});

describe('websocket listener: end', () => {
  const codes: [CloseReason, number][] = [
    ['Client Closed', 1000],
    ['Server Shutdown', 1001],
    ['Stale Connection', 1001],
    ['Protocol Violation', 1002],
    ['Parse Error', 1002],
    ['Authentication Failure', 1008],
    ['Maximum Connections Exceeded', 1008],
    ['Maximum Message Payload Exceeded', 1009],
    ['Kicked', 1011],
    ['Broker Unavailable', 1011],
  ];
  for (const [reason, code] of codes) {
    it(`closes with ${code} for ${reason}`, async () => {
      const transport = await started();
      const client = await connect(transport);
      transport.sessions[0]!.port.close(reason);
      const end = await client.closed();
      assert.deepEqual([end.code, end.reason], [code, reason]);
    });
  }

  it('sends the -ERR before the close frame although input is unread', async () => {
    const transport = await started();
    const client = await connect(transport);
    client.send('BAD\r\n');
    for (let i = 0; i < 30; i++) client.send(Buffer.alloc(100_000, 'x'));
    await client.expect("-ERR 'Unknown Protocol Operation'\r\n");
    const end = await client.closed();
    assert.deepEqual([end.how, end.code, end.reason], ['eof', 1002, 'Protocol Violation']);
  });

  const violations: { name: string; bytes: Buffer; reason: CloseReason }[] = [
    { name: 'a frame without mask', bytes: frame(0x82, 'PING\r\n', false), reason: 'Protocol Violation' },
    { name: 'an unknown opcode', bytes: frame(0x83, ''), reason: 'Protocol Violation' },
    { name: 'RSV2', bytes: frame(0xa2, ''), reason: 'Protocol Violation' },
    { name: 'a fragmented ping', bytes: frame(0x09, ''), reason: 'Protocol Violation' },
    { name: 'a close frame of one byte', bytes: frame(CLOSE, 'x'), reason: 'Protocol Violation' },
    {
      name: 'an announced message of 4 GB',
      bytes: Buffer.from([0x82, 0xff, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]),
      reason: 'Maximum Message Payload Exceeded',
    },
  ];
  for (const { name, bytes, reason } of violations) {
    it(`ends the connection on ${name}`, async () => {
      const transport = await started();
      const answer = await within(exchange(transport.port, raw(upgrade(), bytes)), 5_000, 'the end');
      assert.ok(answer.includes(INFO));
      await waitFor(() => transport.sessions[0]!.closeReasons.length === 1);
      assert.deepEqual(transport.sessions[0]!.closeReasons, [reason]);
      await waitFor(() => transport.registry.closed().length === 1);
    });
  }

  it('echoes the code of a close frame', async () => {
    const transport = await started();
    const code = Buffer.from([0x0f, 0xa0]);
    const answer = await exchange(transport.port, raw(upgrade(), frame(CLOSE, code)));
    assert.ok(answer.endsWith('\x88\x02\x0f\xa0'), JSON.stringify(answer));
    await waitFor(() => transport.sessions[0]!.closeReasons.length === 1);
    assert.deepEqual(transport.sessions[0]!.closeReasons, ['Client Closed']);
  });

  it('does not wait long for a client that leaves the closing to us', async () => {
    const transport = await started();
    const client = await connect(transport);
    client.pause();
    transport.sessions[0]!.port.close('Kicked');
    const begin = performance.now();
    await transport.registry.closeAll('Server Shutdown', 10_000);
    assert.ok(performance.now() - begin < 5_000);
  });
});
