import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  isParentOnly,
  isParentOnlyBytes,
  parentSlashes,
  subjectFilterAccepts,
} from '../../../src/translation/delivery-filter.ts';

const ROWS: readonly [filter: string, topic: string, parentOnly: boolean][] = [
  ['foo/#', 'foo', true],
  ['foo/#', 'foo/', false],
  ['foo/#', 'foo/bar', false],
  ['foo/#', 'foo/bar/baz', false],
  ['a/b/#', 'a/b', true],
  ['a/+/#', 'a/x', true],
  ['a/+/#', 'a/x/y', false],
  ['a//#', 'a/', true],
  ['/#', '', true],
  ['/#', '/', false],
  ['#', 'foo', false],
  ['foo', 'foo', false],
  ['foo/+', 'foo/a', false],
];

test('delivery filter: foo.> does not deliver topic foo', () => {
  for (const [filter, topic, parentOnly] of ROWS) {
    assert.equal(isParentOnly(filter, topic), parentOnly, `${filter} ~ ${topic}`);
    const bytes = Buffer.from(`//${topic}//`);
    const onBytes = isParentOnlyBytes(parentSlashes(filter), bytes, 2, bytes.length - 2);
    assert.equal(onBytes, parentOnly, `bytes ${filter} ~ ${topic}`);
    assert.equal(subjectFilterAccepts(filter, topic), !parentOnly, `accepts ${filter} ~ ${topic}`);
  }
});

test('delivery filter: what MQTT does not match is not accepted', () => {
  assert.equal(subjectFilterAccepts('#', '$SYS/x'), false);
  assert.equal(subjectFilterAccepts('a/#', 'b/c'), false);
});

test('delivery filter: only the direct parent is meant, not a shorter topic', () => {
  assert.equal(isParentOnlyBytes(parentSlashes('a/b/c/#'), Buffer.from('a/b'), 0, 3), false);
  assert.equal(isParentOnly('a/b/c/#', 'a/b'), false);
});
