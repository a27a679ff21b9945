import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import mqttPacket, { type IPublishPacket } from 'mqtt-packet';
import type { OutboundPublication, PublicationProperties } from '../../src/mqtt/publication.ts';
import { PublishDecoder, varintLength } from '../../src/mqtt/publish-decoder.ts';
import { writePublish } from '../../src/mqtt/publish-encoder.ts';
import { FrameSplitter } from '../../src/upstream/frame-splitter.ts';
import { OutputBuffer } from '../../src/util/output-buffer.ts';

const RUNS = { numRuns: 2000 };

const text = fc.string({ unit: 'grapheme', maxLength: 40 });
const name = text.filter((one) => one.length > 0);
const bytes = fc.uint8Array({ maxLength: 300 }).map((one) => Buffer.from(one));
const pairs = fc.array(fc.tuple(text, text), { maxLength: 5 });

const properties = fc.record(
  {
    userProperties: pairs.map((list) => list.flat()),
    responseTopic: name,
    correlationData: bytes,
    contentType: text,
    messageExpiry: fc.integer({ min: 0, max: 0xffff_ffff }),
  },
  { requiredKeys: [] },
);

const message = fc.record({
  topic: name,
  payload: bytes,
  qos: fc.constantFrom<0 | 1>(0, 1),
  retain: fc.boolean(),
  packetId: fc.integer({ min: 1, max: 65_535 }),
  properties: fc.option(properties, { nil: null }),
});

function encoded(out: OutputBuffer): Buffer {
  return Buffer.concat(out.take());
}

function publicationOf(given: {
  topic: string;
  payload: Buffer;
  qos: 0 | 1;
  retain: boolean;
  properties: PublicationProperties | null;
}): OutboundPublication {
  const { topic, payload, qos, retain } = given;
  const body = Buffer.concat([Buffer.from('before'), payload, Buffer.from('after')]);
  return {
    topic: { text: topic, bytes: Buffer.from(topic) },
    body,
    payloadStart: 6,
    payloadEnd: 6 + payload.length,
    qos,
    retain,
    properties: given.properties,
  };
}

/** The list that MQTT.js's parser cannot give: read from the bytes, order and repeats kept. */
function decode(frame: Buffer, protocolVersion: 4 | 5) {
  const decoder = new PublishDecoder(protocolVersion);
  const bodyStart = 1 + varintLength(frame, 1, frame.length);
  const found = decoder.decode(frame, frame[0] ?? 0, bodyStart, frame.length);
  return { found, decoder };
}

test('publish codec: what is written is read back, properties in order', () => {
  fc.assert(
    fc.property(message, (given) => {
      const out = new OutputBuffer();
      writePublish(out, publicationOf(given), given.packetId, 5);
      const { found, decoder } = decode(encoded(out), 5);
      assert.ok(found !== null);
      assert.equal(found.topicBuffer.toString('utf8', found.topicStart, found.topicEnd), given.topic);
      assert.deepEqual(found.body.subarray(found.payloadStart, found.payloadEnd), given.payload);
      assert.equal(found.qos, given.qos);
      assert.equal(found.retain, given.retain);
      assert.equal(decoder.packetId, given.qos === 0 ? 0 : given.packetId);
      const expected = { ...given.properties };
      if (expected.userProperties?.length === 0) delete expected.userProperties;
      assert.deepEqual({ ...found.properties }, expected);
    }),
    RUNS,
  );
});

test('publish codec: mqtt-packet reads what is written, on both protocol levels', () => {
  fc.assert(
    fc.property(message, fc.constantFrom<4 | 5>(4, 5), (given, protocolVersion) => {
      const out = new OutputBuffer();
      writePublish(out, publicationOf(given), given.packetId, protocolVersion);
      const parser = mqttPacket.parser({ protocolVersion });
      const packets: IPublishPacket[] = [];
      parser.on('packet', (packet) => packets.push(packet as IPublishPacket));
      parser.on('error', (error) => assert.fail(error));
      parser.parse(encoded(out));
      assert.equal(packets.length, 1);
      const [packet] = packets;
      assert.equal(packet?.topic, given.topic);
      assert.deepEqual(packet?.payload, given.payload);
      assert.equal(packet?.qos, given.qos);
      assert.equal(packet?.retain, given.retain);
      assert.equal(packet?.dup, false);
      if (given.qos === 1) assert.equal(packet?.messageId, given.packetId);
      if (protocolVersion === 4) return;
      assert.equal(packet?.properties?.responseTopic, given.properties?.responseTopic);
      assert.deepEqual(packet?.properties?.correlationData, given.properties?.correlationData);
      assert.equal(packet?.properties?.contentType, given.properties?.contentType);
      assert.equal(packet?.properties?.messageExpiryInterval, given.properties?.messageExpiry);
    }),
    RUNS,
  );
});

