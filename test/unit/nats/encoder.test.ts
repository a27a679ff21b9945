import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  permissionsPublish,
  permissionsPublishReply,
  permissionsSubscription,
  quoted,
  writeErr,
  writeHmsg,
  writeInfo,
  writeMsg,
  writeOk,
  writePing,
  writePong,
} from '../../../src/nats/encoder.ts';
import type { ServerInfo } from '../../../src/nats/operations.ts';
import { wholeRange } from '../../../src/util/byte-range.ts';
import { OutputBuffer } from '../../../src/util/output-buffer.ts';

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');

function written(write: (out: OutputBuffer) => void): string {
  const out = new OutputBuffer();
  write(out);
  return Buffer.concat(out.take()).toString('latin1');
}

test('encoder: INFO is one line of JSON with a blank in front of the line end', () => {
  const info: ServerInfo = {
    server_id: 'NA',
    server_name: 'gw',
    version: '2.12.0',
    proto: 1,
    go: '',
    host: '0.0.0.0',
    port: 4222,
    headers: true,
    max_payload: 1_048_576,
    client_id: 7,
    client_ip: '::1',
  };
  const text = written((out) => writeInfo(out, info));
  const found = /^INFO (\{[^\r\n]*\}) \r\n$/.exec(text);
  assert.deepEqual(JSON.parse(found?.[1] ?? 'null'), info);
});

test('encoder: operations without arguments, and -ERR', () => {
  assert.equal(written(writePing), 'PING\r\n');
  assert.equal(written(writePong), 'PONG\r\n');
  assert.equal(written(writeOk), '+OK\r\n');
  assert.equal(
    written((out) => writeErr(out, 'Stale Connection')),
    "-ERR 'Stale Connection'\r\n",
  );
});

test('encoder: MSG with and without reply, names byte for byte', () => {
  const body = bytes('..hello..');
  const [subject, sid, reply] = [bytes('f\xfc.\xff'), bytes('sid-\xfe'), bytes('_INBOX.1')];
  const plain = written((out) => writeMsg(out, subject, sid, null, body, 2, 7));
  assert.equal(plain, 'MSG f\xfc.\xff sid-\xfe 5\r\nhello\r\n');
  const replied = written((out) => writeMsg(out, subject, sid, reply, body, 2, 7));
  assert.equal(replied, 'MSG f\xfc.\xff sid-\xfe _INBOX.1 5\r\nhello\r\n');
  assert.equal(
    written((out) => writeMsg(out, bytes('a'), bytes('1'), null, body, 3, 3)),
    'MSG a 1 0\r\n\r\n',
  );
});

test('encoder: HMSG with and without reply; the total counts the headers', () => {
  const block = bytes('NATS/1.0\r\n\r\n');
  const plain = written((out) =>
    writeHmsg(out, bytes('a'), bytes('1'), null, wholeRange(block), bytes('hi'), 0, 2),
  );
  assert.equal(plain, 'HMSG a 1 12 14\r\nNATS/1.0\r\n\r\nhi\r\n');
  const replied = written((out) =>
    writeHmsg(out, bytes('a'), bytes('1'), bytes('r'), wholeRange(block), bytes(''), 0, 0),
  );
  assert.equal(replied, 'HMSG a 1 r 12 12\r\nNATS/1.0\r\n\r\n\r\n');
});

test('encoder: sizes around every power of ten', () => {
  const body = Buffer.alloc(1_000_001, 0x78);
  for (const size of [
    9, 10, 11, 99, 100, 101, 999, 1000, 9999, 10_000, 99_999, 100_000, 999_999, 1_000_000,
  ]) {
    const text = written((out) => writeMsg(out, bytes('a'), bytes('1'), null, body, 1, size + 1));
    const [line, payload] = text.split('\r\n');
    assert.deepEqual([line, payload?.length, text.endsWith('x\r\n')], [`MSG a 1 ${size}`, size, true]);
  }
});

interface Message {
  readonly subject: string;
  readonly sid: string;
  readonly reply: string | null;
  readonly headers: string | null;
  readonly payload: string;
}

