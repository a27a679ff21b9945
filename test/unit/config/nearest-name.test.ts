import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nearestName, suggestion } from '../../../src/config/nearest-name.ts';

const KNOWN = ['serve', 'check', 'print-config', 'ping_interval', 'ping_timeout'];

const ROWS: readonly (readonly [string, string | undefined])[] = [
  ['serv', 'serve'],
  ['srevce', 'serve'],
  ['chekc', 'check'],
  ['CHECK', 'check'],
  ['printconfig', 'print-config'],
  ['ping_intervall', 'ping_interval'],
  ['ping_timout', 'ping_timeout'],
  ['zzz', undefined],
  ['', undefined],
  ['authentication', undefined],
];

for (const [name, expected] of ROWS) {
  test(`nearest name: ${JSON.stringify(name)} → ${expected ?? 'none'}`, () => {
    assert.equal(nearestName(name, KNOWN), expected);
  });
}

test('nearest name: a suggestion is the end of a sentence, or nothing', () => {
  assert.equal(suggestion('serv', KNOWN), '; did you mean "serve"?');
  assert.equal(suggestion('zzz', KNOWN), '');
});
