/** How a configuration file looks after a change; that values and comments are right is a property test. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withOrderInText, withValueInText } from '../../../src/config/edit.ts';

const FILE = `{
  // Limits.
  "max_payload": "1MB", // enough
  "listeners": [
    { "name": "tcp", "bind": ":4222" }, // plain
    {
      "name": "ws", // browsers
      "bind": ":8080"
    }
  ]
}
`;

test('edit: a value is replaced where it stands, to the letter', () => {
  assert.equal(withValueInText(FILE, ['max_payload'], 4096), FILE.replace('"1MB"', '4096'));
  assert.equal(withValueInText(FILE, ['max_payload'], '1MB'), FILE);
  assert.equal(withValueInText(FILE, ['listeners', 1, 'bind'], ':80'), FILE.replace('":8080"', '":80"'));
});

test('edit: what is new comes last, behind the comments of what was last', () => {
  const text = withValueInText(FILE, ['upstream', 'url'], 'mqtt://broker');
  assert.ok(text.endsWith(`    }\n  ],\n  "upstream": { "url": "mqtt://broker" }\n}\n`), text);
  const more = withValueInText('{\n  "a": 1 // one\n}\n', ['b'], [1, 2]);
  assert.equal(more, '{\n  "a": 1, // one\n  "b": [1, 2]\n}\n');
  assert.equal(withValueInText('{}', ['a'], true), '{\n  "a": true\n}');
  assert.equal(withValueInText('{ // none yet\n}', ['a'], true), '{ // none yet\n  "a": true\n}');
  const tls = withValueInText(FILE, ['listeners', 0, 'type'], 'tls');
  assert.ok(tls.includes('{ "name": "tcp", "bind": ":4222", "type": "tls" }, // plain'), tls);
});

test('edit: line ends and indentation are those of the file', () => {
  const text = withValueInText('{\r\n\t"a": 1\r\n}\r\n', ['list'], [{ x: { y: 1 } }]);
  assert.equal(
    text,
    '{\r\n\t"a": 1,\r\n\t"list": [\r\n\t\t{\r\n\t\t\t"x": { "y": 1 }\r\n\t\t}\r\n\t]\r\n}\r\n',
  );
});

test('edit: what is taken out leaves no gap and no comma behind', () => {
  const last = withValueInText('{\n  "a": 1, // one\n  "b": 2\n}\n', ['b'], undefined);
  assert.equal(last, '{\n  "a": 1 // one\n}\n');
  assert.equal(withValueInText('{\n  "a": 1,\n  "b": 2\n}\n', ['a'], undefined), '{\n  "b": 2\n}\n');
  assert.equal(withValueInText('{ "a": [1, 2, 3] }', ['a', 1], undefined), '{ "a": [1, 3] }');
  assert.equal(withValueInText('{ "a": [1, 2, 3] }', ['a', 2], undefined), '{ "a": [1, 2] }');
  assert.equal(withValueInText(FILE, ['nothing'], undefined), FILE);
});

test('edit: a list is changed entry by entry, and reordered with the comments inside', () => {
  const listeners = [
    { name: 'tcp', bind: ':4222' },
    { name: 'tls', bind: ':4223' },
    { name: 'ws', bind: ':8080' },
  ];
  const text = withValueInText(FILE, ['listeners'], listeners);
  assert.ok(text.includes('"name": "ws", // browsers'), text);
  assert.ok(text.includes('// plain'), text);
  const turned = withOrderInText(FILE, ['listeners'], [1, 0]);
  assert.ok(turned.indexOf('// browsers') < turned.indexOf('"tcp"'), turned);
});

test('edit: a position that would leave a gap is refused', () => {
  assert.throws(() => withValueInText(FILE, ['listeners', 4, 'bind'], ':1'), RangeError);
  assert.throws(() => withValueInText(FILE, ['rules', 1], {}), RangeError);
});
