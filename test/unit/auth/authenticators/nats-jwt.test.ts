import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createAccount, createOperator, type KeyPair } from '@nats-io/nkeys';
import type { Authenticator, Credentials, Identity, Verdict } from '../../../../src/auth/authenticator.ts';
import { createNatsJwtAuthenticator } from '../../../../src/auth/authenticators/nats-jwt.ts';
import type { Permissions } from '../../../../src/auth/permissions.ts';
import { authServices, credentials } from '../../../support/credentials.ts';
import { makeNatsJwtWorld } from '../../../support/nats-jwt-cases.ts';
import {
  ACCOUNT_LIMITS,
  type Holder,
  makeAccount,
  makeOperator,
  makeScopedUser,
  makeUser,
  signed,
  type TokenOptions,
} from '../../../support/nats-operator.ts';

const NONCE = 'mFjRtq5gOqm0Ibk';
const { signal } = new AbortController();

async function makeMethod(
  operators: readonly string[],
  accounts: readonly Holder[],
  more: { readonly operator_files?: readonly string[] } = {},
  nowMs?: number,
): Promise<Authenticator> {
  return await createNatsJwtAuthenticator(
    {
      trusted_operators: operators,
      operator_files: [],
      resolver: {
        preload: accounts.map(({ token }) => token),
        directory: '',
        url: '',
        ca_file: '',
        timeout: 1000,
        refresh: 60_000,
      },
      ...more,
    },
    { ...authServices(), ...(nowMs !== undefined && { wallClock: () => nowMs }) },
  );
}

async function methodFor(account: Holder, nowMs?: number): Promise<Authenticator> {
  return await makeMethod([world.operator.token], [account], {}, nowMs);
}

const world = await makeNatsJwtWorld();
const account = await makeAccount(world.operator.pair);
const method = await makeMethod([world.operator.token], [...world.accounts, account]);

async function judge(by: Authenticator, given: Partial<Credentials>): Promise<Verdict> {
  return await by.authenticate(credentials({ nonce: NONCE, ...given }), signal);
}

for (const { name, isAccepted, jwt, sign, transport } of world.cases) {
  test(`nats_jwt: ${isAccepted ? 'accepts' : 'denies'} ${name}`, async () => {
    const verdict = await judge(method, { jwt, sig: sign(NONCE), transport });
    const detail = verdict.kind === 'reject' ? verdict.detail : '';
    assert.equal(verdict.kind === 'accept', isAccepted, `${verdict.kind} ${detail}`);
  });
}

test('nats_jwt: what is no token of NATS is for other methods', async () => {
  for (const jwt of ['', 'secret', 'a.b.c', 'eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.e30.AAAA']) {
    assert.equal((await judge(method, { jwt })).kind, 'skip');
  }
});

test('nats_jwt: a signature of nothing is worth nothing where no nonce was offered', async () => {
  const user = await makeUser(account.pair);
  const verdict = await judge(method, { jwt: user.token, sig: signed('', user.pair), nonce: '' });
  assert.equal(verdict.kind, 'reject');
});

/** The identity of a user with these claims. */
async function identity(user: Holder, by = method): Promise<Identity> {
  const verdict = await judge(by, { jwt: user.token, sig: signed(NONCE, user.pair) });
  assert.ok(verdict.kind === 'accept', JSON.stringify(verdict));
  return verdict.identity;
}

test('nats_jwt: says who the user is and whose', async () => {
  const user = await makeUser(account.pair, { claims: { name: 'meter-7' } });
  const { name, attributes, isSuperuser } = await identity(user);
  assert.equal(name, user.key);
  assert.deepEqual(attributes, { user_name: 'meter-7', account: account.key, account_name: 'account' });
  assert.equal(isSuperuser, false);
});

const LIMITS: [
  name: string,
  user: object,
  account: object,
  subscriptions: number | null,
  payload: number | null,
][] = [
  ['no limits', {}, {}, null, null],
  ['limits of the user', { subs: 5, payload: 100 }, {}, 5, 100],
  ['limits of the account', {}, { subs: 6, payload: 200 }, 6, 200],
  ['the lower of both', { subs: 5, payload: 300 }, { subs: 6, payload: 200 }, 5, 200],
  ['nothing where the user has none', { subs: undefined, payload: undefined }, {}, 0, 0],
  ['nothing where the account has none', {}, { subs: undefined, payload: undefined }, 0, 0],
  ['nothing for a number that makes no sense', { subs: -2, payload: -7 }, {}, 0, 0],
];
for (const [name, body, limits, subscriptions, payload] of LIMITS) {
  test(`nats_jwt: ${name}`, async () => {
    const owner = await makeAccount(world.operator.pair, {
      body: { limits: { ...ACCOUNT_LIMITS, ...limits } },
    });
    const found = await identity(await makeUser(owner.pair, { body: { ...body } }), await methodFor(owner));
    assert.deepEqual([found.maxSubscriptions, found.maxPayloadBytes], [subscriptions, payload]);
  });
}

