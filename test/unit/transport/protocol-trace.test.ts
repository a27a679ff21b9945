import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Parser, type ParserSession } from '../../../src/nats/parser.ts';
import { OutputTrace, TracedSession } from '../../../src/transport/protocol-trace.ts';
import { type LogFields, type Logger, silentLogger } from '../../../src/util/logger.ts';

function recorder() {
  const lines: string[] = [];
  const trace = ({ event: _event, ...fields }: LogFields): void => {
    lines.push(JSON.stringify(fields));
  };
  const logger: Logger = { ...silentLogger, trace };
  return { lines, logger };
}

const SECRETS = /hunter2|payload|X-Secret/;

test('trace: what a client sends, without credentials, headers and payloads', () => {
  const { lines, logger } = recorder();
  let isHeld = false;
  const calls: string[] = [];
  const take = (name: string) => () => {
    calls.push(name);
    return !isHeld;
  };
  const session: ParserSession = {
    maxPayloadBytes: 1000,
    hasHeaders: true,
    onConnect: take('connect'),
    onPublishIncomplete: () => true,
    onPublish: take('publish'),
    onSubscribe: take('subscribe'),
    onUnsubscribe: take('unsubscribe'),
    onPing: take('ping'),
    onPong: take('pong'),
  };
  const parser = new Parser(new TracedSession(session, logger, 7), { maxControlLineBytes: 4096 });
  const headers = 'NATS/1.0\r\nX-Secret: 1\r\n\r\n';
  parser.push(
    Buffer.from('CONNECT {"user":"ann","pass":"hunter2"}\r\nSUB a.* q 1\r\nSUB b 2\r\nUNSUB 1 5\r\n'),
  );
  parser.push(Buffer.from('PUB a r 7\r\npayload\r\nPING\r\nPONG\r\n'));
  parser.push(Buffer.from(`HPUB a ${headers.length} ${headers.length + 7}\r\n${headers}payload\r\n`));
  assert.deepEqual(
    lines.map((line) => JSON.parse(line)),
    [
      { operation: 'CONNECT' },
      { operation: 'SUB', subject: 'a.*', queue: 'q', sid: '1' },
      { operation: 'SUB', subject: 'b', sid: '2' },
      { operation: 'UNSUB', sid: '1', max: 5 },
      { operation: 'PUB', subject: 'a', reply: 'r', bytes: 7 },
      { operation: 'PING' },
      { operation: 'PONG' },
      { operation: 'HPUB', subject: 'a', header_bytes: headers.length, bytes: 7 },
    ].map((fields) => ({ direction: 'received', cid: 7, ...fields })),
  );
  assert.doesNotMatch(lines.join(), SECRETS);

  // What is refused comes again, and is one operation all the same.
  lines.length = 0;
  isHeld = true;
  parser.push(Buffer.from('PING\r\n'));
  parser.resume();
  isHeld = false;
  parser.resume();
  assert.equal(lines.length, 1);
  assert.equal(calls.filter((name) => name === 'ping').length, 4);
});

test('trace: what a client is sent, however it is cut', () => {
  const headers = 'NATS/1.0\r\nX-Secret: 1\r\n\r\n';
  const bytes = Buffer.from(
    [
      'INFO {"nonce":"hunter2"} \r\n+OK\r\n',
      'MSG a.b 1 11\r\npayload\r\nPI\r\n',
      `HMSG a 2 r ${headers.length} ${headers.length + 7}\r\n${headers}payload\r\n`,
      'MSG empty 3 reply 0\r\n\r\n',
      "-ERR 'Authorization Violation'\r\nPING\r\nPONG\r\n",
    ].join(''),
  );
  const expected = [
    { operation: 'INFO' },
    { operation: '+OK' },
    { operation: 'MSG', subject: 'a.b', sid: '1', bytes: 11 },
    { operation: 'HMSG', subject: 'a', sid: '2', reply: 'r', header_bytes: headers.length, bytes: 7 },
    { operation: 'MSG', subject: 'empty', sid: '3', reply: 'reply', bytes: 0 },
    { operation: '-ERR', text: "'Authorization Violation'" },
    { operation: 'PING' },
    { operation: 'PONG' },
  ].map((fields) => ({ direction: 'sent', cid: 7, ...fields }));
  for (let size = 1; size <= bytes.length; size++) {
    const { lines, logger } = recorder();
    const trace = new OutputTrace(logger, 7);
    for (let at = 0; at < bytes.length; at += size) trace.push(bytes.subarray(at, at + size));
    assert.deepEqual(
      lines.map((line) => JSON.parse(line)),
      expected,
      `chunks of ${size}`,
    );
    assert.doesNotMatch(lines.join(), SECRETS);
  }
});
