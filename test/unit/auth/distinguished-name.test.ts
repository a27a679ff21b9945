import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hasSameLevels, isSameName, parseName } from '../../../src/auth/distinguished-name.ts';

const PARSED: [text: string, levels: string[][] | null][] = [
  ['CN=alice,OU=Dev,O=Acme', [['CN=alice'], ['OU=Dev'], ['O=Acme']]],
  ['cn = alice , o = Acme', [['CN=alice'], ['O=Acme']]],
  ['CN=alice+UID=7,O=Acme', [['CN=alice', 'UID=7'], ['O=Acme']]],
  ['CN=Doe\\, John,O=A\\+B', [['CN=Doe, John'], ['O=A+B']]],
  ['CN=M\\C3\\BCller', [['CN=Müller']]],
  ['CN=Müller', [['CN=Müller']]],
  ['CN=a=b', [['CN=a=b']]],
  ['CN=blank\\ ', [['CN=blank ']]],
  ['CN=back\\\\', [['CN=back\\']]],
  ['2.5.4.3=alice', [['2.5.4.3=alice']]],
  ['CN=', [['CN=']]],
  ['alice', null],
  ['alice@example.org', null],
  ['', null],
  ['CN=a,', null],
  ['CN=a,,O=b', null],
  ['=a', null],
  ['CN=a\\', null],
];
for (const [text, levels] of PARSED) {
  test(`distinguished name: "${text}" ${levels === null ? 'is none' : 'is read'}`, () => {
    const parsed = parseName(text)?.map((level) => level.map(({ type, value }) => `${type}=${value}`));
    assert.deepEqual(parsed ?? null, levels);
  });
}

const COMPARED: [a: string, b: string, isSame: boolean, hasLevels: boolean][] = [
  ['CN=a,O=b', 'CN=a,O=b', true, true],
  ['CN=a,O=b', 'cn=a,o=b', true, true],
  ['CN=a,O=b', 'CN=A,O=b', false, false],
  ['CN=a,O=b', 'O=b,CN=a', false, true],
  ['CN=a+UID=1', 'UID=1+CN=a', true, true],
  ['CN=a,O=b', 'CN=a', false, false],
  ['OU=a,OU=a', 'OU=a,OU=b', false, false],
  ['OU=a,OU=b', 'OU=a,OU=a', false, false],
  ['CN=a,O=b', 'CN=a\\,O=b', false, false],
  ['CN=a+O=b', 'CN=a,O=b', false, false],
];
for (const [a, b, isSame, hasLevels] of COMPARED) {
  test(`distinguished name: compares ${a} with ${b}`, () => {
    const [left, right] = [parseName(a) ?? [], parseName(b) ?? []];
    assert.deepEqual([isSameName(left, right), hasSameLevels(left, right)], [isSame, hasLevels]);
  });
}
