/**
 * Ways in with signed credentials that are not what they say: tokens with other algorithms, keys and claims, nonces of others.
 * As in attempts.test.ts, a new idea is a new row, and nothing of what follows the attempt may be heard at the broker.
 */
import assert from 'node:assert/strict';
import { createHmac, createSign, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { createUser, type KeyPair } from '@nats-io/nkeys';
import type { Device } from '../../support/device.ts';
import { type RunningGateway, startGateway } from '../../support/gateway.ts';
import { type Mosquitto, startMosquitto } from '../../support/mosquitto.ts';
import { signed } from '../../support/nats-operator.ts';
import type { RawClient } from '../../support/raw-client.ts';
import { Scene } from '../../support/scene.ts';

const folder = mkdtempSync(join(tmpdir(), 'nmg-attempts-'));
const own = generateKeyPairSync('rsa', { modulusLength: 2048 });
const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 });
const PUBLIC_PEM = own.publicKey.export({ type: 'spki', format: 'pem' }).toString();
const keyFile = join(folder, 'public.pem');
writeFileSync(keyFile, PUBLIC_PEM);

const [known, other] = [createUser(), createUser()];
const nowS = Math.floor(Date.now() / 1_000);
const CLAIMS = { sub: 'ann', role: 'device', exp: nowS + 3_600 };

const encode = (part: unknown): string => Buffer.from(JSON.stringify(part)).toString('base64url');
const withRsa =
  (key: KeyObject, hash = 'sha256') =>
  (text: string): string =>
    createSign(hash).update(text).sign(key, 'base64url');
const withSecret =
  (secret: string | Buffer) =>
  (text: string): string =>
    createHmac('sha256', secret).update(text).digest('base64url');

function token(header: object, claims: object, sign: (text: string) => string): string {
  const text = `${encode(header)}.${encode(claims)}`;
  return `${text}.${sign(text)}`;
}

const RS256 = { alg: 'RS256', typ: 'JWT' };
const right = token(RS256, CLAIMS, withRsa(own.privateKey));
const [rightHeader, rightClaims, rightSignature] = right.split('.');
const strangerJwk = stranger.publicKey.export({ format: 'jwk' });
const der = own.publicKey.export({ type: 'spki', format: 'der' });
const byStranger = (header: object) => token({ ...RS256, ...header }, CLAIMS, withRsa(stranger.privateKey));
const claiming = (claims: object) => token(RS256, { ...CLAIMS, ...claims }, withRsa(own.privateKey));

/** Tokens, by what is wrong with them. */
const TOKENS: Readonly<Record<string, string>> = {
  'alg none without a signature': token({ alg: 'none' }, CLAIMS, () => ''),
  'alg None': token({ alg: 'None' }, CLAIMS, () => ''),
  'alg NONE with the signature of another token': token({ alg: 'NONE' }, CLAIMS, () => rightSignature ?? ''),
  'no alg': token({ typ: 'JWT' }, CLAIMS, withRsa(own.privateKey)),
  'alg of another type': token({ alg: ['RS256'] }, CLAIMS, withRsa(own.privateKey)),
  'HS256 with the public key as secret': token({ alg: 'HS256' }, CLAIMS, withSecret(PUBLIC_PEM)),
  'HS256 with the trimmed public key': token({ alg: 'HS256' }, CLAIMS, withSecret(PUBLIC_PEM.trim())),
  'HS256 with the public key in DER': token({ alg: 'HS256' }, CLAIMS, withSecret(der)),
  'HS256 with an empty secret': token({ alg: 'HS256' }, CLAIMS, withSecret('')),
  'RS512 signed as RS256': token({ alg: 'RS512' }, CLAIMS, withRsa(own.privateKey)),
  'RS1, by the right key': token({ alg: 'RS1' }, CLAIMS, withRsa(own.privateKey, 'sha1')),
  'another key': byStranger({}),
  'another key that comes along': byStranger({ jwk: strangerJwk }),
  'another key, somewhere': byStranger({ jku: 'http://127.0.0.1:1/keys', kid: 'k' }),
  'another key, named as a file': byStranger({ kid: '../../../../dev/null' }),
  'another key, named as a query': byStranger({ kid: "' OR 1=1 --" }),
  'another key in a certificate': byStranger({ x5c: [der.toString('base64')] }),
  'a critical header': token({ ...RS256, crit: ['exp'], b64: false }, CLAIMS, withRsa(own.privateKey)),
  'other claims under the right signature': `${rightHeader}.${encode({ ...CLAIMS, sub: 'root' })}.${rightSignature}`,
  'another header over the right signature': `${encode({ alg: 'none' })}.${rightClaims}.${rightSignature}`,
  'no signature': `${rightHeader}.${rightClaims}.`,
  'half of a signature': right.slice(0, -100),
  'two parts': `${rightHeader}.${rightClaims}`,
  'four parts': `${right}.${rightSignature}`,
  'blanks in the signature': `${rightHeader}.${rightClaims}. ${rightSignature}`,
  'the claims alone': JSON.stringify(CLAIMS),
  expired: claiming({ exp: nowS - 1 }),
  'expired long ago, in milliseconds': claiming({ exp: -nowS * 1_000 }),
  'expiry as text': claiming({ exp: String(nowS + 3_600) }),
  'not valid yet': claiming({ nbf: nowS + 60 }),
  'not valid yet, as text': claiming({ nbf: 'later' }),
  'a claim that is required is another one': claiming({ role: 'admin' }),
  'a claim that is required, in a list of others': claiming({ role: ['admin', 'devices'] }),
  'without the claim that is required': claiming({ role: undefined }),
  'for somebody else than the user': claiming({ sub: 'bob' }),
};

