import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mapCommand } from '../../../src/cli/map.ts';
import { createNameMapper } from '../../../src/translation/subject-topic.ts';

function map(name: string, reverse = false, mountpoint = '') {
  const mapper = createNameMapper({ profile: 'escape', escapeDollar: false, allowDollar: [], mountpoint });
  return mapCommand({ name, reverse, mapper, profile: 'escape' });
}

test('map: shows a subject as PUB and as SUB', () => {
  assert.deepEqual(map('living%20room.*'), {
    exitCode: 0,
    output: [
      'profile escape',
      'subject "living%20room.*"',
      '  as PUB: topic  "living room/*"',
      '  as SUB: filter "living room/+"',
      '',
    ].join('\n'),
  });
});

test('map: says why a name is refused, and fails when it cannot cross at all', () => {
  const blocked = map('$CONTROL.x');
  assert.equal(blocked.exitCode, 0);
  assert.match(blocked.output, /as PUB: .*refused \(reserved\): the first level \$CONTROL is reserved\n/);
  assert.match(blocked.output, /as SUB: .*"\$CONTROL\/x"\n/);
  const empty = map('a..b');
  assert.equal(empty.exitCode, 1);
  assert.equal(empty.output.match(/refused \(empty_token\)/g)?.length, 2);
});

test('map: --reverse shows a topic as the subject it is delivered under', () => {
  const result = map('spBv1.0/plant 1//x', true);
  assert.equal(result.exitCode, 0);
  assert.match(
    result.output,
    /topic "spBv1\.0\/plant 1\/\/x"\n {2}as message: subject "spBv1%2E0\.plant%201\.%\.x"\n$/,
  );
});

test('map: --reverse shows a topic filter as the subject that asks for it', () => {
  const result = map('a/+/#', true);
  assert.equal(result.exitCode, 0);
  assert.match(result.output, /as message: subject refused \(wildcard\)/);
  assert.match(result.output, /as filter: {2}subject "a\.\*\.>"\n/);
});

test('map: names the mountpoint and refuses what is outside', () => {
  const result = map('other/x', true, 'm');
  assert.equal(result.exitCode, 1);
  assert.match(result.output, /^profile escape, mountpoint "m\/"\n/);
  assert.match(result.output, /refused \(outside_mountpoint\)/);
});

test('map: no control character reaches the terminal', () => {
  const { output } = map('a\u001b[31m\u009b\u202e', true);
  assert.match(output, /a\\u001b\[31m\\u\{9b\}\\u\{202e\}/);
  assert.doesNotMatch(output.replaceAll('\n', ''), /\p{Cc}/u);
});
