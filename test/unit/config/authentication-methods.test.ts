import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NO_GRANTS } from '../../../src/auth/user-record.ts';
import { JWT_KEYS } from '../../../src/config/authentication/jwt.ts';
import { NATS_JWT_KEYS } from '../../../src/config/authentication/nats-jwt.ts';
import { NKEY_KEYS } from '../../../src/config/authentication/nkey.ts';
import { TLS_CERTIFICATE_KEYS } from '../../../src/config/authentication/tls-certificate.ts';
import { parseGroup } from '../../../src/config/entries.ts';
import { FormatError } from '../../../src/config/formats.ts';
import type { Group } from '../../../src/config/key.ts';

const NKEY = 'UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4';
const permissions = { publish: 'a.>' };
const parsed = {
  publish: { allow: ['a.>'], deny: [] },
  subscribe: { allow: [], deny: [] },
  allowResponses: null,
};

test('authentication methods: users with and without permissions', () => {
  assert.deepEqual(parseGroup(NKEY_KEYS, { users: [NKEY] }).users, [{ ...NO_GRANTS, nkey: NKEY }]);
  assert.deepEqual(parseGroup(NKEY_KEYS, { users: [{ nkey: NKEY, permissions }] }).users, [
    { ...NO_GRANTS, nkey: NKEY, permissions: parsed },
  ]);
  assert.deepEqual(
    parseGroup(TLS_CERTIFICATE_KEYS, { users: ['CN=a', { user: 'CN=b', permissions }] }).users,
    [
      { ...NO_GRANTS, user: 'CN=a' },
      { ...NO_GRANTS, user: 'CN=b', permissions: parsed },
    ],
  );
});

test('authentication methods: keys and certificates have what users of built_in have', () => {
  const fields = {
    is_superuser: true,
    allowed_connection_types: 'websocket',
    client_id: 'c',
    mountpoint: 'm/',
    attributes: { tenant: 't' },
  };
  const grants = {
    ...{ isSuperuser: true, permissions: null, connectionTypes: ['WEBSOCKET'], clientId: 'c' },
    ...{ mountpoint: 'm/', attributes: { tenant: 't' } },
  };
  const [key] = parseGroup(NKEY_KEYS, { users: [{ nkey: NKEY, ...fields }] }).users;
  assert.deepEqual(key, { nkey: NKEY, ...grants });
  const [certificate] = parseGroup(TLS_CERTIFICATE_KEYS, { users: [{ user: 'CN=a', ...fields }] }).users;
  assert.deepEqual(certificate, { user: 'CN=a', ...grants });
});

const REFUSED: [name: string, group: Group, value: unknown][] = [
  ['a key that is none', NKEY_KEYS, { users: ['UABC'] }],
  ['a key twice', NKEY_KEYS, { users: [NKEY, { nkey: NKEY }] }],
  ['an entry without a key', NKEY_KEYS, { users: [{ permissions }] }],
  ['an entry with something else', NKEY_KEYS, { users: [{ nkey: NKEY, password: 'x' }] }],
  ['permissions that are none', NKEY_KEYS, { users: [{ nkey: NKEY, permissions: { publish: 'a..b' } }] }],
  ['a certificate user without a name', TLS_CERTIFICATE_KEYS, { users: [''] }],
  ['an unknown way with certificates', TLS_CERTIFICATE_KEYS, { unmapped: 'accept' }],
  ['a URL with a password', JWT_KEYS, { jwks: { url: 'https://a:b@example.org/' } }],
  ['a URL that is none', NATS_JWT_KEYS, { resolver: { url: 'example.org' } }],
  ['another kind of URL', NATS_JWT_KEYS, { resolver: { url: 'file:///etc/passwd' } }],
  ['the algorithm none', JWT_KEYS, { algorithms: ['none'] }],
  ['a field that is none', JWT_KEYS, { from: ['user'] }],
  ['a claim that must be nothing', JWT_KEYS, { required_claims: { sub: '' } }],
  ['a claim with an unknown variable', JWT_KEYS, { required_claims: { sub: '${connect.nobody}' } }],
];
for (const [name, group, value] of REFUSED) {
  test(`authentication methods: ${name} is refused`, () => {
    assert.throws(() => parseGroup(group, value), FormatError);
  });
}

test('authentication methods: what may be left out is left out', () => {
  assert.deepEqual(parseGroup(JWT_KEYS, {}).from, ['jwt', 'auth_token', 'pass']);
  assert.equal(parseGroup(NATS_JWT_KEYS, {}).resolver.timeout, 2000);
  assert.deepEqual(parseGroup(NKEY_KEYS, {}).users, []);
});
