import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  countLevels,
  filterMatches,
  firstLevel,
  isTooLong,
  MAX_STRING_BYTES,
  stringFault,
  topicFilterFault,
  topicNameFault,
} from '../../../src/mqtt/topic.ts';

const MATCHES: readonly [filter: string, topic: string, expected: boolean][] = [
  ['a', 'a', true],
  ['a', 'b', false],
  ['a', 'ab', false],
  ['ab', 'a', false],
  ['a/b', 'a/b', true],
  ['a/b', 'a', false],
  ['a', 'a/b', false],
  ['a/', 'a', false],
  ['a', 'a/', false],
  ['a/', 'a/', true],
  ['/a', 'a', false],
  ['/', '/', true],
  ['a//b', 'a//b', true],
  ['a//b', 'a/b', false],
  ['+', 'a', true],
  ['+', 'a/b', false],
  ['+', '/a', false],
  ['/+', '/a', true],
  ['+/+', '/a', true],
  ['+/+', '/', true],
  ['a/+', 'a/', true],
  ['a/+', 'a', false],
  ['a/+/c', 'a/b/c', true],
  ['a/+/c', 'a/b/d', false],
  ['+/b', 'a/b', true],
  ['#', 'a', true],
  ['#', 'a/b/c', true],
  ['#', '/', true],
  ['a/#', 'a', true],
  ['a/#', 'a/', true],
  ['a/#', 'a/b/c', true],
  ['a/#', 'ab', false],
  ['a/#', 'b/a', false],
  ['+/#', 'a', true],
  ['a/b/#', 'a', false],
  ['a/+/#', 'a', false],
  ['a/+/#', 'a/b', true],
];

const DOLLAR: readonly [filter: string, topic: string, expected: boolean][] = [
  ['#', '$SYS/x', false],
  ['+/x', '$SYS/x', false],
  ['+', '$', false],
  ['$SYS/#', '$SYS/x', true],
  ['$SYS/+', '$SYS/x', true],
  ['$SYS/#', '$SYS', true],
  ['a/#', 'a/$x', true],
  ['+/+', 'a/$x', true],
];

test('topic: a filter matches the topics of MQTT 5.0 §4.7.1', () => {
  for (const [filter, topic, expected] of MATCHES) {
    assert.equal(filterMatches(filter, topic), expected, `${filter} ~ ${topic}`);
  }
});

test('topic: a leading wildcard matches no topic that begins with $ [MQTT-4.7.2-1]', () => {
  for (const [filter, topic, expected] of DOLLAR) {
    assert.equal(filterMatches(filter, topic), expected, `${filter} ~ ${topic}`);
  }
});

const FILTERS: readonly [filter: string, fault: ReturnType<typeof topicFilterFault>][] = [
  ['a', null],
  ['+', null],
  ['#', null],
  ['+/+/#', null],
  ['/+/', null],
  ['$share/g/a', null],
  ['', 'empty'],
  ['a+', 'wildcard'],
  ['+a', 'wildcard'],
  ['a/+b/c', 'wildcard'],
  ['a#', 'wildcard'],
  ['#a', 'wildcard'],
  ['a/#/b', 'wildcard'],
  ['#/', 'wildcard'],
  ['a\tb', 'control_character'],
];

test('topic: filters with misplaced wildcards are faulty [MQTT-4.7.1-1] [MQTT-4.7.1-2]', () => {
  for (const [filter, fault] of FILTERS) assert.equal(topicFilterFault(filter), fault, filter);
});

test('topic: names take no wildcard and are not empty [MQTT-3.3.2-2] [MQTT-4.7.3-1]', () => {
  for (const name of ['a+', '+', 'a/#', '#']) assert.equal(topicNameFault(name), 'wildcard', name);
  assert.equal(topicNameFault(''), 'empty');
  for (const name of ['/', 'a b', 'a.b', '*', '>', 'é/日本/😀'])
    assert.equal(topicNameFault(name), null, name);
});

test('topic: the length limit counts UTF-8 bytes [MQTT-4.7.3-3]', () => {
  for (const [char, bytes] of [
    ['a', 1],
    ['é', 2],
    ['日', 3],
    ['😀', 4],
  ] as const) {
    const fits = Math.floor(MAX_STRING_BYTES / bytes);
    assert.equal(isTooLong(char.repeat(fits)), false, char);
    assert.equal(isTooLong(char.repeat(fits + 1)), true, char);
  }
  assert.equal(topicNameFault('a'.repeat(MAX_STRING_BYTES + 1)), 'too_long');
  assert.equal(topicFilterFault('a'.repeat(MAX_STRING_BYTES + 1)), 'too_long');
});

test('topic: the level limit is n levels, 128 by default', () => {
  assert.equal(topicNameFault('a/b/c', 3), null);
  assert.equal(topicNameFault('a/b/c/d', 3), 'too_many_levels');
  assert.equal(topicFilterFault('a/b/#', 3), null);
  assert.equal(topicFilterFault('a/b/c/#', 3), 'too_many_levels');
  assert.equal(topicNameFault('/'.repeat(127)), null);
  assert.equal(topicNameFault('/'.repeat(128)), 'too_many_levels');
});

const TEXTS: readonly [code: number, fault: ReturnType<typeof stringFault>][] = [
  [0x00, 'control_character'],
  [0x09, 'control_character'],
  [0x0a, 'control_character'],
  [0x0d, 'control_character'],
  [0x1f, 'control_character'],
  [0x20, null],
  [0x7e, null],
  [0x7f, 'control_character'],
  [0x85, 'control_character'],
  [0x9f, 'control_character'],
  [0xa0, null],
  [0x2028, null],
  [0xd7ff, null],
  [0xd800, 'invalid_utf8'],
  [0xdfff, 'invalid_utf8'],
  [0xe000, null],
  [0xfdcf, null],
  [0xfdd0, 'control_character'],
  [0xfdef, 'control_character'],
  [0xfdf0, null],
  [0xfeff, null],
  [0xfffd, null],
  [0xfffe, 'control_character'],
  [0xffff, 'control_character'],
  [0x10000, null],
  [0x1fffe, 'control_character'],
  [0x10ffff, 'control_character'],
];

test('topic: strings are checked for the characters that brokers disconnect over [MQTT-1.5.4-1] [MQTT-1.5.4-2]', () => {
  for (const [code, fault] of TEXTS) {
    assert.equal(stringFault(`a${String.fromCodePoint(code)}b`), fault, code.toString(16));
  }
  assert.equal(stringFault('\ude00\ud83d'), 'invalid_utf8');
});

test('topic: levels are counted and the first is found', () => {
  assert.deepEqual(['a', '/', 'a/b/', ''].map(countLevels), [1, 2, 3, 1]);
  assert.deepEqual(['a', '/a', 'a/b/c', ''].map(firstLevel), ['a', '', 'a', '']);
});
