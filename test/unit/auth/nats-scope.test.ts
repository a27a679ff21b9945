import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readGrant } from '../../../src/auth/nats-grant.ts';
import { fillScope, type ScopeValues } from '../../../src/auth/nats-scope.ts';
import type { SubjectRules } from '../../../src/auth/permissions.ts';

const VALUES: ScopeValues = {
  name: 'bob',
  subject: 'UBOB',
  accountName: 'acme',
  accountSubject: 'AACME',
  tags: ['team:red', 'team:blue', 'room:1', 'path:a.b', 'bad:*', 'mixed:x', 'mixed:>', 'mixed:a b'],
  accountTags: ['region:eu'],
};
const many = { ...VALUES, tags: Array.from({ length: 40 }, (_, i) => `n:${i}`) };

function fill(rules: Partial<SubjectRules>, values = VALUES): SubjectRules | null {
  const grant = readGrant({ sub: { ...rules } }, 0);
  return fillScope(grant, values)?.permissions.subscribe ?? null;
}

const ALLOWED: [entry: string, expected: string[]][] = [
  ['plain.>', ['plain.>']],
  ['{{name()}}', ['bob']],
  ['a.{{name()}}.>', ['a.bob.>']],
  ['{{NAME()}}', ['bob']],
  ['{{subject()}}.{{account-name()}}.{{account-subject()}}', ['UBOB.acme.AACME']],
  ['{{tag(team)}}.{{tag(room)}}', ['red.1', 'blue.1']],
  ['{{tag(team)}}.{{tag(team)}}', ['red.red', 'red.blue', 'blue.red', 'blue.blue']],
  ['{{account-tag(region)}}', ['eu']],
  ['{{tag(path)}}', ['a.b']],
  ['{{tag(mixed)}}', ['x']],
  // Only a whole token is a variable.
  ['x{{name()}}', ['x{{name()}}']],
  ['a {{name()}}', ['a {{name()}}']],
];
for (const [entry, expected] of ALLOWED) {
  test(`nats scope: ${entry} allows ${expected.join(' ')}`, () => {
    assert.deepEqual(fill({ allow: [entry] }), { allow: expected, deny: [] });
  });
}

const CLOSED: [name: string, entry: string, values: ScopeValues][] = [
  ['an unknown variable', '{{nobody()}}', VALUES],
  ['a tag that the user has not', '{{tag(floor)}}', VALUES],
  ['a tag of the account that it has not', '{{account-tag(team)}}', VALUES],
  ['a wildcard as tag', '{{tag(bad)}}', VALUES],
  ['an empty name', '{{name()}}', { ...VALUES, name: '' }],
  ['a user called >', '{{name()}}', { ...VALUES, name: '>' }],
  ['a user called *', 'a.{{name()}}', { ...VALUES, name: '*' }],
  ['a user called a.*', '{{name()}}', { ...VALUES, name: 'a.*' }],
  ['a user with a queue group in the name', '{{name()}}', { ...VALUES, name: 'a q' }],
  ['more subjects than there may be', '{{tag(n)}}.{{tag(n)}}', many],
];
for (const [name, entry, values] of CLOSED) {
  test(`nats scope: ${name} in the only entry allows nothing`, () => {
    assert.deepEqual(fill({ allow: [entry] }, values), { allow: [], deny: ['>'] });
  });
  test(`nats scope: ${name} in a deny list denies the connection`, () => {
    assert.equal(fill({ deny: [entry] }, values), null);
  });
}

test('nats scope: an entry that cannot be filled in is left out next to one that can', () => {
  assert.deepEqual(fill({ allow: ['{{tag(floor)}}', '{{name()}}'] }), { allow: ['bob'], deny: [] });
});

test('nats scope: one value of many that cannot be used denies the connection from a deny list', () => {
  assert.equal(fill({ deny: ['{{tag(mixed)}}'] }), null);
});

test('nats scope: what is not restricted stays so', () => {
  assert.deepEqual(fill({}), { allow: [], deny: [] });
});
