import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PublicationProperties } from '../../../src/mqtt/publication.ts';
import {
  headersToProperties,
  type InboundHeaders,
  MAX_BLOCK_BYTES,
  type OutboundHeaders,
  propertiesToHeaders,
} from '../../../src/translation/headers-properties.ts';

function out(block: string | Buffer, controlHeaders = true): OutboundHeaders {
  const bytes = Buffer.concat([Buffer.from('xx'), Buffer.from(block as string), Buffer.from('payload')]);
  const headers = headersToProperties(bytes, 2, bytes.length - 7, controlHeaders, 'object');
  assert.ok(headers);
  return headers;
}

function back(properties: PublicationProperties | null, isRetained = false): InboundHeaders {
  const headers = propertiesToHeaders(properties, isRetained);
  assert.ok(headers);
  return headers;
}

function text(headers: InboundHeaders): string | undefined {
  return headers.block?.toString();
}

const raw = (block: string | Buffer): string => Buffer.from(block as string).toString('base64url');

const lines = (count: number): string => Array.from({ length: count }, (_, i) => `K${i}: v\r\n`).join('');

const PLAIN: readonly [name: string, block: string, properties: string[]][] = [
  ['one line', 'NATS/1.0\r\nA: b\r\n\r\n', ['A', 'b']],
  ['order and repeats', 'NATS/1.0\r\nB: 1\r\nA: 2\r\nA: 3\r\n\r\n', ['B', '1', 'A', '2', 'A', '3']],
  ['colon in the value', 'NATS/1.0\r\nUrl: nats://x:1\r\n\r\n', ['Url', 'nats://x:1']],
  ['empty value', 'NATS/1.0\r\nA: \r\n\r\n', ['A', '']],
  ['blanks around the value', 'NATS/1.0\r\nA:  b \r\n\r\n', ['A', ' b ']],
  ['non-ASCII', 'NATS/1.0\r\nOrt: Köln 日本 😀\r\n\r\n', ['Ort', 'Köln 日本 😀']],
  ['odd names', 'NATS/1.0\r\n!#$%&\'*+-.^_`|~(){}[]"/\\: x\r\n\r\n', ['!#$%&\'*+-.^_`|~(){}[]"/\\', 'x']],
  ['numbers in order', 'NATS/1.0\r\n1: a\r\n2: b\r\nC: d\r\n\r\n', ['1', 'a', '2', 'b', 'C', 'd']],
  ['names of Object.prototype', 'NATS/1.0\r\ntoString: a\r\n\r\n', ['toString', 'a']],
  [
    'control headers',
    'NATS/1.0\r\nMqtt-Qos: 1\r\nMqtt-Retained: true\r\n\r\n',
    ['Mqtt-Qos', '1', 'Mqtt-Retained', 'true'],
  ],
];

test('headers: plain blocks become one user property per line, and come back byte for byte', () => {
  for (const [name, block, properties] of PLAIN) {
    const headers = out(block);
    assert.deepEqual(headers.userProperties, properties, name);
    assert.equal(headers.isRaw, false, name);
    const received = back({ userProperties: headers.userProperties });
    assert.equal(text(received), block, name);
    assert.deepEqual([received.dropped, received.origin], [0, null], name);
  }
});