test('nats_jwt: a user of version 1 has the limits it names and no others', async () => {
  const user = await makeUser(account.pair, { version: 1, body: { subs: undefined, payload: 7 } });
  const { maxSubscriptions, maxPayloadBytes } = await identity(user);
  assert.deepEqual([maxSubscriptions, maxPayloadBytes], [null, 7]);
});

const NONE = { allow: [], deny: [] };
const FORTY_S = 40_000_000_000;
const PERMISSIONS: [name: string, user: object, fallback: object, expected: Permissions | null][] = [
  ['none', {}, {}, null],
  ['none but empty lists', { pub: { allow: [] }, sub: {} }, {}, null],
  [
    'those of the user',
    { pub: { allow: ['a'], deny: ['b'] }, sub: { allow: ['c q'], deny: ['d.>'] } },
    { pub: { allow: ['z'] } },
    {
      publish: { allow: ['a'], deny: ['b'] },
      subscribe: { allow: ['c q'], deny: ['d.>'] },
      allowResponses: null,
    },
  ],
  [
    'those of the account otherwise',
    {},
    { sub: { deny: ['z'] } },
    { publish: NONE, subscribe: { allow: [], deny: ['z'] }, allowResponses: null },
  ],
  [
    'answers, once and for two minutes',
    { resp: {} },
    {},
    { publish: NONE, subscribe: NONE, allowResponses: { maxMessages: 1, expiresMs: 120_000 } },
  ],
  [
    'answers as the token says',
    { resp: { max: 3, ttl: FORTY_S } },
    {},
    { publish: NONE, subscribe: NONE, allowResponses: { maxMessages: 3, expiresMs: 40_000 } },
  ],
  [
    'answers without end',
    { resp: { max: -1, ttl: -1 } },
    {},
    {
      publish: NONE,
      subscribe: NONE,
      allowResponses: { maxMessages: Number.POSITIVE_INFINITY, expiresMs: Number.POSITIVE_INFINITY },
    },
  ],
];
for (const [name, body, default_permissions, expected] of PERMISSIONS) {
  test(`nats_jwt: permissions: ${name}`, async () => {
    const owner = await makeAccount(world.operator.pair, { body: { default_permissions } });
    const found = await identity(await makeUser(owner.pair, { body: { ...body } }), await methodFor(owner));
    assert.deepEqual(found.permissions, expected);
  });
}

test('nats_jwt: the template of a scoped key gives permissions and limits', async () => {
  const signer = createAccount();
  const template = {
    subs: 4,
    payload: 64,
    data: -1,
    pub: { allow: ['{{name()}}.>'] },
    sub: { allow: ['{{tag(room)}}'] },
  };
  const key = { kind: 'user_scope', key: signer.getPublicKey(), role: '', template };
  const owner = await makeAccount(world.operator.pair, { body: { signing_keys: [key] } });
  const user = await makeScopedUser(owner.key, signer, {
    claims: { name: 'bob' },
    body: { tags: ['room:a', 'room:b'] },
  });
  const found = await identity(user, await methodFor(owner));
  assert.deepEqual(found.permissions?.publish, { allow: ['bob.>'], deny: [] });
  assert.deepEqual(found.permissions?.subscribe, { allow: ['a', 'b'], deny: [] });
  assert.deepEqual([found.maxSubscriptions, found.maxPayloadBytes], [4, 64]);
});