/** What a client answers to its nonce, by what is wrong with it. */
const ANSWERS: Readonly<Record<string, (nonce: string, formerNonce: string) => object>> = {
  'nonce of another connection': (_, former) => ({ nkey: known.getPublicKey(), sig: signed(former, known) }),
  'nonce of nobody': () => ({ nkey: known.getPublicKey(), sig: signed('', known) }),
  'nonce and more': (nonce) => ({ nkey: known.getPublicKey(), sig: signed(`${nonce}x`, known) }),
  'part of the nonce': (nonce) => ({ nkey: known.getPublicKey(), sig: signed(nonce.slice(1), known) }),
  'signed by another key': (nonce) => ({ nkey: known.getPublicKey(), sig: signed(nonce, other) }),
  'another key, signed by it': (nonce) => ({ nkey: other.getPublicKey(), sig: signed(nonce, other) }),
  'another key, signed by the known one': (nonce) => ({
    nkey: other.getPublicKey(),
    sig: signed(nonce, known),
  }),
  'no signature': () => ({ nkey: known.getPublicKey() }),
  'an empty signature': () => ({ nkey: known.getPublicKey(), sig: '' }),
  'zeros for a signature': () => ({
    nkey: known.getPublicKey(),
    sig: Buffer.alloc(64).toString('base64url'),
  }),
  'half of a signature': (nonce) => ({ nkey: known.getPublicKey(), sig: signed(nonce, known).slice(0, 40) }),
  'a signature in a list': (nonce) => ({ nkey: known.getPublicKey(), sig: [signed(nonce, known)] }),
  'a signature for the key alone': () => ({
    nkey: known.getPublicKey(),
    sig: signed(known.getPublicKey(), known),
  }),
  'the key in small letters': (nonce) => ({
    nkey: known.getPublicKey().toLowerCase(),
    sig: signed(nonce, known),
  }),
  'a signature without a key': (nonce) => ({ sig: signed(nonce, known) }),
  'the key as a password': () => ({ user: known.getPublicKey(), pass: known.getPublicKey() }),
  'the key as a token': () => ({ auth_token: known.getPublicKey() }),
  'the key of an account': (nonce) => ({
    nkey: `A${known.getPublicKey().slice(1)}`,
    sig: signed(nonce, known),
  }),
};

let scene: Scene<Mosquitto>;
let tokens: RunningGateway;
let keys: RunningGateway;
let observer: Device;

before(async () => {
  const SETTINGS = { client_info: { username: '', password: '' }, auth_failure_delay: '0s' };
  scene = await Scene.start(await startMosquitto(), {
    ...SETTINGS,
    authentication: [
      {
        method: 'jwt',
        public_key_file: keyFile,
        required_claims: { role: 'device', sub: '${connect.user}' },
      },
    ],
  });
  tokens = scene.gateway;
  const authentication = [{ method: 'nkey', users: [known.getPublicKey()] }];
  keys = await startGateway({ ...SETTINGS, authentication, upstream: { url: scene.broker.url } });
});
afterEach(() => scene.closeClients());
after(async () => {
  await keys.stop();
  await scene.stop();
  rmSync(folder, { recursive: true });
});

/** Sends this CONNECT and operations behind it. @returns what the client is told before it is cut */
async function told(client: RawClient, connect: object): Promise<string> {
  client.send(`CONNECT ${JSON.stringify(connect)}\r\nPUB open.a 4\r\nevil\r\nSUB > 1\r\nPING\r\n`);
  return (await client.closed()).leftover.toString();
}

async function isRefused(client: RawClient, connect: object): Promise<void> {
  observer = await scene.device();
  await observer.subscribe('#');
  // What is no CONNECT at all ends without a word.
  assert.match(await told(client, connect), /^(-ERR 'Authorization Violation'\r\n)?$/);
  await observer.settle();
  assert.deepEqual(
    observer.messages.map(({ topic }) => topic),
    [],
  );
}

const byNonce = (pair: KeyPair, nonce: unknown) => ({
  nkey: pair.getPublicKey(),
  sig: signed(String(nonce), pair),
});

describe('attempts with a token', () => {
  test('the right one lets in, or these tests would prove nothing', async () => {
    for (const fields of [{ auth_token: right }, { jwt: right }, { pass: right }])
      await scene.raw({ user: 'ann', ...fields }, tokens);
  });

  for (const [name, wrong] of Object.entries(TOKENS)) {
    test(name, async () => {
      for (const field of ['auth_token', 'pass']) {
        const client = await scene.greeted(tokens);
        await isRefused(client, { user: 'ann', [field]: wrong });
      }
    });
  }
});

describe('attempts with a key', () => {
  test('the right one lets in, or these tests would prove nothing', async () => {
    const client = await scene.greeted(keys);
    client.send(`CONNECT ${JSON.stringify({ verbose: false, ...byNonce(known, client.info.nonce) })}\r\n`);
    await client.pingPong();
  });

  for (const [name, answer] of Object.entries(ANSWERS)) {
    test(name, async () => {
      const former = await scene.greeted(keys);
      const client = await scene.greeted(keys);
      await isRefused(client, answer(String(client.info.nonce), String(former.info.nonce)));
    });
  }

  test('a nonce is good for one connection, also after it has let one in', async () => {
    const first = await scene.greeted(keys);
    const connect = byNonce(known, first.info.nonce);
    first.send(`CONNECT ${JSON.stringify({ verbose: false, ...connect })}\r\n`);
    await first.pingPong();
    await isRefused(await scene.greeted(keys), connect);
  });
});