const RAW: readonly [name: string, block: string, readable: string[]][] = [
  ['status', 'NATS/1.0 503\r\n\r\n', []],
  ['status and lines', 'NATS/1.0 100 Idle\r\nA: b\r\n\r\n', ['A', 'b']],
  ['no lines', 'NATS/1.0\r\n\r\n', []],
  ['no blank behind the colon', 'NATS/1.0\r\nA:b\r\n\r\n', ['A', 'b']],
  ['line without colon', 'NATS/1.0\r\nA\r\nB: c\r\n\r\n', ['B', 'c']],
  ['empty name', 'NATS/1.0\r\n: x\r\n\r\n', []],
  ['blank in the name', 'NATS/1.0\r\nA b: x\r\n\r\n', []],
  ['non-ASCII name', 'NATS/1.0\r\nÖrt: x\r\n\r\n', []],
  ['TAB in the value', 'NATS/1.0\r\nA: x\ty\r\nB: c\r\n\r\n', ['B', 'c']],
  ['NUL in the value', 'NATS/1.0\r\nA: x\u0000\r\n\r\n', []],
  ['lone CR in the value', 'NATS/1.0\r\nA: x\ry\r\n\r\n', []],
  ['lone LF in the value', 'NATS/1.0\r\nA: x\ny\r\n\r\n', []],
  ['C1 control in the value', 'NATS/1.0\r\nA: x\u0085\r\n\r\n', []],
  ['non-character in the value', 'NATS/1.0\r\nA: x\uffff\r\n\r\n', []],
  ['reserved name', 'NATS/1.0\r\nnmg-origin: x\r\nnmg-headers: y\r\nnmg-: z\r\nA: b\r\n\r\n', ['A', 'b']],
  ['repeats apart', 'NATS/1.0\r\nA: 1\r\nB: 2\r\nA: 3\r\n\r\n', ['A', '1', 'B', '2', 'A', '3']],
  ['number behind a word', 'NATS/1.0\r\nA: 1\r\n1: 2\r\n\r\n', ['A', '1', '1', '2']],
  ['empty first of a repeat', 'NATS/1.0\r\nA: \r\nA: 2\r\n\r\n', ['A', '', 'A', '2']],
  ['__proto__', 'NATS/1.0\r\n__proto__: 1\r\nA: 2\r\n\r\n', ['A', '2']],
  ['empty line inside', 'NATS/1.0\r\nA: b\r\n\r\nC: d\r\n\r\n', ['A', 'b']],
];

test('headers: other blocks also travel raw, beside what can be read of them', () => {
  for (const [name, block, readable] of RAW) {
    const headers = out(block);
    assert.equal(headers.isRaw, true, name);
    assert.deepEqual(headers.userProperties, [...readable, 'nmg-headers', raw(block)], name);
    const received = back({ userProperties: headers.userProperties });
    assert.equal(text(received), block, name);
    assert.equal(received.dropped, 0, name);
  }
});

test('headers: bytes that are no UTF-8 survive, and ASCII lines beside them stay readable', () => {
  const block = Buffer.concat([
    Buffer.from('NATS/1.0\r\nMqtt-Qos: 1\r\nA: \xe9', 'latin1'),
    Buffer.from('\r\nB: c\r\n\r\n'),
  ]);
  const headers = out(block);
  assert.deepEqual(headers.userProperties, ['Mqtt-Qos', '1', 'B', 'c', 'nmg-headers', raw(block)]);
  assert.deepEqual(headers.control, { qos: 1 });
  assert.deepEqual(back({ userProperties: headers.userProperties }).block, block);
});

test('headers: bytes that are no block at all travel raw, and come back as they were', () => {
  for (const block of [
    'abcde',
    'NATS/1.0',
    'NATS/1.0\r\n',
    'NATS/1.0\r\nA: b\r\n',
    'NATS/2.0\r\nA: b\r\n\r\n',
    'NATS/1.01\r\n\r\n',
  ]) {
    const headers = out(block);
    assert.deepEqual(headers.userProperties.slice(-2), ['nmg-headers', raw(block)], block);
    assert.deepEqual(back({ userProperties: headers.userProperties }).block, Buffer.from(block), block);
  }
});

test('headers: 48 lines are properties, 49 travel raw with the first 48 readable', () => {
  assert.equal(out(`NATS/1.0\r\n${lines(48)}\r\n`).isRaw, false);
  const headers = out(`NATS/1.0\r\n${lines(49)}\r\n`);
  assert.equal(headers.isRaw, true);
  assert.equal(headers.userProperties.length, 98);
});

