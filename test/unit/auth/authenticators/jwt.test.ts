import assert from 'node:assert/strict';
import { createHmac, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createAccount } from '@nats-io/nkeys';
import { base64url, type JWTPayload, SignJWT } from 'jose';
import type { Authenticator, Credentials, Identity, Verdict } from '../../../../src/auth/authenticator.ts';
import { createJwtAuthenticator, type JwtSettings } from '../../../../src/auth/authenticators/jwt.ts';
import type { Permissions } from '../../../../src/auth/permissions.ts';
import { authServices, credentials } from '../../../support/credentials.ts';
import { makeUser } from '../../../support/nats-operator.ts';

const SECRET = 'a secret that is long enough for all of the algorithms that take one';
const NOON_S = Date.UTC(2026, 5, 1, 12) / 1000;
const { signal } = new AbortController();
const folder = await mkdtemp(join(tmpdir(), 'nmg-jwt-'));
after(() => rm(folder, { recursive: true }));

const SETTINGS: JwtSettings = {
  from: ['jwt', 'auth_token', 'pass'],
  secret: '',
  secret_base64: false,
  public_key_file: '',
  jwks: { url: '', ca_file: '', refresh: 60_000, cooldown: 1000, timeout: 500 },
  algorithms: [],
  issuer: '',
  audience: [],
  clock_tolerance: 0,
  require_exp: false,
  required_claims: {},
  name_claim: 'sub',
  acl_claim: 'acl',
};

const PAIRS = {
  rsa: generateKeyPairSync('rsa', { modulusLength: 2048 }),
  otherRsa: generateKeyPairSync('rsa', { modulusLength: 2048 }),
  weakRsa: generateKeyPairSync('rsa', { modulusLength: 1024 }),
  p256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  p384: generateKeyPairSync('ec', { namedCurve: 'P-384' }),
  p521: generateKeyPairSync('ec', { namedCurve: 'P-521' }),
  k256: generateKeyPairSync('ec', { namedCurve: 'secp256k1' }),
  ed: generateKeyPairSync('ed25519'),
  x: generateKeyPairSync('x25519'),
};
type PairName = keyof typeof PAIRS;
const pem = (key: KeyObject): string => key.export({ format: 'pem', type: 'spki' }).toString();

// Written before the first test, which may run while the rest of this file is loaded.
for (const [name, { publicKey }] of Object.entries(PAIRS))
  await writeFile(fileOf(name as PairName), pem(publicKey));

function fileOf(name: PairName): string {
  return join(folder, `${name}.pem`);
}

async function make(given: Partial<JwtSettings>): Promise<Authenticator> {
  const settings = { ...SETTINGS, ...given };
  return await createJwtAuthenticator(settings, { ...authServices(), wallClock: () => NOON_S * 1000 });
}

async function sign(
  claims: JWTPayload,
  algorithm = 'HS256',
  key: KeyObject | Uint8Array = Buffer.from(SECRET),
): Promise<string> {
  return await new SignJWT(claims).setProtectedHeader({ alg: algorithm, typ: 'JWT' }).sign(key);
}

async function judge(given: Partial<JwtSettings>, shown: Partial<Credentials>): Promise<Verdict> {
  return await (await make({ secret: SECRET, ...given })).authenticate(credentials(shown), signal);
}

async function identity(given: Partial<JwtSettings>, claims: JWTPayload, shown = {}): Promise<Identity> {
  const verdict = await judge(given, { jwt: await sign(claims), ...shown });
  assert.ok(verdict.kind === 'accept', JSON.stringify(verdict));
  return verdict.identity;
}

