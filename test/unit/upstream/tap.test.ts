/** The tap between a pair of in-memory streams: MQTT.js's side above, the socket's below. */
import assert from 'node:assert/strict';
import { Duplex } from 'node:stream';
import { test } from 'node:test';
import mqttPacket, { type Packet } from 'mqtt-packet';
import { Tap, type TapEvents } from '../../../src/upstream/tap.ts';
import { waitFor } from '../../support/wait-for.ts';
import { outbound } from './harness.ts';

/** Stands for the socket: keeps what was written, takes it when told to. */
class FakeSocket extends Duplex {
  written = Buffer.alloc(0);
  writes = 0;
  isHolding = false;
  #held: (() => void)[] = [];

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#take([chunk], done);
  }

  override _writev(chunks: { chunk: Buffer }[], done: () => void): void {
    this.#take(
      chunks.map(({ chunk }) => chunk),
      done,
    );
  }

  release(): void {
    this.isHolding = false;
    for (const done of this.#held.splice(0)) done();
  }

  /** Packets written so far. */
  get packets(): Packet[] {
    const found: Packet[] = [];
    const parser = mqttPacket.parser({ protocolVersion: 5 });
    parser.on('packet', (packet) => found.push(packet));
    parser.on('error', (error) => assert.fail(error));
    parser.parse(this.written);
    return found;
  }

  #take(chunks: readonly Buffer[], done: () => void): void {
    this.writes++;
    this.written = Buffer.concat([this.written, ...chunks]);
    if (this.isHolding) this.#held.push(done);
    else done();
  }
}

function tapOver(events: Partial<TapEvents> = {}) {
  const socket = new FakeSocket();
  const got: string[] = [];
  const tap = new Tap(socket, 5, {
    onPublish: (message) => got.push(message.body.toString('utf8', message.payloadStart, message.payloadEnd)),
    onPuback: (id, code) => got.push(`puback ${id} ${code}`),
    onWritten: () => {},
    onMalformed: (detail) => got.push(`malformed: ${detail}`),
    ...events,
  });
  const passed: Buffer[] = [];
  tap.on('data', (bytes: Buffer) => passed.push(Buffer.from(bytes)));
  return { socket, tap, got, passed };
}

const generate = (packet: Packet): Buffer => mqttPacket.generate(packet, { protocolVersion: 5 });
const publish = (payload: string, qos: 0 | 1 = 0, messageId = 7): Buffer =>
  generate({ cmd: 'publish', topic: 't', payload, qos, dup: false, retain: false, messageId });

test('tap: before it is opened every packet goes to MQTT.js', async () => {
  const { socket, tap, got, passed } = tapOver();
  const connack = generate({ cmd: 'connack', reasonCode: 0, sessionPresent: false });
  socket.push(Buffer.concat([connack, publish('early')]));
  await waitFor(() => passed.length > 0);
  assert.deepEqual(Buffer.concat(passed), Buffer.concat([connack, publish('early')]));
  assert.deepEqual(got, []);
  tap.destroy();
});

test('tap: takes PUBLISH and its own PUBACKs, passes the rest on, in order', async () => {
  const { socket, tap, got, passed } = tapOver();
  tap.open();
  const suback = generate({ cmd: 'suback', messageId: 5, granted: [0] });
  const foreign = generate({ cmd: 'puback', messageId: 5, reasonCode: 0 });
  const own = generate({ cmd: 'puback', messageId: 1024, reasonCode: 0x10 });
  const ownPlain = Buffer.of(0x40, 2, 0x04, 0x01);
  socket.push(Buffer.concat([publish('a'), suback, own, foreign, publish('b', 1), ownPlain]));
  await waitFor(() => got.length === 4 && passed.length > 0);
  assert.deepEqual(got, ['a', 'puback 1024 16', 'b', 'puback 1025 0']);
  assert.deepEqual(Buffer.concat(passed), Buffer.concat([suback, foreign]));
  tap.destroy();
});

test('tap: a delivery with QoS 1 is acknowledged, one with QoS 0 is not', async () => {
  const { socket, tap } = tapOver();
  tap.open();
  socket.push(Buffer.concat([publish('a', 0), publish('b', 1, 77), publish('c', 1, 78)]));
  await waitFor(() => socket.packets.length === 2);
  assert.deepEqual(
    socket.packets.map((packet) => [packet.cmd, packet.messageId]),
    [
      ['puback', 77],
      ['puback', 78],
    ],
  );
  assert.equal(socket.writes, 1, 'one write per turn');
  tap.destroy();
});

test('tap: publications and the packets of MQTT.js leave together, none inside another', async () => {
  const { socket, tap } = tapOver();
  tap.open();
  tap.publish(outbound('own/1', 'x'.repeat(100)), 1024);
  mqttPacket.writeToStream({ cmd: 'subscribe', messageId: 3, subscriptions: [{ topic: 'f', qos: 0 }] }, tap, {
    protocolVersion: 5,
  });
  tap.publish(outbound('own/2', 'y'.repeat(40_000)), 1025);
  await waitFor(() => socket.packets.length === 3);
  assert.deepEqual(socket.packets.map(({ cmd }) => cmd).sort(), ['publish', 'publish', 'subscribe']);
  tap.destroy();
});

test('tap: counts what the kernel has not taken, and tells when it has', async () => {
  let written = 0;
  const { socket, tap } = tapOver({ onWritten: () => written++ });
  tap.open();
  socket.isHolding = true;
  tap.publish(outbound('t', 'x'.repeat(1000)), 1024);
  const pending = tap.pendingBytes;
  assert.ok(pending > 1000);
  await waitFor(() => socket.writes === 1);
  assert.equal(tap.pendingBytes, pending);
  assert.equal(written, 0);
  socket.release();
  await waitFor(() => written === 1);
  assert.equal(tap.pendingBytes, 0);
  tap.destroy();
});

test('tap: the end of MQTT.js comes behind everything published', async () => {
  const { socket, tap } = tapOver();
  tap.open();
  tap.publish(outbound('t', 'last'), 1024);
  mqttPacket.writeToStream({ cmd: 'disconnect', reasonCode: 0 }, tap, { protocolVersion: 5 });
  tap.end();
  await waitFor(() => socket.writableFinished);
  assert.deepEqual(
    socket.packets.map(({ cmd }) => cmd),
    ['publish', 'disconnect'],
  );
});

test('tap: the end and the error of the socket reach MQTT.js, and nothing is written afterwards', async () => {
  const { socket, tap } = tapOver();
  tap.open();
  const errors: string[] = [];
  let isClosed = false;
  tap
    .on('error', (error) => errors.push(error.message))
    .on('close', () => {
      isClosed = true;
    });
  tap.publish(outbound('t', 'too late'), 1024);
  socket.destroy(new Error('reset'));
  await waitFor(() => isClosed);
  assert.deepEqual(errors, ['reset']);
  assert.equal(tap.pendingBytes, 0);
  assert.equal(socket.writes, 0);
});

test('tap: malformed packets are reported once', async () => {
  const { socket, tap, got } = tapOver();
  tap.open();
  socket.push(Buffer.of(0x30, 0xff, 0xff, 0xff, 0xff, 0xff));
  socket.push(publish('after'));
  await waitFor(() => got.length > 0);
  assert.deepEqual(got, ['malformed: a packet length of more than four bytes']);
  tap.destroy();
});
