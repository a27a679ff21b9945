import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  decodeMr,
  decodeMrBytes,
  MAX_REPLY_BYTES,
  replyToRequest,
  requestToReply,
} from '../../../src/translation/reply-to.ts';
import { mapperWith } from './mappers.ts';

const mapper = mapperWith();

function replyOf(topic: string, correlation: string | undefined, qos: 0 | 1 | 2 = 0, by = mapper): string {
  const data = correlation === undefined ? undefined : Buffer.from(correlation);
  const reply = requestToReply(by, topic, data, qos);
  return reply.ok ? reply.name : `refused: ${reply.reason}`;
}

test('reply-to: a NATS reply becomes its topic, and nats. with the last token', () => {
  assert.deepEqual(replyToRequest(mapper, '_INBOX.abc.7'), {
    ok: true,
    responseTopic: '_INBOX/abc/7',
    correlationData: Buffer.from('nats.7'),
  });
  assert.deepEqual(replyToRequest(mapperWith({ mountpoint: 'm/' }), 'inbox'), {
    ok: true,
    responseTopic: 'm/inbox',
    correlationData: Buffer.from('nats.inbox'),
  });
});

test('reply-to: a reply that cannot be a topic is refused', () => {
  for (const [reply, reason] of [
    ['a..b', 'empty_token'],
    ['$SYS.x', 'reserved'],
    ['_NMG.x', 'reserved'],
    ['_MR_.AA.$CONTROL.x', 'reserved'],
  ] as const) {
    const request = replyToRequest(mapper, reply);
    assert.equal(!request.ok && request.reason, reason, reply);
  }
});

test('reply-to: a request from a NATS client arrives with its own reply subject', () => {
  for (const reply of [
    '_INBOX.abc.7',
    'inbox',
    'a.%.b',
    'living%20room.x%2E1',
    '_R_.é',
    '_MR_.not/base64.x',
  ]) {
    const request = replyToRequest(mapper, reply);
    assert.ok(request.ok);
    assert.deepEqual(requestToReply(mapper, request.responseTopic, request.correlationData, 1), {
      ok: true,
      name: reply,
    });
  }
});

const DEVICE: readonly [topic: string, correlation: string | undefined, qos: 0 | 1 | 2, reply: string][] = [
  ['dev/1/answer', undefined, 1, 'dev.1.answer'],
  ['dev/1/answer', '', 0, '_MR_.AA.dev.1.answer'],
  ['dev/1/answer', '', 1, '_MR_.AQ.dev.1.answer'],
  ['dev/1/answer', '', 2, '_MR_.AQ.dev.1.answer'],
  ['dev/1/answer', 'abc', 0, '_MR_.AGFiYw.dev.1.answer'],
  ['dev/1/answer', 'nats.answer', 0, 'dev.1.answer'],
  ['dev/1/answer', 'nats.1', 0, '_MR_.AG5hdHMuMQ.dev.1.answer'],
  ['/x', undefined, 0, '%.x'],
  ['$SRV/PING', undefined, 0, '$SRV.PING'],
];

test('reply-to: a request from a device keeps its Correlation Data in the reply subject', () => {
  for (const [topic, correlation, qos, reply] of DEVICE) {
    assert.equal(replyOf(topic, correlation, qos), reply, `${topic} ${correlation}`);
  }
});

test('reply-to: the answer to a device goes to its topic, with its data and QoS', () => {
  assert.deepEqual(decodeMr('_MR_.AWFiYw.dev.1.answer'), {
    topicSubject: 'dev.1.answer',
    correlation: Buffer.from('abc'),
    qos: 1,
  });
  assert.deepEqual(replyToRequest(mapper, '_MR_.AWFiYw.dev.1.answer'), {
    ok: true,
    responseTopic: 'dev/1/answer',
    correlationData: Buffer.from('abc'),
  });
});

test('reply-to: what is not exactly one encoding is an ordinary subject', () => {
  const rows = [
    '_MR_',
    '_MR_.',
    '_MR_.AA',
    '_MR_.AA.',
    '_MR_..x',
    '_MR_.A.x',
    '_MR_.AB.x',
    '_MR_.AA=.x',
    '_MR_.AA==.x',
    '_MR_.a+b/.x',
    '_MR_.Ag.x',
    '_MR_.BA.x',
    '_MR_.gA.x',
    '_mr_.AA.x',
    'x._MR_.AA.x',
    '_INBOX.a',
  ];
  for (const subject of rows) {
    assert.equal(decodeMr(subject), null, subject);
    const bytes = Buffer.from(`.${subject}.`);
    assert.equal(decodeMrBytes(bytes, 1, bytes.length - 1), null, `bytes ${subject}`);
  }
});

test('reply-to: subjects are recognised in the middle of a line', () => {
  const line = Buffer.from('PUB _MR_.AGFiYw.a.b 5');
  assert.deepEqual(decodeMrBytes(line, 4, 19), {
    topicSubject: 'a.b',
    correlation: Buffer.from('abc'),
    qos: 0,
  });
  assert.equal(decodeMrBytes(line, 4, 8), null);
  assert.equal(decodeMrBytes(Buffer.from([...Buffer.from('_MR_.AA.'), 0xff]), 0, 9), null);
});

test('reply-to: response topics that must not be answered are refused', () => {
  const rows: readonly [topic: string, reason: string][] = [
    ['', 'empty_name'],
    ['a/#', 'wildcard'],
    ['+', 'wildcard'],
    ['a\r\nb', 'control_character'],
    ['$SYS/x', 'reserved'],
    ['$CONTROL/dynamic-security/v1', 'reserved'],
    ['$SRVX/x', 'reserved'],
    ['$share/g/x', 'reserved'],
    ['_NMG/x', 'reserved'],
  ];
  for (const [topic, reason] of rows) {
    assert.equal(replyOf(topic, 'c'), `refused: ${reason}`, topic);
    assert.equal(replyOf(topic, undefined), `refused: ${reason}`, topic);
  }
  const mounted = mapperWith({ mountpoint: 'm/' });
  assert.equal(replyOf('a/b', 'c', 0, mounted), 'refused: outside_mountpoint');
  assert.equal(replyOf('m/a/b', undefined, 0, mounted), 'a.b');
});

test('reply-to: a device cannot forge the reply subject of another', () => {
  assert.equal(replyOf('_MR_/AGFiYw/victim', undefined), 'refused: reserved');
  // With Correlation Data it is wrapped, and comes back as the very topic that was named.
  const reply = requestToReply(mapper, '_MR_/AGFiYw/victim', Buffer.from('nats.victim'), 0);
  assert.ok(reply.ok);
  const decoded = decodeMr(reply.name);
  assert.equal(decoded?.topicSubject, '_MR_.AGFiYw.victim');
  assert.deepEqual(decoded.correlation, Buffer.from('nats.victim'));
});

test('reply-to: reply subjects have at most 1,024 bytes', () => {
  assert.equal(replyOf('é'.repeat(MAX_REPLY_BYTES / 2), undefined).length, MAX_REPLY_BYTES / 2);
  assert.equal(replyOf(`${'é'.repeat(MAX_REPLY_BYTES / 2)}a`, undefined), 'refused: too_long');
  // Prefix 5, dot 1, topic 1: 1,017 characters of base64url hold the flags and 761 bytes.
  assert.equal(replyOf('t', 'x'.repeat(761)).length, 1023);
  assert.equal(replyOf('t', 'x'.repeat(762)), 'refused: too_long');
});
