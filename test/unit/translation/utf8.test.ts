import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeUtf8Strict } from '../../../src/translation/utf8.ts';

test('utf8: valid bytes decode, byte order mark included', () => {
  for (const text of ['', 'abc', 'é', '日本', '😀', '\ufeffa', '\u0000']) {
    const bytes = Buffer.from(`\u00ff${text}\u00ff`);
    assert.equal(decodeUtf8Strict(bytes, 2, bytes.length - 2), text);
  }
});

test('utf8: invalid bytes give null, never a replacement character', () => {
  const rows = [
    [0xff],
    [0x80],
    [0xc3],
    [0x61, 0xc3, 0x28],
    [0xc0, 0x80],
    [0xe0, 0x80, 0xaf],
    [0xed, 0xa0, 0x80],
    [0xf4, 0x90, 0x80, 0x80],
    [0xf0, 0x9f, 0x98],
  ];
  for (const row of rows) assert.equal(decodeUtf8Strict(Buffer.from(row), 0, row.length), null, row.join());
});