function writeMessage(out: OutputBuffer, message: Message): void {
  const reply = message.reply === null ? null : bytes(message.reply);
  const names = [bytes(message.subject), bytes(message.sid), reply] as const;
  const body = bytes(message.payload);
  if (message.headers === null) writeMsg(out, ...names, body, 0, body.length);
  else writeHmsg(out, ...names, wholeRange(bytes(message.headers)), body, 0, body.length);
}

function expectedMessage({ subject, sid, reply, headers, payload }: Message): string {
  const names = [subject, sid, ...(reply === null ? [] : [reply])].join(' ');
  if (headers === null) return `MSG ${names} ${payload.length}\r\n${payload}\r\n`;
  return `HMSG ${names} ${headers.length} ${headers.length + payload.length}\r\n${headers}${payload}\r\n`;
}

test('encoder: any names and sizes, one behind the other', () => {
  const name = fc.stringMatching(/^[!-~]{1,600}$/);
  const text = fc.string({ unit: 'binary-ascii', maxLength: 700 });
  const message = fc.record({
    subject: name,
    sid: name,
    reply: fc.option(name),
    headers: fc.option(text),
    payload: text,
  });
  fc.assert(
    fc.property(fc.array(message, { maxLength: 20 }), (messages) => {
      const output = written((out) => {
        for (const one of messages) writeMessage(out, one);
      });
      assert.equal(output, messages.map(expectedMessage).join(''));
    }),
    { numRuns: 200 },
  );
});

test('encoder: quoted prints names as nats-server does', () => {
  const rows: readonly (readonly [string | Buffer, string])[] = [
    ['', '""'],
    ['foo.bar', '"foo.bar"'],
    ['no"q', '"no\\"q"'],
    ['back\\slash', '"back\\\\slash"'],
    ["it's", '"it\'s"'],
    ['\x07\b\f\n\r\t\v', '"\\a\\b\\f\\n\\r\\t\\v"'],
    ['\0\x01\x1b\x7f', '"\\x00\\x01\\x1b\\x7f"'],
    ['füö.日本 😀', '"füö.日本 😀"'],
    ['\u00a0\u00ad\u0085\u2028\ufeff', '"\\u00a0\\u00ad\\u0085\\u2028\\ufeff"'],
    ['\u{e0001}', '"\\U000e0001"'],
    ['\ufffd', '"\ufffd"'],
    [bytes('a\xff\xfe'), '"a\\xff\\xfe"'],
    // Truncated, overlong, surrogate, above U+10FFFF: each byte for itself.
    [bytes('\xc3'), '"\\xc3"'],
    [bytes('\xe6\x97'), '"\\xe6\\x97"'],
    [bytes('\xf0\x9f\x98'), '"\\xf0\\x9f\\x98"'],
    [bytes('\xc0\xaf'), '"\\xc0\\xaf"'],
    [bytes('\xe0\x9f\xbf'), '"\\xe0\\x9f\\xbf"'],
    [bytes('\xf0\x8f\xbf\xbf'), '"\\xf0\\x8f\\xbf\\xbf"'],
    [bytes('\xed\xa0\x80'), '"\\xed\\xa0\\x80"'],
    [bytes('\xf4\x90\x80\x80'), '"\\xf4\\x90\\x80\\x80"'],
    [bytes('\xc3\xa9\xed\x9f\xbf\xf4\x8f\xbf\xbd'), '"é\\ud7ff\\U0010fffd"'],
  ];
  for (const [name, expected] of rows) assert.equal(quoted(name), expected);
});

test('encoder: quoted names cannot end the line or the quotes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (name) => {
      const text = quoted(Buffer.from(name));
      assert.doesNotMatch(text, /\p{Cc}/u);
      assert.match(text, /^"(?:[^"\\]|\\["\\abfnrtvxuU])*"$/u);
    }),
  );
});

test('encoder: permission texts', () => {
  assert.equal(permissionsPublish(bytes('a"b')), 'Permissions Violation for Publish to "a\\"b"');
  assert.equal(permissionsPublishReply('_R_.x'), 'Permissions Violation for Publish with Reply of "_R_.x"');
  const subscription = 'Permissions Violation for Subscription to "a.>"';
  assert.equal(permissionsSubscription(bytes('a.>')), subscription);
  assert.equal(permissionsSubscription(bytes('a.>'), Buffer.alloc(0)), subscription);
  assert.equal(permissionsSubscription('a.>', bytes('q')), `${subscription} using queue "q"`);
});
