/** What the dashboard makes of payloads and of the broker's capability report. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DROP_WORDS } from '../../../src/dashboard/pages/drop-words.ts';
import { ERROR_WORDS } from '../../../src/dashboard/pages/overview/error-words.ts';
import { payloadText } from '../../../src/dashboard/pages/tap/payload-text.ts';
import { findingsOf, limitationsOf } from '../../../src/dashboard/pages/upstream/report-words.ts';

import { ERRORS } from '../../../src/errors.ts';
import { PERMISSIONS_CODE } from '../../../src/metrics/counters.ts';

const base64 = (bytes: Uint8Array | string): string => Buffer.from(bytes as string).toString('base64');

test('dashboard, payloads: text is shown as text, also when it is cut within a character', () => {
  assert.deepEqual(payloadText(base64('{"a":1}')), { text: '{"a":1}', isText: true, bytes: 7 });
  const cut = Buffer.from('grün').subarray(0, 3);
  assert.deepEqual(payloadText(base64(cut)), { text: 'gr', isText: true, bytes: 3 });
});

test('dashboard, payloads: everything else is shown byte by byte, 16 in a line', () => {
  assert.equal(payloadText(base64(Uint8Array.of(0, 1, 255))).text, '00 01 ff');
  assert.equal(payloadText(base64(Uint8Array.of(0xc3, 0x28))).isText, false);
  assert.equal(payloadText(base64(new Uint8Array(17))).text.split('\n').length, 2);
});

const REPORT = {
  protocolVersion: '5',
  limits: { maximumPacketBytes: 1024, receiveMaximum: 20, retain: true, wildcardSubscriptions: false },
  isProbed: true,
  probe: { noMatchingSubscribers: false, dollarTopics: 'swallowed', delaysSmallWrites: true },
  strategy: { sharedSubscriptions: true },
  limitations: [{ id: 'dollar_topics', severity: 'warn', meaning: 'the broker swallows topics' }],
};

function answerTo(question: string, report: Readonly<Record<string, unknown>> = REPORT) {
  const found = findingsOf(report).find((finding) => finding.question === question);
  assert.ok(found !== undefined, question);
  return found;
}

test('dashboard, report: each finding says whether clients can be glad of it', () => {
  assert.deepEqual(answerTo('Wildcard subscriptions').isGood, false);
  assert.deepEqual(answerTo('Retained messages').isGood, true);
  assert.deepEqual(answerTo('Topics that begin with $').answer, 'are acknowledged and lost');
  assert.deepEqual(answerTo('Small writes').isGood, false);
  assert.deepEqual(answerTo('Largest packet').answer, '1 KB');
});

test('dashboard, report: what nobody has found out is not known, not bad', () => {
  const { answer, isGood } = answerTo('Topics with a dot in a level');
  assert.equal(answer, 'not known');
  assert.equal(isGood, null);
  assert.equal(answerTo('Retained messages', {}).isGood, null);
});

test('dashboard, report: limitations are sentences', () => {
  assert.deepEqual(limitationsOf(REPORT), [
    { id: 'dollar_topics', severity: 'warn', meaning: 'The broker swallows topics.' },
  ]);
  assert.deepEqual(limitationsOf({ limitations: 'none' }), []);
});

test('dashboard, drops: every reason there is has words', () => {
  const reasons: readonly import('../../../src/metrics/counters.ts').DropReason[] = [
    'untranslatable',
    'denied',
    'invalid_control_header',
    'invalid_property',
    'reply_untranslatable',
    'no_group_member',
    'retained_on_shared',
    'too_large',
    'broker_rejected',
    'offline',
  ];
  for (const reason of reasons) assert.ok(DROP_WORDS[reason], reason);
});

test('dashboard, errors: everything that clients are told has words', () => {
  const told = Object.entries(ERRORS).flatMap(([code, { errText }]) => (errText === null ? [] : [code]));
  assert.deepEqual(Object.keys(ERROR_WORDS).sort(), [...told, PERMISSIONS_CODE].sort());
});
