import assert from 'node:assert/strict';
import { test } from 'node:test';
import { emqxCodec } from '../../../src/translation/emqx-codec.ts';
import { escapeCodec } from '../../../src/translation/escape-codec.ts';
import { queueGroupToShareName, shareNameToQueueGroup } from '../../../src/translation/queue-group.ts';
import { mapperWith, PROFILES } from './mappers.ts';

test('queue group: crosses to a share name and back', () => {
  for (const [group, shareName] of [
    ['workers', 'workers'],
    ['a.b.c', 'a.b.c'],
    ['a/b', 'a%2Fb'],
    ['größe', 'größe'],
    ['>', '>'],
  ] as const) {
    assert.deepEqual(mapperWith().shareName(group), { ok: true, name: shareName });
    assert.deepEqual(shareNameToQueueGroup(shareName, escapeCodec), { ok: true, name: group });
  }
});

test('queue group: what cannot be a share name is refused [MQTT-4.8.2-1] [MQTT-4.8.2-2]', () => {
  const rows = [
    ['', 'empty_name'],
    ['a b', 'unmappable_token'],
    ['a\u0007', 'control_character'],
    ['a\ud800', 'invalid_utf8'],
    ['/'.repeat(21_846), 'too_long'],
  ] as const;
  for (const [group, reason] of rows) {
    const result = queueGroupToShareName(group, escapeCodec);
    assert.equal(!result.ok && result.reason, reason, JSON.stringify(group.slice(0, 9)));
  }
  for (const [shareName, reason] of [
    ['', 'empty_name'],
    ['a/b', 'wildcard'],
    ['a\u0007', 'control_character'],
  ] as const) {
    const result = shareNameToQueueGroup(shareName, escapeCodec);
    assert.equal(!result.ok && result.reason, reason, JSON.stringify(shareName));
  }
});

test('queue group: no profile lets a group add a level or a wildcard', () => {
  for (const profile of PROFILES) {
    for (const group of ['a/b', '/', '//', '+', '#', 'g/x/#']) {
      const result = mapperWith({ profile }).shareName(group);
      if (result.ok) assert.doesNotMatch(result.name, /[/+#]/);
    }
  }
  assert.equal(mapperWith({ profile: 'emqx' }).shareName('a/b').ok, false);
});

test('queue group: a share name that no group has is refused in the strict profiles', () => {
  assert.equal(shareNameToQueueGroup('a b', emqxCodec).ok, false);
});
