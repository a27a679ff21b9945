/**
 * One client's bytes over real loopback sockets: input in any pieces, holding, and every way to end.
 */
import assert from 'node:assert/strict';
import net from 'node:net';
import { afterEach, describe, it } from 'node:test';
import type { CloseReason } from '../../../src/close-reason.ts';
import { GatewayError } from '../../../src/errors.ts';
import type { ByteStream, ByteStreamHandlers } from '../../../src/transport/byte-stream.ts';
import type { RawClient } from '../../support/raw-client.ts';
import { waitFor } from '../../support/wait-for.ts';
import {
  type EchoSession,
  INFO,
  startTransport,
  type TestTransport,
  type TransportSettings,
} from './harness.ts';

const running: TestTransport[] = [];
afterEach(async () => {
  for (const transport of running.splice(0)) await transport.stop();
});

interface Pair {
  readonly transport: TestTransport;
  readonly client: RawClient;
  readonly session: EchoSession;
}

async function connected(settings: TransportSettings = {}): Promise<Pair> {
  const transport = await startTransport(settings);
  running.push(transport);
  const client = await transport.connect();
  return { transport, client, session: transport.sessions[0]! };
}

const pub = (body: string): string => `PUB x ${body.length}\r\n${body}\r\n`;
const msg = (body: string): string => `MSG x 1 ${body.length}\r\n${body}\r\n`;
const MIB = 1024 * 1024;