const KINDS: [key: PairName, algorithms: string[]][] = [
  ['rsa', ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512']],
  ['p256', ['ES256']],
  ['p384', ['ES384']],
  ['p521', ['ES512']],
  ['ed', ['EdDSA', 'Ed25519']],
];
for (const [name, algorithms] of KINDS) {
  for (const algorithm of algorithms) {
    test(`jwt: ${algorithm} with the public key of ${name}`, async () => {
      const given = { secret: '', public_key_file: fileOf(name) };
      const jwt = await sign({ sub: 'ann' }, algorithm, PAIRS[name].privateKey);
      assert.equal((await judge(given, { jwt })).kind, 'accept');
    });
  }
}
for (const algorithm of ['HS256', 'HS384', 'HS512']) {
  test(`jwt: ${algorithm} with a secret, plain or in base64`, async () => {
    const jwt = await sign({ sub: 'ann' }, algorithm);
    assert.equal((await judge({}, { jwt })).kind, 'accept');
    const secret = Buffer.from(SECRET).toString('base64');
    assert.equal((await judge({ secret, secret_base64: true }, { jwt })).kind, 'accept');
    assert.equal((await judge({ secret }, { jwt })).kind, 'reject');
  });
}

/** A token that jose would not make. */
function handMade(
  header: object,
  signature: (input: string) => string,
  claims: object = { sub: 'ann' },
): string {
  const input = `${base64url.encode(JSON.stringify(header))}.${base64url.encode(JSON.stringify(claims))}`;
  return `${input}.${signature(input)}`;
}
const hmac = (key: string) => (input: string) => createHmac('sha256', key).update(input).digest('base64url');

test('jwt: nobody gets in by another algorithm than those of the kind of key', async () => {
  const publicPem = pem(PAIRS.rsa.publicKey);
  const rsa = { secret: '', public_key_file: fileOf('rsa') };
  const attempts: [name: string, given: Partial<JwtSettings>, jwt: string][] = [
    ['none', {}, handMade({ alg: 'none' }, () => '')],
    ['None', {}, handMade({ alg: 'None' }, () => '')],
    ['none for a public key', rsa, handMade({ alg: 'none' }, () => '')],
    ['no algorithm', {}, handMade({ typ: 'JWT' }, hmac(SECRET))],
    ['an empty signature', {}, handMade({ alg: 'HS256' }, () => '')],
    ['the public key as secret', rsa, handMade({ alg: 'HS256' }, hmac(publicPem))],
    [
      'the public key without its last line end as secret',
      rsa,
      handMade({ alg: 'HS256' }, hmac(publicPem.trim())),
    ],
    ['RS256 where there is a secret', {}, await sign({}, 'RS256', PAIRS.rsa.privateKey)],
    [
      'a key in the header',
      rsa,
      handMade({ alg: 'RS256', jwk: PAIRS.otherRsa.publicKey.export({ format: 'jwk' }) }, (input) =>
        input.slice(0, 43),
      ),
    ],
    ['an unknown critical extension', {}, handMade({ alg: 'HS256', crit: ['x'], x: 1 }, hmac(SECRET))],
    [
      'a payload that is not encoded',
      {},
      handMade({ alg: 'HS256', b64: false, crit: ['b64'] }, hmac(SECRET)),
    ],
  ];
  for (const [name, given, jwt] of attempts) assert.equal((await judge(given, { jwt })).kind, 'reject', name);
});

test('jwt: fewer algorithms than the key could do', async () => {
  const jwt = await sign({}, 'HS256');
  assert.equal((await judge({ algorithms: ['HS512'] }, { jwt })).kind, 'reject');
  assert.equal((await judge({ algorithms: ['HS512', 'HS256'] }, { jwt })).kind, 'accept');
});

const RULES: [
  name: string,
  given: Partial<JwtSettings>,
  claims: JWTPayload,
  kind: Verdict['kind'],
  shown?: Partial<Credentials>,
][] = [
  ['a second before exp', {}, { exp: NOON_S + 1 }, 'accept'],
  ['at exp', {}, { exp: NOON_S }, 'reject'],
  ['at exp, within the tolerance', { clock_tolerance: 2000 }, { exp: NOON_S }, 'accept'],
  ['behind the tolerance', { clock_tolerance: 2000 }, { exp: NOON_S - 2 }, 'reject'],
  ['exp as text', {}, { exp: String(NOON_S + 60) as never }, 'reject'],
  ['no exp', {}, {}, 'accept'],
  ['no exp where it is a must', { require_exp: true }, {}, 'reject'],
  ['exp where it is a must', { require_exp: true }, { exp: NOON_S + 60 }, 'accept'],
  ['at nbf', {}, { nbf: NOON_S }, 'accept'],
  ['a second before nbf', {}, { nbf: NOON_S + 1 }, 'reject'],
  ['a second before nbf, within the tolerance', { clock_tolerance: 1000 }, { nbf: NOON_S + 1 }, 'accept'],
  ['the right issuer', { issuer: 'me' }, { iss: 'me' }, 'accept'],
  ['another issuer', { issuer: 'me' }, { iss: 'you' }, 'skip'],
  ['no issuer', { issuer: 'me' }, {}, 'skip'],
  ['the right audience', { audience: ['a', 'b'] }, { aud: 'b' }, 'accept'],
  ['one audience of many', { audience: ['a'] }, { aud: ['x', 'a'] }, 'accept'],
  ['another audience', { audience: ['a'] }, { aud: 'x' }, 'reject'],
  ['no audience', { audience: ['a'] }, {}, 'reject'],
  [
    'the user of the token',
    { required_claims: { sub: '${connect.user}' } },
    { sub: 'ann' },
    'accept',
    { user: 'ann' },
  ],
  [
    'another user than that of the token',
    { required_claims: { sub: '${connect.user}' } },
    { sub: 'ann' },
    'reject',
    { user: 'bob' },
  ],
  [
    'no user, and an empty one in the token',
    { required_claims: { sub: '${connect.user}' } },
    { sub: '' },
    'reject',
  ],
  ['no user, and none in the token', { required_claims: { sub: '${connect.user}' } }, {}, 'reject'],
  ['a literal claim', { required_claims: { site: 'north' } }, { site: 'north' }, 'accept'],
  ['another literal', { required_claims: { site: 'north' } }, { site: 'south' }, 'reject'],
  ['one value of a list', { required_claims: { roles: 'nats' } }, { roles: ['a', 'nats'] }, 'accept'],
  ['a list without the value', { required_claims: { roles: 'nats' } }, { roles: ['a'] }, 'reject'],
  ['a flag', { required_claims: { nats: 'true' } }, { nats: true }, 'accept'],
  ['a claim inside another', { required_claims: { 'realm.role': 'x' } }, { realm: { role: 'x' } }, 'accept'],
  ['a claim with a dot in its name', { required_claims: { 'a.b/c': 'x' } }, { 'a.b/c': 'x' }, 'accept'],
  ['an object for a claim', { required_claims: { a: '[object Object]' } }, { a: {} }, 'reject'],
  ['what every object has', { required_claims: { 'constructor.name': 'Object' } }, {}, 'reject'],
  ['both forms of permissions', {}, { acl: [], permissions: {} }, 'reject'],
  ['permissions that are none', {}, { permissions: 'all' }, 'reject'],
  ['an acl that is none', {}, { acl: 'all' }, 'reject'],
  ['an acl with an unknown part', {}, { acl: { publish: ['a'] } }, 'reject'],
  [
    'an acl with a rule that cannot be kept',
    {},
    { acl: [{ permission: 'allow', action: 'all', topic: 'a', qos: 1 }] },
    'reject',
  ],
  ['an acl for a user without a name', {}, { acl: { pub: ['${username}/#'] } }, 'reject'],
  [
    'an acl for a user with a wildcard in the name',
    {},
    { acl: { pub: ['${username}/#'] } },
    'reject',
    { user: '+' },
  ],
  ['attributes that are none', {}, { client_attrs: { a: 1 } }, 'reject'],
];
for (const [name, given, claims, kind, shown] of RULES) {
  test(`jwt: ${name}: ${kind}`, async () => {
    const jwt = await sign(claims);
    assert.equal((await judge(given, { jwt, ...shown })).kind, kind);
  });
}

const open = { allow: [], deny: [] };
const nothing = { allow: [], deny: ['>'] };
const GRANTS: [name: string, claims: JWTPayload, expected: Permissions | null][] = [
  ['nothing said', {}, null],
  [
    'NATS form',
    { permissions: { publish: ['a.>'], subscribe: { allow: ['b', 'c q'], deny: ['d'] } } },
    {
      publish: { allow: ['a.>'], deny: [] },
      subscribe: { allow: ['b', 'c q'], deny: ['d'] },
      allowResponses: null,
    },
  ],
  [
    'NATS form with answers',
    { permissions: { pub: 'a', allow_responses: true } },
    {
      publish: { allow: ['a'], deny: [] },
      subscribe: open,
      allowResponses: { maxMessages: 1, expiresMs: 120_000 },
    },
  ],
  [
    'EMQX lists',
    { acl: { pub: ['a/b'], sub: ['c/#'], all: ['d/+'] } },
    {
      publish: { allow: ['a.b', 'd.*'], deny: [] },
      subscribe: { allow: ['c.>', 'd.*'], deny: [] },
      allowResponses: null,
    },
  ],
  [
    'EMQX lists without one kind',
    { acl: { pub: ['a/b'] } },
    { publish: { allow: ['a.b'], deny: [] }, subscribe: nothing, allowResponses: null },
  ],
  ['empty EMQX lists', { acl: {} }, { publish: nothing, subscribe: nothing, allowResponses: null }],
  [
    'EMQX rules',
    {
      acl: [
        { permission: 'deny', action: 'all', topic: 'a/x' },
        { permission: 'allow', action: 'publish', topics: ['a/#'] },
      ],
    },
    { publish: { allow: ['a.>'], deny: ['a.x'] }, subscribe: nothing, allowResponses: null },
  ],
  [
    'the name of the user in EMQX rules',
    { acl: { all: ['u/${username}/#'] } },
    {
      publish: { allow: ['u.ann.>'], deny: [] },
      subscribe: { allow: ['u.ann.>'], deny: [] },
      allowResponses: null,
    },
  ],
];
for (const [name, claims, expected] of GRANTS) {
  test(`jwt: permissions: ${name}`, async () => {
    assert.deepEqual((await identity({}, claims, { user: 'ann' })).permissions, expected);
  });
}

test('jwt: says who the client is', async () => {
  const claims = {
    sub: 'ann',
    exp: NOON_S + 60,
    is_superuser: true,
    client_attrs: { site: 'north' },
    email: 'a@b.c',
  };
  const found = await identity({}, claims);
  assert.deepEqual([found.name, found.isSuperuser, found.attributes], ['ann', true, { site: 'north' }]);
  assert.equal(found.expiresAtMs, (NOON_S + 60) * 1000);
  assert.equal((await identity({ clock_tolerance: 5000 }, claims)).expiresAtMs, (NOON_S + 65) * 1000);
  assert.equal((await identity({ name_claim: 'email' }, claims)).name, 'a@b.c');
  // What the client says of itself is a name only where a claim has to say the same.
  assert.equal((await identity({ name_claim: 'nickname' }, claims, { user: 'bob' })).name, 'jwt');
  const proven = { name_claim: 'nickname', required_claims: { email: '${connect.user}' } };
  assert.equal((await identity(proven, claims, { user: 'a@b.c' })).name, 'a@b.c');
  assert.equal((await identity({}, {})).isSuperuser, false);
  assert.equal((await identity({}, {})).expiresAtMs, null);
});

test('jwt: takes the token from where it is told to', async () => {
  const token = await sign({ sub: 'ann' });
  const kinds = async (from: JwtSettings['from'], shown: Partial<Credentials>): Promise<string> =>
    (await judge({ from }, shown)).kind;
  assert.equal(await kinds(['jwt'], { jwt: token }), 'accept');
  assert.equal(await kinds(['auth_token'], { token }), 'accept');
  assert.equal(await kinds(['pass'], { pass: token }), 'accept');
  assert.equal(await kinds(['jwt'], { token, pass: token }), 'skip');
  // A password in the field before is no token.
  assert.equal(await kinds(['pass', 'auth_token'], { pass: 'pa.ss.word', token }), 'accept');
  // The first token counts, so that two cannot be tried at a time.
  assert.equal(await kinds(['pass', 'auth_token'], { pass: `${token}x`, token }), 'reject');
});

test('jwt: leaves to other methods what is no token for it', async () => {
  const natsToken = (await makeUser(createAccount())).token;
  for (const jwt of [
    '',
    'secret',
    'a.b.c',
    natsToken,
    `eyJ${'a'.repeat(70_000)}.b.c`,
    'eyJhbGciOiJSU0EifQ.a.b.c.d',
  ]) {
    assert.equal((await judge({}, { jwt })).kind, 'skip', jwt.slice(0, 20));
  }
});

test('jwt: a reject says why, and nothing of the token', async () => {
  const token = await sign({ sub: 'ann', secret: 'pssst', exp: NOON_S - 1 });
  const verdict = await judge({}, { jwt: token });
  assert.deepEqual(verdict, { kind: 'reject', detail: 'expired' });
  assert.deepEqual(await judge({ secret: `${SECRET}.` }, { jwt: token }), {
    kind: 'reject',
    detail: 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED',
  });
});

const privateFile = join(folder, 'private.pem');
await writeFile(privateFile, PAIRS.p256.privateKey.export({ format: 'pem', type: 'pkcs8' }));
const rubbishFile = join(folder, 'rubbish.pem');
await writeFile(rubbishFile, 'rubbish');
const WRONG: [name: string, given: Partial<JwtSettings>, message: RegExp][] = [
  ['no key', {}, /needs one of/],
  ['two keys', { secret: SECRET, public_key_file: rubbishFile }, /needs one of/],
  ['a file that is not there', { public_key_file: join(folder, 'nowhere.pem') }, /cannot be read/],
  ['a file without a key', { public_key_file: rubbishFile }, /holds no public key/],
  ['a private key', { public_key_file: privateFile }, /holds a private key/],
  ['a weak key', { public_key_file: fileOf('weakRsa') }, /only 1024 bits/],
  ['a curve that tokens do not use', { public_key_file: fileOf('k256') }, /unsupported curve/],
  ['a key that cannot sign', { public_key_file: fileOf('x') }, /unsupported kind/],
  ['a secret that is not base64', { secret: 'sec ret', secret_base64: true }, /not base64/],
  ['an algorithm of another kind of key', { secret: SECRET, algorithms: ['RS256'] }, /cannot do RS256/],
  [
    'a secret algorithm for a public key',
    { public_key_file: fileOf('rsa'), algorithms: ['HS256'] },
    /cannot do HS256/,
  ],
];
for (const [name, given, message] of WRONG) {
  test(`jwt: will not start with ${name}`, async () => {
    await assert.rejects(make(given), (error: Error & { code?: string }) => {
      return error.code === 'GW_CONFIG' && message.test(error.message) && !error.message.includes(SECRET);
    });
  });
}