test('publish decoder: reads what mqtt-packet writes, Subscription Identifiers in order', () => {
  const identifiers = fc.array(fc.integer({ min: 1, max: 268_435_455 }), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(message, identifiers, (given, ids) => {
      const frame = mqttPacket.generate(
        {
          cmd: 'publish',
          dup: false,
          topic: given.topic,
          payload: given.payload,
          qos: given.qos,
          retain: given.retain,
          messageId: given.packetId,
          properties: {
            payloadFormatIndicator: true,
            // mqtt-packet writes a list of them, although its types know only one.
            subscriptionIdentifier: ids as unknown as number,
            ...(given.properties?.responseTopic !== undefined && {
              responseTopic: given.properties.responseTopic,
            }),
          },
        },
        { protocolVersion: 5 },
      );
      const { found, decoder } = decode(frame, 5);
      assert.ok(found !== null);
      assert.deepEqual(decoder.identifiers, ids);
      assert.deepEqual(found.body.subarray(found.payloadStart, found.payloadEnd), given.payload);
      assert.equal(found.properties?.responseTopic, given.properties?.responseTopic);
      assert.equal(found.wireUserProperties, null);
    }),
    RUNS,
  );
});

test('publish decoder: any bytes give a message within them, or none', () => {
  fc.assert(
    fc.property(
      bytes,
      fc.integer({ min: 0, max: 255 }),
      fc.constantFrom<4 | 5>(4, 5),
      (frame, flags, level) => {
        const decoder = new PublishDecoder(level);
        // Bytes of the next packet must not be taken for this one's.
        const buffer = Buffer.concat([frame, Buffer.alloc(70, 0x26)]);
        const found = decoder.decode(buffer, flags, 0, frame.length);
        if (found === null) return;
        assert.ok(found.topicEnd > found.topicStart && found.topicEnd <= found.payloadStart);
        assert.ok(found.payloadStart <= found.payloadEnd && found.payloadEnd === frame.length);
        for (const one of found.properties?.userProperties ?? []) assert.ok(one.length <= frame.length);
      },
    ),
    { numRuns: 20_000 },
  );
});

interface Taken {
  readonly frames: string[];
  readonly passed: Buffer;
}

/** What a splitter makes of chunks when it is given every packet whose type is not 8 or 9. */
function split(chunks: readonly Buffer[]): Taken {
  const frames: string[] = [];
  const passed: Buffer[] = [];
  const splitter = new FrameSplitter({
    onFrame(buffer, start, bodyStart, end) {
      const type = (buffer[start] ?? 0) >> 4;
      if (type === 8 || type === 9) return false;
      frames.push(`${buffer.toString('hex', start, bodyStart)} ${buffer.toString('hex', bodyStart, end)}`);
      return true;
    },
    onPassed: (one) => passed.push(Buffer.from(one)),
    onMalformed: (detail) => assert.fail(detail),
  });
  for (const chunk of chunks) splitter.push(chunk);
  return { frames, passed: Buffer.concat(passed) };
}

function frameOf(first: number, body: Buffer): Buffer {
  const length: number[] = [];
  let rest = body.length;
  do {
    length.push(rest > 127 ? (rest & 127) | 128 : rest);
    rest >>= 7;
  } while (rest > 0);
  return Buffer.concat([Buffer.of(first, ...length), body]);
}

test('frame splitter: any cut of the stream gives the same packets', () => {
  const frame = fc
    .tuple(fc.constantFrom(0x30, 0x32, 0x40, 0x90, 0x82), fc.integer({ min: 0, max: 400 }), fc.nat(255))
    .map(([first, size, fill]) => frameOf(first, Buffer.alloc(size, fill)));
  const cuts = fc.array(fc.nat(3000), { maxLength: 30 });
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 8 }), cuts, (frames, places) => {
      const stream = Buffer.concat(frames);
      const at = [...new Set(places.map((place) => place % (stream.length + 1)))].sort((a, b) => a - b);
      const chunks = [0, ...at].map((start, i) => stream.subarray(start, at[i] ?? stream.length));
      const whole = split([stream]);
      assert.deepEqual(split(chunks), whole);
      assert.equal(whole.frames.length, frames.filter((one) => one[0] !== 0x90 && one[0] !== 0x82).length);
    }),
    RUNS,
  );
});

test('frame splitter: byte by byte, a packet of three length bytes too', () => {
  const stream = Buffer.concat([
    frameOf(0x30, Buffer.alloc(20_000, 7)),
    frameOf(0x90, Buffer.from('abc')),
    frameOf(0x40, Buffer.of(1, 2)),
  ]);
  const single = Array.from(stream, (_, i) => stream.subarray(i, i + 1));
  assert.deepEqual(split(single), split([stream]));
  assert.equal(split([stream]).frames.length, 2);
});

test('frame splitter: a length without an end is malformed, however it is cut', () => {
  const stream = Buffer.of(0x30, 0xff, 0xff, 0xff, 0xff, 0x01, 0);
  for (let cut = 0; cut < stream.length; cut++) {
    let malformed = 0;
    const splitter = new FrameSplitter({
      onFrame: () => assert.fail('there is no packet'),
      onPassed: () => assert.fail('there is no packet'),
      onMalformed: () => {
        malformed++;
      },
    });
    splitter.push(stream.subarray(0, cut));
    splitter.push(stream.subarray(cut));
    splitter.push(stream);
    assert.equal(malformed, 1, `cut at ${cut}`);
  }
});