describe('connection: input', () => {
  const stream = `${pub('one')}PING\r\n${pub('')}${pub('a\r\nb')}PING\r\n`;
  const answer = `${msg('one')}PONG\r\n${msg('')}${msg('a\r\nb')}PONG\r\n`;

  it('answers the same however the bytes are cut', async () => {
    const { client } = await connected();
    for (let cut = 1; cut < stream.length; cut++) {
      client.send(stream.slice(0, cut));
      // Only after the answer to what is complete, or the kernel might join the parts.
      const complete = stream.slice(0, cut).includes('PING\r\n');
      if (complete) await client.expect(`${msg('one')}PONG\r\n`);
      client.send(stream.slice(cut));
      await client.expect(complete ? answer.slice(`${msg('one')}PONG\r\n`.length) : answer);
    }
  });

  it('answers the same byte by byte', async () => {
    const { client, session } = await connected();
    for (const byte of stream) {
      const seen = session.activity;
      client.send(byte);
      await waitFor(() => session.activity > seen);
    }
    await client.expect(answer);
  });

  it('holds a refused operation and everything behind it until resume', async () => {
    const { client, session, transport } = await connected();
    const connection = [...transport.registry.live()][0]!;
    session.isHolding = true;
    client.send(pub('1') + pub('2') + pub('3'));
    await waitFor(() => session.refusals === 1);
    client.send('PING\r\n');
    assert.equal(connection.isReading, false);
    session.isHolding = false;
    session.port.resume();
    await client.expect(`${msg('1')}${msg('2')}${msg('3')}PONG\r\n`);
    assert.equal(connection.isReading, true);
    assert.equal(session.refusals, 1);
  });

  it('does not read from a client that is held', async () => {
    const { client, session, transport } = await connected();
    session.isHolding = true;
    client.send(pub('x'));
    await waitFor(() => session.refusals === 1);
    const flood = Buffer.from(pub('y'.repeat(1000)).repeat(40_000));
    let isTaken = false;
    const sending = client.sendAll(flood).then(() => {
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

  it('retries in a later turn when a handler asks for it while refusing', async () => {
    const { client, session } = await connected();
    let depth = 0;
    let calls = 0;
    session.onPublication = ({ port }) => {
      calls += 1;
      assert.equal(depth, 0);
      depth += 1;
      port.resume();
      depth -= 1;
      // So many that one inside the other would overflow the stack.
      return calls >= 20_000;
    };
    client.send(pub('x'));
    await client.pingPong();
    assert.equal(calls, 20_000);
  });

  it('takes resume without anything held as nothing', async () => {
    const { client, session } = await connected();
    session.port.resume();
    await client.pingPong();
  });
});

describe('connection: output', () => {
  it('calls back in order when what was appended has been handed over', async () => {
    const { client, session } = await connected();
    const calls: string[] = [];
    session.port.onceFlushed(() => calls.push('nothing pending'));
    assert.equal(calls.length, 0);
    await waitFor(() => calls.length === 1);
    session.say('+OK\r\n');
    session.port.onceFlushed(() => {
      calls.push('first');
      session.say('-ERR\r\n');
      session.port.onceFlushed(() => calls.push('second'));
      assert.equal(session.port.pendingBytes, '-ERR\r\n'.length);
    });
    await waitFor(() => calls.length === 3);
    assert.deepEqual(calls, ['nothing pending', 'first', 'second']);
    assert.equal(session.port.pendingBytes, 0);
    await client.expect('+OK\r\n-ERR\r\n');
  });

  it('delivers large output complete and in order', async () => {
    const { client, session } = await connected();
    const expected: string[] = [];
    for (let i = 0; i < 300; i++) {
      const text = `${i} ${'x'.repeat((i * 7919) % 50_000)}\r\n`;
      expected.push(text);
      session.say(text);
      if (i % 10 === 0) await new Promise((done) => setImmediate(done));
    }
    session.say('END\r\n');
    const received = await client.readUntil('END\r\n');
    assert.ok(received.equals(Buffer.from(`${expected.join('')}END\r\n`)));
  });

  it('cuts a client without a word when more than max_pending is queued', async () => {
    const { client, session, transport } = await connected({ maxPendingBytes: 4 * MIB });
    client.pause();
    const part = `${'x'.repeat(65_534)}\r\n`;
    let most = 0;
    while (session.closeReasons.length === 0) {
      session.say(part);
      most = Math.max(most, session.port.pendingBytes);
      await new Promise((done) => setImmediate(done));
    }
    assert.deepEqual(session.closeReasons, ['Slow Consumer (Pending Bytes)']);
    assert.ok(most <= 4 * MIB, `${most} bytes were queued`);
    assert.equal(transport.pending.totalBytes, 0);
    client.resume();
    const { leftover } = await client.closed();
    assert.doesNotMatch(leftover.toString('latin1'), /-ERR/);
  });

  it('cuts at one byte more than max_pending and not at max_pending', async () => {
    const { client, session } = await connected({ maxPendingBytes: 1000 });
    await waitFor(() => session.port.pendingBytes === 0);
    session.say('x'.repeat(1000));
    await client.readBytes(1000);
    await waitFor(() => session.port.pendingBytes === 0);
    session.say('x'.repeat(1001));
    await waitFor(() => session.closeReasons.length === 1);
    assert.deepEqual(session.closeReasons, ['Slow Consumer (Pending Bytes)']);
  });

  it('cuts a client when a write is older than write_deadline', async () => {
    const { client, session } = await connected({ writeDeadlineMs: 150 });
    client.pause();
    const startMs = performance.now();
    session.say('x'.repeat(30 * MIB));
    await waitFor(() => session.closeReasons.length === 1);
    assert.deepEqual(session.closeReasons, ['Slow Consumer (Write Deadline)']);
    assert.ok(performance.now() - startMs >= 150);
  });

  it('keeps a client that goes on reading, however long the queue takes', async () => {
    const { client, session } = await connected({ writeDeadlineMs: 300 });
    client.pause();
    const total = 40 * MIB;
    session.say('x'.repeat(total));
    const startMs = performance.now();
    // Some at a time, over more than twice the deadline.
    while (client.receivedBytes < total && performance.now() - startMs < 20_000) {
      client.resume();
      const seen = client.receivedBytes;
      await waitFor(() => client.receivedBytes >= Math.min(total, seen + 4 * MIB));
      client.pause();
      await new Promise((done) => setTimeout(done, 80));
    }
    assert.ok(performance.now() - startMs > 600);
    assert.deepEqual(session.closeReasons, []);
    client.resume();
    await client.pingPong();
  });

  it('cuts the connection with most pending when the sum is above max_total_pending', async () => {
    const { client, session, transport } = await connected({ maxTotalPendingBytes: 20 * MIB });
    const other = await transport.connect();
    client.pause();
    other.pause();
    session.say('x'.repeat(14 * MIB));
    transport.sessions[1]!.say('x'.repeat(10 * MIB));
    await waitFor(() => session.closeReasons.length === 1);
    assert.deepEqual(session.closeReasons, ['Slow Consumer (Pending Bytes)']);
    other.resume();
    await other.readBytes(10 * MIB);
    await other.pingPong();
    await waitFor(() => transport.pending.totalBytes === 0);
  });
});

describe('connection: end', () => {
  it('gets the -ERR through although input is unread', async () => {
    for (let round = 0; round < 10; round++) {
      const { client, session } = await connected();
      client.send('BAD\r\n');
      client.send(Buffer.alloc(3 * MIB, 'x'));
      await client.expect("-ERR 'Unknown Protocol Operation'\r\n");
      assert.equal((await client.closed()).how, 'eof');
      assert.deepEqual(session.closeReasons, ['Protocol Violation']);
    }
  });

  it('gets everything queued before the -ERR through', async () => {
    const { client, session } = await connected();
    session.say('x'.repeat(20 * MIB));
    session.port.fail(new GatewayError('GW_STALE', 'test'));
    session.say('never sent');
    await client.readBytes(20 * MIB);
    await client.expect("-ERR 'Stale Connection'\r\n");
    const end = await client.closed();
    assert.deepEqual([end.how, end.leftover.toString()], ['eof', '']);
  });

  it('does not wait for ever for the other side to close', async () => {
    const { client, transport } = await connected();
    const stubborn = net.connect({ port: transport.port, host: '127.0.0.1', allowHalfOpen: true });
    stubborn.on('error', () => {}).resume();
    await waitFor(() => transport.sessions.length === 2);
    client.reset();
    transport.sessions[1]!.port.close('Kicked');
    const begin = performance.now();
    await transport.registry.closeAll('Server Shutdown', 10_000);
    const tookMs = performance.now() - begin;
    stubborn.destroy();
    assert.ok(tookMs > 900 && tookMs < 5_000, `${tookMs} ms`);
  });

  it('answers what was sent before a half-close, then closes', async () => {
    const { client, session } = await connected();
    client.send(`${pub('last')}PING\r\n`);
    client.halfClose();
    await client.expect(`${msg('last')}PONG\r\n`);
    assert.equal((await client.closed()).how, 'eof');
    assert.equal(session.ends, 1);
    assert.deepEqual(session.closeReasons, ['Client Closed']);
  });

  it('waits with the end of input until held operations are done', async () => {
    const { client, session } = await connected();
    session.isHolding = true;
    client.send(pub('last'));
    client.halfClose();
    await waitFor(() => session.refusals === 1);
    assert.equal(session.ends, 0);
    session.isHolding = false;
    session.port.resume();
    await client.expect(msg('last'));
    assert.equal((await client.closed()).how, 'eof');
    assert.equal(session.ends, 1);
  });

  it('does not hold for ever what a client has left behind', async () => {
    const { client, session, transport } = await connected({ writeDeadlineMs: 100 });
    session.isHolding = true;
    client.send(pub('1'));
    await waitFor(() => session.refusals === 1);
    client.reset();
    // A held connection is not read, so only a write notices the reset.
    session.say('x');
    session.say('x');
    await waitFor(() => {
      if (session.closeReasons.length === 0) session.say('x');
      return session.closeReasons.length === 1;
    });
    await waitFor(() => transport.registry.closed().length === 1);
  });

  it('tells a client that resets as Client Closed', async () => {
    const { client, session } = await connected();
    client.reset();
    await waitFor(() => session.closeReasons.length === 1);
    assert.deepEqual(session.closeReasons, ['Client Closed']);
  });

  it('keeps the first reason and tells it once', async () => {
    const { client, session, transport } = await connected();
    session.port.close('Kicked');
    session.port.close('Stale Connection');
    session.port.fail(new GatewayError('GW_STALE', 'test'));
    transport.registry.live().next().value?.abort('Server Shutdown');
    client.reset();
    await transport.registry.closeAll('Server Shutdown', 100);
    assert.deepEqual(session.closeReasons, ['Kicked']);
    assert.deepEqual(
      transport.registry.closed().map(({ reason }) => reason),
      ['Kicked'],
    );
  });

  it('tells the session later than within its own call', async () => {
    const { session } = await connected();
    session.port.close('Kicked');
    assert.deepEqual(session.closeReasons, []);
    await waitFor(() => session.closeReasons.length === 1);
  });

  it('sends the text of an error that does not close and goes on', async () => {
    const { client, session } = await connected();
    session.port.fail(new GatewayError('GW_INVALID_SUBJECT', 'test'));
    const errText = 'Permissions Violation for Publish to "a"';
    session.port.fail(new GatewayError('GW_NAME_UNMAPPABLE', 'test', { context: { errText } }));
    session.port.fail(new GatewayError('GW_NAME_UNMAPPABLE', 'test'));
    await client.expect(`-ERR 'Invalid Subject'\r\n-ERR '${errText}'\r\n`);
    client.send('PING\r\n');
    await client.expect('PONG\r\n');
  });

  it('closes without a word where the error table says so', async () => {
    const { client, session } = await connected();
    session.port.fail(new GatewayError('GW_SHUTDOWN', 'test'));
    const end = await client.closed();
    assert.deepEqual([end.how, end.leftover.toString()], ['eof', '']);
    assert.deepEqual(session.closeReasons, ['Server Shutdown']);
  });

  it('closes only the one client on a bug, and logs no input', async () => {
    const { client, session, transport } = await connected();
    const other = await transport.connect();
    session.onPublication = () => {
      throw new TypeError('password=secret');
    };
    client.send(pub('x'));
    assert.equal((await client.closed()).leftover.toString(), '');
    assert.deepEqual(session.closeReasons, ['Internal Error']);
    await other.pingPong();
    const line = transport.logLines.find(({ event }) => event === 'client.internal_error');
    assert.equal(line?.error_type, 'TypeError');
    assert.match(String(line?.stack), /^ +at /);
    assert.doesNotMatch(JSON.stringify(transport.logLines), /secret/);
  });
});

describe('connection: max_total_input', () => {
  const half = (bytes: number): string => `PUB x ${bytes}\r\n${'p'.repeat(bytes / 2)}`;

  it('serves clients with partial payloads one after the other', async () => {
    const { client, transport } = await connected({ maxTotalInputBytes: 400_000 });
    const clients = [client, await transport.connect(), await transport.connect()];
    for (const each of clients) each.send(half(400_000));
    await waitFor(() => transport.input.totalBytes > 400_000);
    for (const each of clients) each.send(`${'p'.repeat(200_000)}\r\n`);
    for (const each of clients) await each.readUntil(`${'p'.repeat(100)}\r\n`);
    assert.equal(transport.input.totalBytes, 0);
    assert.ok([...transport.registry.live()].every(({ isReading }) => isReading));
  });

  it('cuts one that does not finish, and the others go on', async () => {
    const { client, session, transport } = await connected({ maxTotalInputBytes: 250_000 });
    const other = await transport.connect();
    client.send(half(400_000));
    await waitFor(() => transport.input.totalBytes >= 200_000);
    other.send(half(300_000));
    await waitFor(() => transport.input.totalBytes > 250_000);
    other.send(`${'p'.repeat(150_000)}\r\n`);
    await client.expect("-ERR 'Stale Connection'\r\n");
    assert.deepEqual(session.closeReasons, ['Stale Connection']);
    await other.readUntil(`${'p'.repeat(100)}\r\n`);
    assert.equal(transport.input.totalBytes, 0);
  });

  it('does not stop clients that are between messages', async () => {
    const { client, transport } = await connected({ maxTotalInputBytes: 100_000 });
    const other = await transport.connect();
    client.send(half(400_000));
    await waitFor(() => transport.input.totalBytes > 100_000);
    await other.pingPong();
  });
});

/** A stream that a test drives step by step. */
class ManualStream implements ByteStream {
  bufferedBytes = 0;
  handlers!: ByteStreamHandlers;
  readonly written: string[] = [];
  readonly calls: string[] = [];
  #done: () => void = () => {};

  attach(handlers: ByteStreamHandlers): void {
    this.handlers = handlers;
  }
  write(chunks: readonly Buffer[], done: () => void): void {
    this.written.push(Buffer.concat(chunks).toString());
    this.#done = done;
  }
  /** The kernel takes what was written last. */
  take(): void {
    this.#done();
  }
  pause(): void {
    this.calls.push('pause');
  }
  resume(): void {
    this.calls.push('resume');
  }
  end(reason: CloseReason): void {
    this.calls.push(`end ${reason}`);
  }
  destroy(): void {
    this.calls.push('destroy');
  }
}

async function manual(settings: TransportSettings = {}) {
  const transport = await startTransport(settings);
  running.push(transport);
  const stream = new ManualStream();
  const origin = {
    listener: 'manual',
    transport: 'tcp',
    remoteAddress: '127.0.0.1',
    remotePort: 1,
    localAddress: '127.0.0.1',
    localPort: 2,
    tls: null,
  } as const;
  transport.acceptor.accept({ stream, origin, maxConnections: undefined, pace: null });
  return { transport, stream, session: transport.sessions[0]! };
}

const turn = (): Promise<void> => new Promise((done) => setImmediate(done));

describe('connection: steps', () => {
  it('takes what a client has sent before it went away, then ends', async () => {
    const { transport, stream, session } = await manual();
    session.isHolding = true;
    stream.handlers.onData(Buffer.from(pub('1') + pub('2')));
    stream.handlers.onClosed('Client Closed');
    await turn();
    assert.deepEqual([session.refusals, session.closeReasons], [1, []]);
    session.say('nobody reads this');
    session.isHolding = false;
    session.port.resume();
    await turn();
    assert.deepEqual([session.bodies, session.closeReasons], [['1', '2'], ['Client Closed']]);
    assert.deepEqual([stream.written, session.ends, transport.pending.totalBytes], [[INFO], 0, 0]);
    assert.equal(transport.registry.size, 0);
  });

  it('has one write at a time and joins what is appended meanwhile', async () => {
    const { stream, session } = await manual();
    session.say('a');
    session.say('b');
    await turn();
    assert.deepEqual(stream.written, [INFO]);
    session.say('c');
    stream.take();
    assert.deepEqual(stream.written, [INFO, 'abc']);
    assert.equal(session.port.pendingBytes, 3);
    stream.take();
    await turn();
    assert.deepEqual([stream.written.length, session.port.pendingBytes], [2, 0]);
    stream.handlers.onClosed('Client Closed');
  });

  it('writes large output in parts of at most a mebibyte', async () => {
    const { stream, session } = await manual();
    stream.take();
    const large = Buffer.alloc(2 * MIB + 7, 'x');
    session.port.output.appendText('head');
    session.port.output.appendBytes(large, 0, large.length);
    session.say('tail');
    await turn();
    for (let i = 0; i < 10; i++) stream.take();
    const [, ...parts] = stream.written;
    assert.ok(parts.every((part) => part.length > 0 && part.length <= MIB));
    assert.equal(parts.join(''), `head${large}tail`);
    stream.handlers.onClosed('Client Closed');
  });

  it('ends our side only after the last byte was taken', async () => {
    const { stream, session } = await manual();
    session.say('last');
    session.port.close('Kicked');
    session.say('too late');
    stream.take();
    assert.deepEqual([stream.written, stream.calls], [[INFO, 'last'], []]);
    stream.take();
    assert.deepEqual(stream.calls, ['end Kicked']);
    stream.handlers.onClosed('Client Closed');
    await turn();
    assert.deepEqual(session.closeReasons, ['Kicked']);
  });

  it('discards input after close, also when it was paused', async () => {
    const { stream, session } = await manual();
    session.isHolding = true;
    stream.handlers.onData(Buffer.from(pub('1')));
    assert.deepEqual(stream.calls, ['pause']);
    session.isHolding = false;
    session.port.close('Kicked');
    session.port.resume();
    stream.handlers.onData(Buffer.from(pub('2')));
    stream.handlers.onEnd();
    assert.deepEqual([stream.calls, session.bodies, session.ends], [['pause', 'resume'], [], 0]);
    stream.handlers.onClosed('Client Closed');
  });

  it('destroys at once what cannot be flushed in time', async () => {
    const { stream, session } = await manual({ writeDeadlineMs: 50 });
    session.port.close('Server Shutdown');
    await waitFor(() => stream.calls.includes('destroy'));
    stream.handlers.onClosed('Client Closed');
    await turn();
    assert.deepEqual(session.closeReasons, ['Server Shutdown']);
  });

  it('does not call back after close', async () => {
    const { stream, session } = await manual();
    const calls: string[] = [];
    session.port.onceFlushed(() => calls.push('before'));
    session.port.close('Kicked');
    session.port.onceFlushed(() => calls.push('after'));
    stream.take();
    stream.take();
    await turn();
    assert.deepEqual(calls, []);
    stream.handlers.onClosed('Client Closed');
  });
});