const NOON_S = Date.UTC(2026, 5, 1, 12) / 1000;
const AFTERNOON = { times: [{ start: '08:00:00', end: '16:00:00' }], times_location: 'UTC' };
const EXPIRIES: [name: string, user: TokenOptions, account: TokenOptions, expected: number | null][] = [
  ['never', {}, {}, null],
  ['with the token', { claims: { exp: NOON_S + 60 } }, {}, NOON_S + 60],
  [
    'with the token of the account',
    { claims: { exp: NOON_S + 60 } },
    { claims: { exp: NOON_S + 30 } },
    NOON_S + 30,
  ],
  ['at the end of the time range', { body: AFTERNOON }, {}, NOON_S + 4 * 3600],
  ['with the token, inside a time range', { body: AFTERNOON, claims: { exp: NOON_S + 60 } }, {}, NOON_S + 60],
  [
    'at the end of the time range, before the token',
    { body: AFTERNOON, claims: { exp: NOON_S + 86_400 } },
    {},
    NOON_S + 4 * 3600,
  ],
];
for (const [name, user, owner, expected] of EXPIRIES) {
  test(`nats_jwt: expires ${name}`, async () => {
    const holder = await makeAccount(world.operator.pair, owner);
    const found = await identity(await makeUser(holder.pair, user), await methodFor(holder, NOON_S * 1000));
    assert.equal(found.expiresAtMs, expected === null ? null : expected * 1000);
  });
}

const MOMENTS: [name: string, claims: object, offsetMs: number, kind: Verdict['kind']][] = [
  ['a millisecond before its end', { exp: NOON_S }, -1, 'accept'],
  ['at its end', { exp: NOON_S }, 0, 'reject'],
  ['a millisecond before its begin', { nbf: NOON_S }, -1, 'reject'],
  ['at its begin', { nbf: NOON_S }, 0, 'accept'],
];
for (const [name, claims, offsetMs, kind] of MOMENTS) {
  test(`nats_jwt: a token ${name} is a ${kind}`, async () => {
    const user = await makeUser(account.pair, { claims: { ...claims } });
    const by = await methodFor(account, NOON_S * 1000 + offsetMs);
    assert.equal((await judge(by, { jwt: user.token, sig: signed(NONCE, user.pair) })).kind, kind);
  });
}

test('nats_jwt: where signing keys are a must, no other key signs', async () => {
  const [operatorSigner, accountSigner] = [createOperator(), createAccount()];
  const strict = await makeOperator({
    body: { strict_signing_key_usage: true, signing_keys: [operatorSigner.getPublicKey()] },
  });
  const body = { signing_keys: [accountSigner.getPublicKey()] };
  const right = await makeAccount(operatorSigner, { body });
  const wrong = await makeAccount(strict.pair, { body });
  const by = await makeMethod([strict.token], [right, wrong]);
  const signedBy = async (owner: Holder, signer: KeyPair): Promise<string> => {
    const user = await makeUser(signer, { body: { issuer_account: owner.key } });
    return (await judge(by, { jwt: user.token, sig: signed(NONCE, user.pair) })).kind;
  };
  assert.equal(await signedBy(right, accountSigner), 'accept');
  assert.equal(await signedBy(right, right.pair), 'reject');
  assert.equal(await signedBy(wrong, accountSigner), 'reject');
});

test('nats_jwt: takes operators as key, as token, in a frame, and from a file', async (t) => {
  const user = await makeUser(account.pair);
  const framed = `-----BEGIN TEST OPERATOR JWT-----\n${world.operator.token}\n------END TEST OPERATOR JWT------\n`;
  const folder = await mkdtemp(join(tmpdir(), 'nmg-operator-'));
  t.after(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'operator.jwt'), framed);
  for (const by of [
    await makeMethod([world.operator.key], [account]),
    await makeMethod([framed], [account]),
    await makeMethod([], [account], { operator_files: [join(folder, 'operator.jwt')] }),
  ]) {
    await identity(user, by);
  }
});

test('nats_jwt: an expired operator is trusted no more', async () => {
  const operator = await makeOperator({ claims: { exp: NOON_S } });
  const owner = await makeAccount(operator.pair);
  const user = await makeUser(owner.pair);
  const by = await makeMethod([operator.token], [owner], {}, NOON_S * 1000);
  assert.equal((await judge(by, { jwt: user.token, sig: signed(NONCE, user.pair) })).kind, 'reject');
});

test('nats_jwt: will not start with what is no operator or no account', async () => {
  const stranger = await makeOperator();
  const inAnothersName = await makeOperator({ pair: world.operator.pair, signer: stranger.pair });
  await assert.rejects(makeMethod(['secret'], []), /trusted_operators\[0\] is neither/);
  await assert.rejects(makeMethod([account.token], []), /neither/);
  await assert.rejects(makeMethod([inAnothersName.token], []), /neither/);
  await assert.rejects(makeMethod([world.operator.key], [world.operator]), /preload\[0\] is not/);
});
