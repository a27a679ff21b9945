/** Values that were shown with masks and sent back get their secrets, and no other's. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withSecrets } from '../../../src/config/keep-secrets.ts';
import { isKey, type Key } from '../../../src/config/key.ts';
import { MASK, masked } from '../../../src/config/mask.ts';
import { nodeAt } from '../../../src/config/sources.ts';

function restored(
  name: string,
  given: unknown,
  kept: unknown,
): { readonly value: unknown; readonly wrong: readonly string[] } {
  const node = nodeAt(name.split('.'));
  assert.ok(node !== undefined && isKey(node));
  const wrong: string[] = [];
  const setting = { key: node as Key<unknown>, path: name.split('.'), given, kept };
  return { value: withSecrets(setting, (path) => wrong.push(path)), wrong };
}

const USERS = [
  { name: 'ann', password: 'a' },
  { name: 'bob', password: 'b' },
  { name: 'eve', password_file: '/run/eve' },
];

test('secrets: whatever order entries are sent back in, each keeps its own', () => {
  const shown = masked(nodeAt(['http', 'users']) as Key<unknown>, USERS) as unknown[];
  assert.deepEqual(restored('http.users', [...shown].reverse(), USERS).value, [...USERS].reverse());
  const added = [{ name: 'new', password: 'n' }, ...shown];
  assert.deepEqual(restored('http.users', added, USERS).value, [added[0], ...USERS]);
  assert.deepEqual(restored('http.users', shown.slice(1), USERS).value, USERS.slice(1));
});

test('secrets: one that comes from a file stays there, although it is shown as a mask', () => {
  const shown = [{ name: 'eve', password: MASK, password_file: '/run/eve' }];
  assert.deepEqual(restored('http.users', shown, USERS), { value: [USERS[2]], wrong: [] });
});

test('secrets: an entry that nothing is known of gets none', () => {
  const { wrong } = restored('http.users', [{ name: 'mallory', password: MASK }], []);
  assert.deepEqual(wrong, ['http.users[0].password']);
  const { wrong: single } = restored('upstream.password', MASK, undefined);
  assert.deepEqual(single, ['upstream.password']);
  assert.deepEqual(restored('upstream.password', MASK, 'p'), { value: 'p', wrong: [] });
  assert.deepEqual(restored('upstream.password', 'q', 'p'), { value: 'q', wrong: [] });
});

const METHODS = [
  { method: 'http', url: 'http://one/', headers: { authorization: 'Bearer 1' } },
  { method: 'http', url: 'http://two/', headers: { authorization: 'Bearer 2' } },
  {
    method: 'built_in',
    users: [
      { user: 'ann', password: 'a' },
      { user: 'bob', password_hash: 'h', salt: 's' },
    ],
  },
];

test('secrets: methods of one kind are told apart by what they say, users inside of them by name', () => {
  const shown = masked(nodeAt(['authentication']) as Key<unknown>, METHODS) as Record<string, unknown>[];
  assert.ok(!JSON.stringify(shown).includes('Bearer'));
  assert.deepEqual(restored('authentication', [shown[1], shown[0]], METHODS).value, [METHODS[1], METHODS[0]]);
  const changed = { ...shown[1], url: 'http://three/' };
  assert.deepEqual(restored('authentication', [shown[0], changed], METHODS).value, [
    METHODS[0],
    { ...METHODS[1], url: 'http://three/' },
  ]);
  const users = [{ user: 'bob', password_hash: MASK, salt: MASK, is_superuser: true }];
  assert.deepEqual(
    restored('authentication', [shown[0], shown[1], { method: 'built_in', users }], METHODS).value,
    [
      METHODS[0],
      METHODS[1],
      { method: 'built_in', users: [{ user: 'bob', password_hash: 'h', salt: 's', is_superuser: true }] },
    ],
  );
  const { wrong } = restored(
    'authentication',
    [{ method: 'built_in', users: [{ user: 'x', password: MASK }] }],
    [],
  );
  assert.deepEqual(wrong, ['authentication[0].users[0].password']);
});