test('headers: a value longer than an MQTT string travels raw, in parts that fit', () => {
  const fits = `NATS/1.0\r\nA: ${'x'.repeat(65_535)}\r\n\r\n`;
  assert.equal(out(fits).isRaw, false);
  const block = `NATS/1.0\r\nA: ${'x'.repeat(65_536)}\r\nB: c\r\n\r\n`;
  const { userProperties } = out(block);
  assert.deepEqual(userProperties.slice(0, 3), ['B', 'c', 'nmg-headers']);
  assert.equal(userProperties.length, 6);
  for (const value of userProperties) assert.ok(value.length <= 60_000);
  assert.equal(text(back({ userProperties })), block);
});

test('headers: readable copies beside a raw block are bounded', () => {
  const block = `NATS/1.0 200\r\n${`A: ${'x'.repeat(4000)}\r\n`.repeat(10)}\r\n`;
  const { userProperties } = out(block);
  assert.equal(userProperties.filter((name) => name === 'A').length, 4);
  assert.equal(text(back({ userProperties })), block);
});

test('headers: many lines without colon take no longer than others', () => {
  const block = `NATS/1.0\r\n${'a\r\n'.repeat(300_000)}\r\n`;
  const start = process.hrtime.bigint();
  assert.equal(out(block).isRaw, true);
  assert.ok(process.hrtime.bigint() - start < 2_000_000_000n);
});

test('headers: no headers cost nothing', () => {
  assert.equal(headersToProperties(Buffer.from('payload'), 3, 3, true, 'object'), null);
  assert.equal(propertiesToHeaders(null, false), null);
  assert.equal(propertiesToHeaders({}, false), null);
  assert.equal(propertiesToHeaders({ messageExpiry: 5, responseTopic: 'r' }, false), null);
  assert.equal(propertiesToHeaders({ responseTopic: 'r', correlationData: Buffer.of(1) }, false), null);
});

test('headers: properties of devices cannot inject lines or names', () => {
  const rows: readonly [name: string, value: string][] = [
    ['A', 'x\r\nB: y'],
    ['A', 'x\n'],
    ['A', '\r'],
    ['A\r\nB', 'x'],
    ['A: b', 'x'],
    ['A b', 'x'],
    ['', 'x'],
    ['Ä', 'x'],
    ['A\u0000', 'x'],
  ];
  for (const [name, value] of rows) {
    const received = back({ userProperties: ['Ok', '1', name, value] });
    assert.equal(text(received), 'NATS/1.0\r\nOk: 1\r\n\r\n', JSON.stringify([name, value]));
    assert.equal(received.dropped, 1);
  }
  assert.deepEqual(back({ userProperties: ['', 'x'] }), { block: null, origin: null, dropped: 1 });
});

test('headers: reserved properties are read and never shown', () => {
  const received = back({ userProperties: ['A', 'b', 'nmg-origin', 'token', 'nmg-other', 'x'] });
  assert.deepEqual(
    [text(received), received.origin, received.dropped],
    ['NATS/1.0\r\nA: b\r\n\r\n', 'token', 0],
  );
  assert.deepEqual(back({ userProperties: ['nmg-origin', 'token'] }), {
    block: null,
    origin: 'token',
    dropped: 0,
  });
});

test('headers: the raw form wins over readable properties', () => {
  const block = 'NATS/1.0 503\r\n\r\n';
  const received = back({
    userProperties: ['A', 'b', 'nmg-headers', raw(block), 'nmg-origin', 't'],
    contentType: 'x',
  });
  assert.deepEqual([text(received), received.origin], [block, 't']);
});

