import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatPath, parsePath, valueAt, withValue } from '../../../src/config/key-path.ts';

const PATHS: readonly (readonly [string, (string | number)[] | undefined])[] = [
  ['a', ['a']],
  ['a.b_c', ['a', 'b_c']],
  ['listeners[0].bind', ['listeners', 0, 'bind']],
  ['a[1][2]', ['a', 1, 2]],
  ['', undefined],
  ['a..b', undefined],
  ['.a', undefined],
  ['a.', undefined],
  ['[0]', undefined],
  ['a[x]', undefined],
  ['a[-1]', undefined],
  ['a[99999]', undefined],
];

for (const [text, path] of PATHS) {
  test(`key path: ${JSON.stringify(text)} is ${JSON.stringify(path) ?? 'no path'}`, () => {
    assert.deepEqual(parsePath(text), path);
    if (path !== undefined) assert.equal(formatPath(path), text);
  });
}

test('key path: a value is set in a copy', () => {
  const tree = { a: { b: 1 }, list: [{ x: 1 }] };
  assert.deepEqual(withValue(tree, ['list', 0, 'x'], 2), { a: { b: 1 }, list: [{ x: 2 }] });
  assert.deepEqual(withValue(tree, ['list', 1, 'x'], 3), { a: { b: 1 }, list: [{ x: 1 }, { x: 3 }] });
  assert.deepEqual(tree, { a: { b: 1 }, list: [{ x: 1 }] });
  assert.throws(() => withValue(tree, ['list', 5], 1), RangeError);
});

test('key path: names of the object prototype are ordinary names', () => {
  assert.equal(valueAt({}, ['constructor']), undefined);
  assert.equal(valueAt({}, ['__proto__', 'toString']), undefined);
  const changed = withValue({}, ['__proto__', 'polluted'], true) as Record<string, unknown>;
  assert.equal(({} as Record<string, unknown>).polluted, undefined);
  assert.deepEqual(Object.keys(changed), ['__proto__']);
});
