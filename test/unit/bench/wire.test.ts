/** What the generators read: whole, byte by byte, and cut at every position, with equal results. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import mqttPacket from 'mqtt-packet';
import { FrameSplitter } from '../../bench/wire/frame-splitter.ts';
import { MessageReader } from '../../bench/wire/message-reader.ts';
import { SequenceCheck, writeSequence, writeStream } from '../../bench/wire/sequence.ts';
import { mqttPublish, natsPublish } from '../../bench/wire/templates.ts';

/** Feeds bytes in one piece, in single bytes, and in two pieces cut at every position. */
function everyCut(bytes: Buffer, read: (chunks: readonly Buffer[]) => unknown): void {
  const whole = read([bytes]);
  assert.deepEqual(read(Array.from(bytes, (byte) => Buffer.from([byte]))), whole);
  for (let at = 1; at < bytes.length; at++) {
    assert.deepEqual(read([bytes.subarray(0, at), bytes.subarray(at)]), whole, `cut at ${at}`);
  }
}

function readFrames(chunks: readonly Buffer[], protocolVersion: 4 | 5): unknown[] {
  const seen: unknown[] = [];
  const splitter = new FrameSplitter({
    onPublish: (frame) =>
      seen.push({
        topic: frame.buffer.toString('utf8', frame.topicStart, frame.topicEnd),
        payload: frame.buffer.toString('utf8', frame.payloadStart, frame.end),
        propertyBytes: frame.payloadStart - frame.propertiesStart,
        packetId: frame.packetId,
        qos: frame.qos,
      }),
    onPacket: (buffer, start, end) => seen.push(buffer.subarray(start, end).toString('hex')),
  });
  splitter.protocolVersion = protocolVersion;
  for (const chunk of chunks) splitter.push(chunk);
  return seen;
}

for (const protocolVersion of [4, 5] as const) {
  test(`frame splitter: finds the parts of packets of MQTT ${protocolVersion}, however they are cut`, () => {
    const publish = { cmd: 'publish', topic: 'a/b', retain: false, dup: false } as const;
    const long = 'y'.repeat(200);
    const packets = [
      mqttPacket.generate({ cmd: 'pingreq' }, { protocolVersion }),
      mqttPacket.generate({ ...publish, payload: 'x', qos: 0 }, { protocolVersion }),
      mqttPacket.generate({ ...publish, payload: long, qos: 1, messageId: 300 }, { protocolVersion }),
      mqttPublish({ topic: 't', protocolVersion, identifiers: [7] }, { payloadBytes: 9, headers: 2 }).bytes,
    ];
    const bytes = Buffer.concat(packets);
    const [ping, first, second, third] = readFrames([bytes], protocolVersion) as Record<string, unknown>[];
    assert.equal(ping, 'c000');
    assert.deepEqual(first, { topic: 'a/b', payload: 'x', propertyBytes: 0, packetId: null, qos: 0 });
    assert.deepEqual(second, { topic: 'a/b', payload: long, propertyBytes: 0, packetId: 300, qos: 1 });
    assert.equal(third?.payload, 'x'.repeat(9));
    assert.equal(Number(third?.propertyBytes) > 0, protocolVersion === 5);
    everyCut(bytes, (chunks) => readFrames(chunks, protocolVersion));
  });
}

test('message reader: finds messages, lines and +OK, however they are cut', () => {
  const text =
    'INFO {"a":1}\r\nPONG\r\n+OK\r\nMSG a 1 5\r\nhello\r\nMSG a.b 12 c.d 0\r\n\r\n+OK\r\n' +
    'HMSG a 1 12 15\r\nNATS/1.0\r\n\r\nxyz\r\nHMSG a 1 r 12 12\r\nNATS/1.0\r\n\r\n\r\nPING\r\n';
  const read = (chunks: readonly Buffer[]): unknown[] => {
    const seen: unknown[] = [];
    const reader = new MessageReader({
      onMessage: (buffer, start, end, lineStart) =>
        seen.push([
          buffer.toString('latin1', lineStart, lineStart + 4),
          buffer.toString('latin1', start, end),
        ]),
      onLine: (line) => seen.push(line),
    });
    for (const chunk of chunks) reader.push(chunk);
    seen.push(reader.confirmed);
    return seen;
  };
  const expected = [
    'INFO {"a":1}',
    'PONG',
    ['MSG ', 'hello'],
    ['MSG ', ''],
    ['HMSG', 'xyz'],
    ['HMSG', ''],
    'PING',
    2,
  ];
  assert.deepEqual(read([Buffer.from(text)]), expected);
  everyCut(Buffer.from(text), read);
});

test('templates: a PUB and an HPUB have their payload where they say', () => {
  const plain = natsPublish('a.b', { payloadBytes: 8, headers: 0 });
  assert.equal(plain.bytes.toString(), `PUB a.b 8\r\n${'x'.repeat(8)}\r\n`);
  assert.equal(plain.bytes.indexOf('x'), plain.payloadAt);
  const { bytes, payloadAt } = natsPublish('a', { payloadBytes: 8, headers: 2 });
  const [, block, total] = /^HPUB a (\d+) (\d+)\r\n/.exec(bytes.toString()) ?? [];
  assert.equal(Number(total) - Number(block), 8);
  assert.equal(bytes.toString('latin1', payloadAt), `${'x'.repeat(8)}\r\n`);
});

function payload(stream: number, number: number): Buffer {
  const buffer = Buffer.alloc(8);
  writeStream(buffer, 0, stream);
  writeSequence(buffer, 0, number);
  return buffer;
}

const SEQUENCES: readonly (readonly [name: string, payloads: readonly Buffer[], fault: RegExp | null])[] = [
  ['is content with all in order', [0, 1, 2].map((number) => payload(1, number)), null],
  ['misses a message', [0, 2].map((number) => payload(1, number)), /message 2 .* message 1 .*: lost/],
  ['misses the first message', [payload(1, 1)], /message 1 in place of message 0/],
  ['sees a message twice', [0, 1, 1].map((number) => payload(1, number)), /message 1 again .* message 2/],
  ['sees two swapped', [0, 2, 1].map((number) => payload(1, number)), /message 2 .* message 1/],
  ['sees a message of another stream', [payload(1, 0), payload(2, 1)], /of stream 2 .* of stream 1/],
  ['sees a payload that is too short', [Buffer.alloc(3)], /3 bytes of payload/],
  ['reports the first fault only', [0, 3, 1].map((number) => payload(1, number)), /message 3/],
];
for (const [name, payloads, fault] of SEQUENCES) {
  test(`sequence check: ${name}`, () => {
    const check = new SequenceCheck();
    check.expect(1);
    for (const one of payloads) check.take(one, 0, one.length);
    if (fault === null) assert.equal(check.fault, null);
    else assert.match(String(check.fault), fault);
  });
}

test('sequence check: counts beyond 16 and 31 bits', () => {
  for (const number of [65_535, 65_536, 2 ** 31, 2 ** 32 - 1]) {
    const check = new SequenceCheck();
    check.expect(1);
    check.received = number;
    check.take(payload(1, number), 0, 8);
    assert.equal(check.fault, null, String(number));
  }
});
