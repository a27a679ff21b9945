import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { hashSync } from 'bcryptjs';
import { createBuiltInAuthenticator } from '../../../src/auth/authenticators/built-in.ts';
import type { HashAlgorithm } from '../../../src/auth/password-hash.ts';
import { parseAlgorithm, parseUsers } from '../../../src/auth/user-record.ts';
import { changeUsersFile, readUsersFile, readUsersFileIfThere } from '../../../src/auth/users-file.ts';
import { GatewayError } from '../../../src/errors.ts';
import { authServices, credentials } from '../../support/credentials.ts';

const services = authServices();
const folder = mkdtempSync(join(tmpdir(), 'users-'));
after(() => services.close());
after(() => rmSync(folder, { recursive: true }));
const signal = new AbortController().signal;

const ALGORITHM: HashAlgorithm = parseAlgorithm({});

let files = 0;
function file(content?: unknown): string {
  const path = join(folder, `users${++files}.json`);
  if (content !== undefined)
    writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

async function method(users: unknown[], usersFile = '', algorithm = ALGORITHM) {
  return await createBuiltInAuthenticator({ users: parseUsers(users), usersFile, algorithm }, services);
}

const SHA256_OF_PASSWORD = '5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8';

const LOGINS: [name: string, user: Record<string, unknown>, right: string][] = [
  ['plain', { password: 'p' }, 'p'],
  ['bcrypt', { password: hashSync('p', 4) }, 'p'],
  ['the method’s algorithm', { password_hash: SHA256_OF_PASSWORD, salt: 'word' }, 'pass'],
  [
    'an algorithm of its own',
    {
      password_hash: SHA256_OF_PASSWORD,
      salt: 'pass',
      algorithm: { name: 'sha256', salt_position: 'prefix' },
    },
    'word',
  ],
  [
    'pbkdf2',
    {
      password_hash: '4b007901b765489abead49d926f721d065a429c1',
      salt: 'salt',
      algorithm: { name: 'pbkdf2', mac_fun: 'sha', iterations: 4096 },
    },
    'password',
  ],
];
for (const [name, user, right] of LOGINS) {
  test(`built_in: a password kept as ${name}`, async () => {
    const built = await method([{ user: 'ann', ...user }]);
    const kinds = [];
    for (const shown of [
      { user: 'ann', pass: right },
      { user: 'ann', pass: `${right}x` },
      { user: 'ann', pass: '' },
      { user: 'Ann', pass: right },
      { user: '', pass: right },
    ]) {
      kinds.push((await built.authenticate(credentials(shown), signal)).kind);
    }
    assert.deepEqual(kinds, ['accept', 'reject', 'reject', 'skip', 'skip']);
  });
}

test('built_in: a user without password cannot log in, but can be no_auth_user', async () => {
  const built = await method([{ user: 'guest' }]);
  for (const pass of ['', 'null', 'undefined']) {
    const verdict = await built.authenticate(credentials({ user: 'guest', pass }), signal);
    assert.equal(verdict.kind, 'reject');
  }
  assert.equal(built.identityOf?.('guest')?.name, 'guest');
  assert.equal(built.identityOf?.('toString'), null);
});

test('built_in: a user may be bound to one kind of connection', async () => {
  const built = await method([
    { user: 'web', password: 'p', allowed_connection_types: ['websocket', 'MQTT'] },
  ]);
  const kinds = [];
  for (const transport of ['ws', 'tcp'] as const) {
    kinds.push((await built.authenticate(credentials({ user: 'web', pass: 'p', transport }), signal)).kind);
  }
  assert.deepEqual(kinds, ['accept', 'reject']);
});

test('built_in: what a record says is what the identity says', async () => {
  const record = {
    user: 'ann',
    password: 'p',
    is_superuser: true,
    permissions: { publish: 'a.>', subscribe: { allow: ['b', 'c q'], deny: 'b.x' }, allow_responses: true },
    client_id: 'fixed',
    mountpoint: 'ann/',
    attributes: { tenant: '7' },
  };
  const built = await method([record]);
  const verdict = await built.authenticate(credentials({ user: 'ann', pass: 'p' }), signal);
  assert.ok(verdict.kind === 'accept');
  const { identity } = verdict;
  assert.deepEqual(identity.permissions, {
    publish: { allow: ['a.>'], deny: [] },
    subscribe: { allow: ['b', 'c q'], deny: ['b.x'] },
    allowResponses: { maxMessages: 1, expiresMs: 120_000 },
  });
  assert.deepEqual(
    [identity.isSuperuser, identity.clientId, identity.mountpoint, identity.attributes],
    [true, 'fixed', 'ann/', { tenant: '7' }],
  );
});

test('built_in: users come from the configuration and the file, each name once', async () => {
  const path = file({ users: [{ user: 'bob', password: 'b' }] });
  const both = await method([{ user: 'ann', password: 'a' }], path);
  assert.equal((await both.authenticate(credentials({ user: 'bob', pass: 'b' }), signal)).kind, 'accept');
  await assert.rejects(method([{ user: 'bob', password: 'x' }], path), /"bob" of built_in is there twice/);
});

const WRONG: [unknown, RegExp][] = [
  ['{', /not valid JSON$/],
  [[], /users must be a list/],
  [{ users: {} }, /users must be a list/],
  [{ users: ['x'] }, /users\[0\]: a user must be an object/],
  [{ users: [{ password: 's3cret' }] }, /users\[0\]: user is missing/],
  [{ users: [{ user: 'a', pasword: 's3cret' }] }, /a user has no "pasword"/],
  [{ users: [{ user: 'a', password: 's3cret', password_hash: 'x' }] }, /contradict/],
  [{ users: [{ user: 'a', password: '' }] }, /empty/],
  [{ users: [{ user: 'a' }, { user: 'a' }] }, /users\[1\]: user is there twice/],
  [{ users: [{ user: 'a', password_hash: 's3cret', algorithm: { name: 'sha3' } }] }, /name must be one of/],
  [{ users: [{ user: 'a', permissions: { publish: 'a..b' } }] }, /publish has "a..b", which is no subject/],
  [{ users: [{ user: 'a', permissions: { publish: 'a q' } }] }, /publish has "a q", which is no subject/],
  [{ users: [{ user: 'a', permissions: { allow: 'a' } }] }, /permissions has "allow"/],
  [{ users: [{ user: 'a', allowed_connection_types: 'TELNET' }] }, /allowed_connection_types may hold/],
  [{ users: [{ user: 'a', is_superuser: 'yes' }] }, /true or false/],
  [{ users: [{ user: 'a', attributes: { 'a b': '1' } }] }, /names with texts/],
];
for (const [content, message] of WRONG) {
  test(`users file: refuses ${JSON.stringify(content)} without quoting a secret`, () => {
    assert.throws(
      () => readUsersFile(file(content)),
      (error) =>
        error instanceof GatewayError &&
        error.code === 'GW_CONFIG' &&
        message.test(error.message) &&
        !error.message.includes('s3cret'),
    );
  });
}

test('users file: one that is missing is an error for the gateway, and empty for whoever starts one', () => {
  const path = file();
  assert.throws(() => readUsersFile(path), /cannot be read: ENOENT/);
  assert.deepEqual(readUsersFileIfThere(path).users, []);
});

test('users file: changes are whole or not at all, and others cannot read it', () => {
  const path = file();
  changeUsersFile(path, () => [{ user: 'ann', password: 'a' }]);
  changeUsersFile(path, (users) => [...users, { user: 'bob', password: 'b' }]);
  assert.deepEqual(
    readUsersFile(path).users.map(({ user }) => user),
    ['ann', 'bob'],
  );
  assert.equal(statSync(path).mode & 0o777, 0o600);
  const before = readFileSync(path, 'utf8');
  assert.throws(() => changeUsersFile(path, (users) => [...users, { user: 'ann' }]), /twice/);
  assert.throws(
    () =>
      changeUsersFile(path, () => {
        throw new GatewayError('GW_CONFIG', 'no');
      }),
    /no/,
  );
  assert.throws(
    () =>
      changeUsersFile(path, (users) => {
        changeUsersFile(path, () => []);
        return users;
      }),
    /somebody else is changing it/,
  );
  assert.equal(readFileSync(path, 'utf8'), before);
  assert.throws(() => statSync(`${path}.tmp`), /ENOENT/);
});