test('headers: a raw form that cannot be decoded is dropped and counted, and the readable properties are delivered', () => {
  const forged = [
    '',
    '!!!!',
    raw(`NATS/1.0\r\nA: ${'x'.repeat(MAX_BLOCK_BYTES)}\r\n\r\n`),
    `${raw('NATS/1.0\r\n\r\n')}\r\n`,
  ];
  for (const value of forged) {
    const received = back({ userProperties: ['A', 'b', 'nmg-headers', value] });
    assert.deepEqual([text(received), received.dropped], ['NATS/1.0\r\nA: b\r\n\r\n', 1], value.slice(0, 20));
  }
});

test('headers: a block of exactly the largest size is taken', () => {
  const head = 'NATS/1.0\r\nA: ';
  const block = `${head}${'x'.repeat(MAX_BLOCK_BYTES - head.length - 4)}\r\n\r\n`;
  assert.equal(back({ userProperties: ['nmg-headers', raw(block)] }).block?.length, MAX_BLOCK_BYTES);
});

test('headers: properties beyond the largest block are dropped and counted', () => {
  const userProperties = Array.from({ length: 40 }, (_, i) => [`K${i}`, 'x'.repeat(20_000)]).flat();
  const received = back({ userProperties });
  assert.ok(received.block !== null && received.block.length <= MAX_BLOCK_BYTES);
  assert.equal(received.dropped, 23);
});

const CONTROL: readonly [line: string, control: OutboundHeaders['control'], ignored: number][] = [
  ['Mqtt-Qos: 0', { qos: 0 }, 0],
  ['Mqtt-Qos: 1', { qos: 1 }, 0],
  ['Mqtt-Qos: 2', { qos: 1 }, 0],
  ['mqtt-qos:1', { qos: 1 }, 0],
  ['MQTT-QOS: 1 ', { qos: 1 }, 0],
  ['Mqtt-Qos: 3', null, 1],
  ['Mqtt-Qos: ', null, 1],
  ['Mqtt-Retain: true', { retain: true }, 0],
  ['Mqtt-Retain: 1', { retain: true }, 0],
  ['Mqtt-Retain: False', { retain: false }, 0],
  ['Mqtt-Retain: 0', { retain: false }, 0],
  ['Mqtt-Retain: yes', null, 1],
  ['Mqtt-Message-Expiry: 0', { messageExpiry: 0 }, 0],
  ['Mqtt-Message-Expiry: 4294967295', { messageExpiry: 4_294_967_295 }, 0],
  ['Mqtt-Message-Expiry: 4294967296', null, 1],
  ['Mqtt-Message-Expiry: -1', null, 1],
  ['Mqtt-Message-Expiry: 1e3', null, 1],
  ['Mqtt-Message-Expiry: ', null, 1],
  ['Mqtt-Content-Type: text/plain; charset=utf-8', { contentType: 'text/plain; charset=utf-8' }, 0],
  ['Mqtt-Content-Type: ', null, 1],
  ['Mqtt-Content-Type: a\tb', null, 1],
  ['Mqtt-Response-Topic: dev/1 x/answer', { responseTopic: 'dev/1 x/answer' }, 0],
  ['Mqtt-Response-Topic: dev/#', null, 1],
  ['Mqtt-Response-Topic: ', null, 1],
  ['Mqtt-Correlation-Data: AAEC', { correlationData: Buffer.of(0, 1, 2) }, 0],
  ['Mqtt-Correlation-Data: ', { correlationData: Buffer.alloc(0) }, 0],
  ['Mqtt-Correlation-Data: AAE=', null, 1],
  ['Mqtt-Correlation-Data: A+/B', null, 1],
  ['Mqtt-Retained: true', null, 0],
  ['Mqtt-Other: 1', null, 0],
  ['Nats-Msg-Id: 1', null, 0],
];

test('headers: control headers set fields, invalid ones are ignored and counted, all stay in the block', () => {
  for (const [line, control, ignored] of CONTROL) {
    const block = `NATS/1.0\r\n${line}\r\n\r\n`;
    const headers = out(block);
    assert.deepEqual(headers.control, control, line);
    assert.equal(headers.ignoredControls, ignored, line);
    assert.equal(text(back({ userProperties: headers.userProperties })), block, line);
  }
});

