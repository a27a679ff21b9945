import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { PublicationProperties } from '../../src/mqtt/publication.ts';
import { PublishDecoder, varintLength } from '../../src/mqtt/publish-decoder.ts';
import { writePublish } from '../../src/mqtt/publish-encoder.ts';
import { headersToProperties, propertiesToHeaders } from '../../src/translation/headers-properties.ts';
import { WireHeaders } from '../../src/translation/wire-headers.ts';
import { OutputBuffer } from '../../src/util/output-buffer.ts';

const RUNS = { numRuns: 5000 };

/** Every name and value that means something somewhere, and some that break something. */
const NAMES = [
  'a',
  'X-Trace',
  'Mqtt-Qos',
  'mqtt-retain',
  'MQTT',
  'nmg-origin',
  'nmg-x',
  'Nmg-x',
  '7',
  '__proto__',
];
const ODD_NAMES = ['', 'a b', 'é', 'a\t', ':'];
const VALUES = ['', '1', 'some value', ' lead', 'trail ', 'a:b', 'é', '\t', 'x'.repeat(300), '\u007f'];
const SEPARATORS = [': ', ':', ':  ', ' : '];
const name = fc.oneof({ weight: 8, arbitrary: fc.constantFrom(...NAMES) }, fc.constantFrom(...ODD_NAMES));
const line = fc
  .tuple(
    name,
    fc.oneof({ weight: 9, arbitrary: fc.constant(': ') }, fc.constantFrom(...SEPARATORS)),
    fc.oneof(fc.constantFrom(...VALUES), fc.string({ maxLength: 20 })),
    fc.oneof({ weight: 20, arbitrary: fc.constant('\r\n') }, fc.constantFrom('\n', '\r', '')),
  )
  .map((parts) => parts.join(''));
const rarely = <T>(usual: T, ...others: T[]) =>
  fc.oneof({ weight: 15, arbitrary: fc.constant(usual) }, fc.constantFrom(...others));
const block = fc
  .tuple(
    rarely('NATS/1.0\r\n', 'NATS/1.0 503\r\n', 'NATS/1.1\r\n', 'NATS/1.0\n', ''),
    fc.oneof(
      { weight: 20, arbitrary: fc.array(line, { maxLength: 4 }) },
      fc.constantFrom(48, 49).map((count) => Array.from({ length: count }, (_, i) => `n${i}: v\r\n`)),
    ),
    rarely('\r\n', '', '\r\nx', '\r', '\r\n\r\n'),
  )
  .map(([first, lines, last]) => Buffer.from(first + lines.join('') + last));

/** A publication with these properties as the decoder of another gateway sees it. */
function across(properties: PublicationProperties) {
  const out = new OutputBuffer();
  const empty = Buffer.alloc(0);
  const topic = { text: 't', bytes: Buffer.from('t') };
  writePublish(
    out,
    { topic, body: empty, payloadStart: 0, payloadEnd: 0, qos: 0, retain: false, properties },
    0,
    5,
  );
  const frame = Buffer.concat(out.take());
  const found = new PublishDecoder(5).decode(frame, 0x30, 1 + varintLength(frame, 1, 5), frame.length);
  assert.ok(found !== null);
  return found;
}

test('wire headers: where a block is taken, the properties are those of the way by text', () => {
  let taken = 0;
  fc.assert(
    fc.property(block, fc.boolean(), (bytes, hasControls) => {
      const padded = Buffer.concat([Buffer.from('\r\n'), bytes, Buffer.from('payload\r\n')]);
      const wire = new WireHeaders().toProperties(padded, 2, 2 + bytes.length, hasControls);
      const text = headersToProperties(padded, 2, 2 + bytes.length, hasControls, 'list');
      if (wire === null) return;
      taken++;
      assert.ok(text !== null);
      assert.equal(text.isRaw, false);
      assert.equal(text.control, null);
      assert.equal(text.ignoredControls, 0);
      assert.deepEqual(across({ wireUserProperties: wire }).properties?.userProperties, text.userProperties);
    }),
    RUNS,
  );
  assert.ok(taken > 300, `only ${taken} blocks took the short way`);
});

test('wire headers: everyday blocks take the short way', () => {
  const everyday = Buffer.from('NATS/1.0\r\nTrace-Id: 4bf92f35\r\nB: \r\nTrace-Id: 2\r\n\r\n');
  const wire = new WireHeaders().toProperties(everyday, 0, everyday.length, true);
  assert.ok(wire !== null);
  const list = across({ wireUserProperties: wire }).properties?.userProperties;
  assert.deepEqual(list, ['Trace-Id', '4bf92f35', 'B', '', 'Trace-Id', '2']);
});

test('wire headers: where properties are taken, the block is that of the way by text', () => {
  let taken = 0;
  const value = fc.oneof(fc.constantFrom(...VALUES), fc.string({ maxLength: 20 }), fc.constant('a\r\nb: c'));
  const lists = fc.array(fc.tuple(name, value), { maxLength: 4 }).map((list) => list.flat());
  fc.assert(
    fc.property(lists, (userProperties) => {
      const found = across({ userProperties });
      if (found.wireUserProperties === null) {
        assert.equal(userProperties.length, 0);
        return;
      }
      const wire = new WireHeaders().toBlock(found.wireUserProperties);
      const text = propertiesToHeaders(found.properties, false);
      if (wire === null) return;
      taken++;
      assert.equal(text?.dropped, 0);
      assert.equal(text?.origin, null);
      assert.deepEqual(wire.buffer.subarray(wire.start, wire.end), text?.block);
    }),
    RUNS,
  );
  assert.ok(taken > 300, `only ${taken} lists took the short way`);
});

test('wire headers: a block goes through both gateways unchanged', () => {
  const wire = new WireHeaders();
  const bytes = Buffer.from('NATS/1.0\r\nA: 1\r\nA: 2\r\n7: x\r\nb:  y \r\n\r\n');
  const properties = wire.toProperties(bytes, 0, bytes.length, true);
  assert.ok(properties !== null);
  const arrived = across({ wireUserProperties: properties }).wireUserProperties;
  assert.ok(arrived !== null);
  const block = wire.toBlock(arrived);
  assert.deepEqual(block?.buffer.subarray(block.start, block.end), bytes);
});
