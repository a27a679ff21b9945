import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { createTokenAuthenticator } from '../../../src/auth/authenticators/token.ts';
import { authServices, credentials } from '../../support/credentials.ts';

const services = authServices();
after(() => services.close());
const signal = new AbortController().signal;

const HASH_OF_TOK = '$2b$04$uPgCBcB//plRNANuYxyqqOkCsMZSj2b8bMUELFSw.vQWrmCoQBBIq';
for (const [form, token] of [
  ['plain', 'tok'],
  ['bcrypt', HASH_OF_TOK],
] as const) {
  test(`token: kept as ${form}, it is taken from auth_token and from nowhere else`, async () => {
    const method = await createTokenAuthenticator({ token, name: 'service' }, services);
    const kinds = [];
    for (const shown of [
      { token: 'tok' },
      { token: 'tik' },
      { pass: 'tok' },
      { jwt: 'tok' },
      {},
      { token },
    ]) {
      kinds.push((await method.authenticate(credentials(shown), signal)).kind);
    }
    const hashItself = form === 'plain' ? 'accept' : 'skip';
    assert.deepEqual(kinds, ['accept', 'skip', 'skip', 'skip', 'skip', hashItself]);
    const verdict = await method.authenticate(credentials({ token: 'tok' }), signal);
    assert.ok(verdict.kind === 'accept');
    assert.deepEqual([verdict.identity.name, verdict.identity.method], ['service', 'token']);
  });
}
