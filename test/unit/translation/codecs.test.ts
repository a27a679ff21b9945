import assert from 'node:assert/strict';
import { test } from 'node:test';
import { emqxCodec } from '../../../src/translation/emqx-codec.ts';
import { escapeCodec, escapeForLevel } from '../../../src/translation/escape-codec.ts';
import { natsServerCodec } from '../../../src/translation/nats-server-codec.ts';
import type { TokenCodec } from '../../../src/translation/token-codec.ts';

type Row = readonly [token: string, level: string];

const ESCAPE: readonly Row[] = [
  ['plain', 'plain'],
  ['living%20room', 'living room'],
  ['spBv1%2E0', 'spBv1.0'],
  ['%20', ' '],
  ['%2E', '.'],
  ['%2E%2E', '..'],
  ['%20%2E%20', ' . '],
  ['a/b', 'a%2Fb'],
  ['/', '%2F'],
  ['+', '%2B'],
  ['#', '%23'],
  ['a+b#', 'a%2Bb%23'],
  // Text that looks like an escape moves up by one.
  ['%2520', '%20'],
  ['%252520', '%2520'],
  ['%252E', '%2E'],
  ['%2F', '%252F'],
  ['%252F', '%25252F'],
  ['%2B', '%252B'],
  ['%23', '%2523'],
  // Everything else with a percent sign is plain text.
  ['100%', '100%'],
  ['%25', '%25'],
  ['%2525', '%2525'],
  ['%24', '%24'],
  ['%2', '%2'],
  ['%2e', '%2e'],
  ['%2f', '%2f'],
  ['%2b', '%2b'],
  ['%%20', '% '],
  ['%/', '%%2F'],
  ['%2%20', '%2 '],
  ['%25%20', '%25 '],
  ['%25/', '%25%2F'],
  ['%%2F', '%%252F'],
  ['a%', 'a%'],
  // Percent signs only: one is the empty level.
  ['%', ''],
  ['%%', '%'],
  ['%%%', '%%'],
  // Wildcard characters and other blanks are ordinary.
  ['*', '*'],
  ['>', '>'],
  ['a*b>', 'a*b>'],
  ['a\u00a0b\u2003c\u3000', 'a\u00a0b\u2003c\u3000'],
  ['größe日本😀', 'größe日本😀'],
  ['\ufeff', '\ufeff'],
];

const EMQX: readonly Row[] = [
  ['plain', 'plain'],
  ['%20', '%20'],
  ['%', '%'],
  ['*', '*'],
  ['größe', 'größe'],
];

const NATS_SERVER: readonly Row[] = [
  ['plain', 'plain'],
  ['/', ''],
  ['//', '.'],
  ['////', '..'],
  ['foo//bar', 'foo.bar'],
  ['//foo//', '.foo.'],
  ['%20', '%20'],
  ['foo*', 'foo*'],
];

function checkRows(codec: TokenCodec, rows: readonly Row[]): void {
  for (const [token, level] of rows) {
    assert.equal(codec.tokenToLevel(token), level, `token ${token}`);
    assert.equal(codec.levelToToken(level), token, `level ${level}`);
  }
}

function checkRefused(convert: (text: string) => unknown, texts: readonly string[]): void {
  for (const text of texts) {
    const result = convert(text) as { ok: boolean; reason: string };
    assert.equal(result.ok, false, JSON.stringify(text));
    assert.equal(result.reason, 'unmappable_token', JSON.stringify(text));
  }
}

test('escape codec: tokens and levels in both directions', () => checkRows(escapeCodec, ESCAPE));

test('emqx codec: tokens and levels in both directions', () => checkRows(emqxCodec, EMQX));

test('nats-server codec: tokens and levels in both directions', () =>
  checkRows(natsServerCodec, NATS_SERVER));

test('emqx codec: refuses what would mean something else on the other side', () => {
  checkRefused(emqxCodec.tokenToLevel, ['a/b', '/', '+', 'a+', '#', 'a#']);
  checkRefused(emqxCodec.levelToToken, ['', 'a.b', '.', 'a b', ' ']);
});

test('nats-server codec: refuses single slashes, wildcard characters and blanks', () => {
  checkRefused(natsServerCodec.tokenToLevel, ['a/b', '///', 'a/', '/a', '//a/b', '+', 'a#']);
  checkRefused(natsServerCodec.levelToToken, ['a b', ' ']);
});

const GROUPS: readonly Row[] = [
  ['workers', 'workers'],
  ['a.b', 'a.b'],
  ['.', '.'],
  ['%2E', '%2E'],
  ['%252E', '%252E'],
  ['a/b', 'a%2Fb'],
  ['+#', '%2B%23'],
  ['%2F', '%252F'],
  ['my%20group', 'my group'],
  ['%2520', '%20'],
  ['%', '%'],
  ['%%', '%%'],
  ['$share', '$share'],
  ['*', '*'],
];

test('escape codec: queue groups cross as a whole and keep their dots', () => {
  for (const [group, shareName] of GROUPS) {
    assert.equal(escapeCodec.groupToShareName(group), shareName, group);
    assert.equal(escapeCodec.shareNameToGroup(shareName), group, shareName);
  }
});

test('other codecs: queue groups cross unchanged or not at all', () => {
  for (const codec of [emqxCodec, natsServerCodec]) {
    for (const group of ['workers', 'a.b', '%20']) {
      assert.equal(codec.groupToShareName(group), group);
      assert.equal(codec.shareNameToGroup(group), group);
    }
    checkRefused(codec.groupToShareName, ['a/b', '//', '+', '#']);
    checkRefused(codec.shareNameToGroup, ['a b']);
  }
});

test('escape codec: values for templates stay within one level and apart', () => {
  const values = ['a b', 'a%20b', 'a/b', 'a%2Fb', 'a%252Fb', '#', '%23', '+', '..', '%', ''];
  const levels = values.map(escapeForLevel);
  assert.equal(new Set(levels).size, values.length);
  assert.deepEqual(levels, [
    'a b',
    'a%20b',
    'a%2Fb',
    'a%252Fb',
    'a%25252Fb',
    '%23',
    '%2523',
    '%2B',
    '..',
    '%',
    '',
  ]);
});