test('headers: several control headers are read together, and the first of a name counts', () => {
  const headers = out(
    'NATS/1.0 1\r\nMqtt-Qos: 9\r\nMqtt-Qos: 1\r\nMqtt-Qos: 0\r\nMqtt-Retain: 0\r\nMqtt-Retain: 1\r\n\r\n',
  );
  assert.deepEqual(headers.control, { qos: 1, retain: false });
  assert.equal(headers.ignoredControls, 1);
});

test('headers: control headers are read behind the 48th line too', () => {
  assert.deepEqual(out(`NATS/1.0\r\n${lines(60)}Mqtt-Qos: 1\r\n\r\n`).control, { qos: 1 });
});

test('headers: control headers are ordinary when switched off', () => {
  const headers = out('NATS/1.0\r\nMqtt-Qos: 9\r\nMqtt-Retain: 1\r\n\r\n', false);
  assert.deepEqual([headers.control, headers.ignoredControls, headers.isRaw], [null, 0, false]);
});

test('headers: fields of the message become headers', () => {
  const correlationData = Buffer.from('abc');
  assert.equal(text(back({ contentType: 'a/b' })), 'NATS/1.0\r\nMqtt-Content-Type: a/b\r\n\r\n');
  assert.equal(text(back({ correlationData })), 'NATS/1.0\r\nMqtt-Correlation-Data: YWJj\r\n\r\n');
  assert.equal(text(back(null, true)), 'NATS/1.0\r\nMqtt-Retained: true\r\n\r\n');
  assert.equal(
    text(back({ userProperties: ['A', 'b'], contentType: 'a/b', correlationData }, true)),
    'NATS/1.0\r\nA: b\r\nMqtt-Content-Type: a/b\r\nMqtt-Correlation-Data: YWJj\r\nMqtt-Retained: true\r\n\r\n',
  );
  assert.equal(
    text(back({ userProperties: ['A', 'b'], correlationData, responseTopic: 'r' })),
    'NATS/1.0\r\nA: b\r\n\r\n',
  );
});

test('headers: fields replace properties of that name, and leave a block that says the same alone', () => {
  const userProperties = ['mqtt-content-type', 'x', 'A', 'b', 'Mqtt-Content-Type', 'y'];
  assert.equal(
    text(back({ userProperties, contentType: 'z' })),
    'NATS/1.0\r\nA: b\r\nMqtt-Content-Type: z\r\n\r\n',
  );
  assert.equal(
    text(back({ userProperties, contentType: 'x' })),
    'NATS/1.0\r\nmqtt-content-type: x\r\nA: b\r\nMqtt-Content-Type: y\r\n\r\n',
  );
  assert.equal(
    text(back({ userProperties: ['Mqtt-Retained', 'no'] }, true)),
    'NATS/1.0\r\nMqtt-Retained: true\r\n\r\n',
  );
});

test('headers: a content type with a line break is dropped and counted', () => {
  assert.deepEqual(back({ contentType: 'a\r\nB: c' }), { block: null, origin: null, dropped: 1 });
});

test('headers: a retained raw block is marked once', () => {
  for (const [block, expected] of [
    ['NATS/1.0 200\r\n\r\n', 'NATS/1.0 200\r\nMqtt-Retained: true\r\n\r\n'],
    ['NATS/1.0\r\nA:b\r\n\r\n', 'NATS/1.0\r\nA:b\r\nMqtt-Retained: true\r\n\r\n'],
    ['NATS/1.0\r\nmqtt-retained:x\r\n\r\n', 'NATS/1.0\r\nmqtt-retained:x\r\n\r\n'],
  ] as const) {
    assert.equal(text(back({ userProperties: ['nmg-headers', raw(block)] }, true)), expected);
  }
});
