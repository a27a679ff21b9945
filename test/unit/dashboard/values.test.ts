/** Values of settings in the forms of the dashboard. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SettingField } from '../../../src/admin/api-types.ts';
import {
  emptyEntry,
  isSame,
  showValue,
  Unfinished,
  unfinishedIn,
  valueAt,
  withValueAt,
} from '../../../src/dashboard/format/values.ts';

const field = (path: string, parts: Partial<SettingField>): SettingField => ({
  path,
  doc: '',
  expects: '',
  value: { kind: 'text' },
  default: null,
  isOptional: false,
  ...parts,
});

test('dashboard, values: the order of names makes no difference, the order of lists does', () => {
  assert.ok(isSame({ a: 1, b: { c: 2, d: 3 } }, { b: { d: 3, c: 2 }, a: 1 }));
  assert.ok(!isSame(['a', 'b'], ['b', 'a']));
  assert.ok(!isSame(1, '1'));
  assert.ok(!isSame(new Unfinished('[', 'x'), '['));
  assert.ok(isSame(new Unfinished('[', 'x'), new Unfinished('[', 'y')));
});

test('dashboard, values: something unfinished is found at any depth', () => {
  assert.equal(unfinishedIn([{ a: { b: new Unfinished('{', 'is no JSON yet') } }]), 'is no JSON yet');
  assert.equal(unfinishedIn([{ a: null, b: 'text' }]), null);
});

const SHOWN: readonly (readonly [value: unknown, expected: string])[] = [
  [null, 'not set'],
  ['', 'empty'],
  [true, 'on'],
  [4096, '4096'],
  ['1MB', '1MB'],
  [[], 'none'],
  [['a', 'b'], 'a, b'],
  [[{ a: 1 }], '[{"a":1}]'],
];
for (const [value, expected] of SHOWN) {
  test(`dashboard, values: shows ${JSON.stringify(value)} as ${expected}`, () =>
    assert.equal(showValue(value), expected));
}

test('dashboard, values: a secret is not shown, whatever it is', () => {
  assert.ok(!showValue('open sesame', { kind: 'secret' }).includes('sesame'));
});

test('dashboard, values: a value is put and taken out at a dotted path, groups that are empty with it', () => {
  const entry = withValueAt({ name: 'tcp' }, 'tls.cert_file', 'a.pem');
  assert.deepEqual(entry, { name: 'tcp', tls: { cert_file: 'a.pem' } });
  assert.equal(valueAt(entry, 'tls.cert_file'), 'a.pem');
  assert.equal(valueAt(entry, 'name.x'), undefined);
  assert.deepEqual(withValueAt(entry, 'tls.cert_file', undefined), { name: 'tcp' });
});

test('dashboard, values: a new entry has what it cannot do without', () => {
  const fields = [
    field('name', {}),
    field('type', { default: 'tcp' }),
    field('mountpoint', { isOptional: true }),
    field('tls.cert_file', { default: '' }),
  ];
  assert.deepEqual(emptyEntry(fields), { name: '' });
});
