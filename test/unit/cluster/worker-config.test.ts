/** What reaches a worker is what the primary has read, whatever the settings are made of. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deserialize, serialize } from 'node:v8';
import { METHOD_KEYS, type MethodName } from '../../../src/config/authentication/methods.ts';
import { loadConfig } from '../../../src/config/load.ts';

/** The least that each method needs. */
const NEEDED: { readonly [Name in MethodName]: Readonly<Record<string, unknown>> } = {
  built_in: {
    users: [
      { user: 'a', password: 'p', permissions: { allow_responses: { max: -1, expires: '-1s' } } },
      { user: 'b', password_hash: 'ab', salt: 's', algorithm: { name: 'sha256' } },
    ],
  },
  http: { url: 'https://auth.example.org/${username}' },
  jwt: { secret: 's'.repeat(64) },
  mysql: { database: 'd', username: 'u', query: 'SELECT password_hash FROM t WHERE u = ${username}' },
  nats_jwt: { operator_files: ['operator.jwt'] },
  nkey: {},
  postgresql: { database: 'd', username: 'u', query: 'SELECT password_hash FROM t WHERE u = ${username}' },
  redis: {},
  tls_certificate: {},
  token: { token: 't' },
};
const ALL = Object.keys(METHOD_KEYS) as MethodName[];

for (const method of ALL) {
  test(`worker config: the settings of ${method} survive the way`, () => {
    const config = loadConfig({
      env: {},
      flags: {
        authentication: [{ method, ...NEEDED[method] }],
        default_permissions: { publish: { deny: ['a'] }, allow_responses: { max: -1 } },
      },
    });
    assert.deepEqual(deserialize(serialize(config)), config);
  });
}
