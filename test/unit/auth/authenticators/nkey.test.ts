import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createAccount, createUser } from '@nats-io/nkeys';
import type { Credentials } from '../../../../src/auth/authenticator.ts';
import { createNkeyAuthenticator } from '../../../../src/auth/authenticators/nkey.ts';
import { NO_GRANTS } from '../../../../src/auth/user-record.ts';
import { credentials } from '../../../support/credentials.ts';

const NONCE = 'mFjRtq5gOqm0Ibk';
const pair = createUser();
const stranger = createUser();
const permissions = {
  publish: { allow: ['a.>'], deny: [] },
  subscribe: { allow: [], deny: ['b'] },
  allowResponses: null,
};
const method = await createNkeyAuthenticator({
  users: [{ ...NO_GRANTS, nkey: pair.getPublicKey(), permissions }],
});
const { signal } = new AbortController();

function signature(text: string, by = pair): string {
  return Buffer.from(by.sign(Buffer.from(text))).toString('base64url');
}

const good: Partial<Credentials> = { nkey: pair.getPublicKey(), nonce: NONCE, sig: signature(NONCE) };

test('nkey: a signed nonce is accepted, with the permissions of its key', async () => {
  const verdict = await method.authenticate(credentials(good), signal);
  assert.equal(verdict.kind, 'accept');
  assert.ok(verdict.kind === 'accept');
  assert.equal(verdict.identity.name, pair.getPublicKey());
  assert.deepEqual(verdict.identity.permissions, permissions);
  assert.equal(verdict.identity.expiresAtMs, null);
  assert.equal(verdict.identity.isSuperuser, false);
});

test('nkey: padded base64 is as good', async () => {
  const sig = Buffer.from(pair.sign(Buffer.from(NONCE))).toString('base64');
  assert.equal((await method.authenticate(credentials({ ...good, sig }), signal)).kind, 'accept');
});

const REFUSED: [name: string, given: Partial<Credentials>, kind: 'reject' | 'skip'][] = [
  ['no key', { ...good, nkey: '' }, 'skip'],
  ['a key that is not listed', { ...good, nkey: stranger.getPublicKey() }, 'skip'],
  ['a listed key in small letters', { ...good, nkey: pair.getPublicKey().toLowerCase() }, 'skip'],
  ['no signature', { ...good, sig: '' }, 'reject'],
  ['the signature of another nonce', { ...good, sig: signature('mFjRtq5gOqm0Ibj') }, 'reject'],
  [
    'the signature of the bytes behind the nonce',
    { ...good, sig: Buffer.from(pair.sign(Buffer.from(NONCE, 'base64url'))).toString('base64url') },
    'reject',
  ],
  ['the signature of somebody else', { ...good, sig: signature(NONCE, stranger) }, 'reject'],
  ['base64url with half its padding', { ...good, sig: `${signature(NONCE)}=` }, 'reject'],
  ['a signature that is too short', { ...good, sig: signature(NONCE).slice(0, 82) }, 'reject'],
  ['something that is no signature', { ...good, sig: 'secret' }, 'reject'],
  ['a signature of nothing where no nonce was offered', { ...good, nonce: '', sig: signature('') }, 'reject'],
];
for (const [name, given, kind] of REFUSED) {
  test(`nkey: ${name} is a ${kind}`, async () => {
    assert.equal((await method.authenticate(credentials(given), signal)).kind, kind);
  });
}

test('nkey: asks for a nonce', () => assert.equal(method.needsNonce, true));

test('nkey: will not start with what is no user key, or with one twice', async () => {
  const entry = (nkey: string) => ({ ...NO_GRANTS, nkey });
  const user = pair.getPublicKey();
  const make = async (users: string[]) => await createNkeyAuthenticator({ users: users.map(entry) });
  await assert.rejects(make([createAccount().getPublicKey()]), /not a public user key/);
  await assert.rejects(make([Buffer.from(pair.getSeed()).toString()]), (error: Error) => {
    // A seed in the wrong place must not get into the log.
    return !error.message.includes(Buffer.from(pair.getSeed()).toString());
  });
  await assert.rejects(make([user, user]), /listed twice/);
});
