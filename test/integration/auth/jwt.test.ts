/** The method `jwt` with real clients, which put the token into each of the three fields. */
import { generateKeyPairSync } from 'node:crypto';
import { SignJWT } from 'jose';
import { startDocumentServer } from '../../support/document-server.ts';
import { testContract } from './contract.ts';

const SECRET = 'a secret of which nobody may find anything in the log';
const sign = async (claims: Record<string, unknown>, secret = SECRET): Promise<string> =>
  await new SignJWT(claims).setProtectedHeader({ alg: 'HS256' }).sign(Buffer.from(secret));
const nowS = Math.floor(Date.now() / 1000);
const token = await sign({ sub: 'ann', exp: nowS + 3600 });
const expired = await sign({ sub: 'ann', exp: nowS - 1 });
const forged = await sign({ sub: 'ann' }, `${SECRET}!`);

testContract('jwt', async () => ({
  settings: { secret: SECRET },
  good: [
    { name: 'as token', options: { token }, identity: 'ann' },
    { name: 'as password', options: { user: 'x', pass: token }, identity: 'ann' },
    {
      name: 'as jwt',
      options: { authenticator: () => ({ jwt: token, nkey: '', sig: '' }) },
      identity: 'ann',
    },
  ],
  bad: [
    { name: 'expired', options: { token: expired } },
    { name: 'forged', options: { token: forged } },
    { name: 'no token at all', options: { user: 'ann', pass: 'ann' } },
  ],
  secrets: [SECRET, token, expired, forged],
  backend: null,
  stop: async () => {},
}));

const pair = generateKeyPairSync('ed25519');
const signed = await new SignJWT({ sub: 'ann' })
  .setProtectedHeader({ alg: 'EdDSA', kid: 'k' })
  .sign(pair.privateKey);
const unknown = await new SignJWT({ sub: 'ann' })
  .setProtectedHeader({ alg: 'EdDSA', kid: 'x' })
  .sign(pair.privateKey);

// Without ways to break the server: keys that are known outlive it, which jwks.test.ts shows.
testContract('jwt', async () => {
  const server = await startDocumentServer();
  server.documents.set(
    'jwks',
    JSON.stringify({ keys: [{ kid: 'k', ...pair.publicKey.export({ format: 'jwk' }) }] }),
  );
  return {
    settings: { jwks: { url: `${server.url}jwks` } },
    good: [{ name: 'EdDSA', options: { token: signed }, identity: 'ann' }],
    bad: [
      { name: 'an unknown key', options: { token: unknown } },
      { name: 'a secret', options: { token } },
    ],
    secrets: [signed, unknown],
    backend: null,
    stop: () => server.stop(),
  };
});
