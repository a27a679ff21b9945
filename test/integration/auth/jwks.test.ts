/** Keys of `jwt` from a real HTTP server, which may be down, slow, or answer rubbish. */
import assert from 'node:assert/strict';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { after, afterEach, beforeEach, test } from 'node:test';
import { SignJWT } from 'jose';
import type { Authenticator } from '../../../src/auth/authenticator.ts';
import { createJwtAuthenticator } from '../../../src/auth/authenticators/jwt.ts';
import { JWT_KEYS } from '../../../src/config/authentication/jwt.ts';
import { parseGroup } from '../../../src/config/entries.ts';
import { systemClock } from '../../../src/util/clock.ts';
import { authServices, credentials } from '../../support/credentials.ts';
import { startDocumentServer } from '../../support/document-server.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { waitFor } from '../../support/wait-for.ts';

const MINUTE_MS = 60_000;
const { signal } = new AbortController();
const server = await startDocumentServer();
after(() => server.stop());
const first = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const second = generateKeyPairSync('rsa', { modulusLength: 2048 });

let fake: FakeClock;
let method: Authenticator;
beforeEach(async () => {
  server.mode = 'serve';
  server.requests.length = 0;
  publish({ kid: 'first', ...first.publicKey.export({ format: 'jwk' }) });
  fake = new FakeClock();
  const jwks = { url: `${server.url}jwks.json`, refresh: '10m', cooldown: '30s', timeout: '300ms' };
  // Age is what the test says; time-outs are real.
  const services = { ...authServices(), clock: { ...systemClock, now: () => fake.now() } };
  method = await createJwtAuthenticator(parseGroup(JWT_KEYS, { jwks }), services);
});
afterEach(() => method.close());

function publish(...keys: object[]): void {
  server.documents.set('jwks.json', JSON.stringify({ keys }));
}

async function judge(key: KeyObject | Uint8Array, alg: string, kid?: string): Promise<string> {
  const header = { alg, ...(kid !== undefined && { kid }) };
  const jwt = await new SignJWT({ sub: 'ann' }).setProtectedHeader(header).sign(key);
  return (await method.authenticate(credentials({ jwt }), signal)).kind;
}
const byFirst = (): Promise<string> => judge(first.privateKey, 'ES256', 'first');
const bySecond = (): Promise<string> => judge(second.privateKey, 'RS256', 'second');

test('jwks: keys are fetched once, however many ask', async () => {
  assert.deepEqual(await Promise.all([byFirst(), byFirst(), byFirst()]), ['accept', 'accept', 'accept']);
  assert.equal(await byFirst(), 'accept');
  assert.deepEqual(server.requests, ['jwks.json']);
});

test('jwks: a token without the name of its key, where there is one that fits', async () => {
  assert.equal(await judge(first.privateKey, 'ES256'), 'accept');
});

test('jwks: a new key is found when a token names it, but not more often than allowed', async () => {
  assert.equal(await byFirst(), 'accept');
  publish(
    { kid: 'first', ...first.publicKey.export({ format: 'jwk' }) },
    { kid: 'second', ...second.publicKey.export({ format: 'jwk' }) },
  );
  assert.equal(await bySecond(), 'reject');
  assert.equal(server.requests.length, 1);
  fake.advance(30_000);
  assert.equal(await bySecond(), 'accept');
  for (let i = 0; i < 10; i++) assert.equal(await judge(first.privateKey, 'ES256', `unknown-${i}`), 'reject');
  assert.equal(server.requests.length, 2);
});

test('jwks: a key that is withdrawn is no longer taken', async () => {
  assert.equal(await byFirst(), 'accept');
  publish({ kid: 'second', ...second.publicKey.export({ format: 'jwk' }) });
  fake.advance(10 * MINUTE_MS);
  await byFirst();
  await waitFor(async () => (await byFirst()) === 'reject');
});

for (const mode of ['fail', 'rubbish', 'redirect', 'endless', 'hang'] as const) {
  test(`jwks: known keys outlive a server that answers with ${mode}`, async () => {
    assert.equal(await byFirst(), 'accept');
    server.mode = mode;
    fake.advance(60 * MINUTE_MS);
    assert.equal(await byFirst(), 'accept');
    await waitFor(() => server.requests.length === 2, 2000, 'another attempt');
    assert.equal(await byFirst(), 'accept');
    assert.equal(await bySecond(), 'reject');
  });

  test(`jwks: without known keys a server that answers with ${mode} is a failure, in bounded time`, async () => {
    server.mode = mode;
    const startMs = Date.now();
    await assert.rejects(byFirst());
    assert.ok(Date.now() - startMs < 2000);
    // And the next client does not make it worse.
    await assert.rejects(byFirst());
    assert.equal(server.requests.length, 1);
  });
}

const USELESS: [name: string, document: string][] = [
  ['no keys', '{"keys":[]}'],
  ['no list', '{"keys":"all"}'],
  ['null', 'null'],
  ['nothing but a secret', '{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}'],
  [
    'nothing but keys for encryption',
    `{"keys":[${JSON.stringify({ use: 'enc', ...first.publicKey.export({ format: 'jwk' }) })}]}`,
  ],
  ['very many keys', JSON.stringify({ keys: Array.from({ length: 101 }, () => ({ kty: 'RSA' })) })],
];
for (const [name, document] of USELESS) {
  test(`jwks: ${name} is a failure`, async () => {
    server.documents.set('jwks.json', document);
    await assert.rejects(byFirst());
  });
}

test('jwks: a secret next to public keys is no key', async () => {
  const secret = Buffer.alloc(32, 7);
  publish(
    { kid: 'first', ...first.publicKey.export({ format: 'jwk' }) },
    { kty: 'oct', kid: 'secret', k: secret.toString('base64url') },
  );
  assert.equal(await judge(secret, 'HS256', 'secret'), 'reject');
});

test('jwks: a key is not taken for an algorithm that it says it is not for', async () => {
  publish({ kid: 'second', alg: 'RS256', ...second.publicKey.export({ format: 'jwk' }) });
  assert.equal(await judge(second.privateKey, 'PS256', 'second'), 'reject');
  assert.equal(await bySecond(), 'accept');
});

test('jwks: a key that is too weak is not taken', async () => {
  const weak = generateKeyPairSync('rsa', { modulusLength: 1024 });
  publish({ kid: 'weak', ...weak.publicKey.export({ format: 'jwk' }) });
  const { createSign } = await import('node:crypto');
  const input = [{ alg: 'RS256', kid: 'weak' }, { sub: 'ann' }]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  const signature = createSign('sha256').update(input).sign(weak.privateKey).toString('base64url');
  const verdict = await method.authenticate(credentials({ jwt: `${input}.${signature}` }), signal);
  assert.equal(verdict.kind, 'reject');
});

test('jwks: closing the method ends what is on its way', async () => {
  server.mode = 'hang';
  const running = byFirst();
  await waitFor(() => server.requests.length === 1);
  await method.close();
  await assert.rejects(running, /closed/);
});
