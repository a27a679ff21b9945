/** The method `nats_jwt` with real clients, accounts from the configuration and from an account server. */
import { fmtCreds } from '@nats-io/jwt';
import { createUser } from '@nats-io/nkeys';
import { credsAuthenticator, jwtAuthenticator } from '@nats-io/transport-node';
import { startDocumentServer } from '../../support/document-server.ts';
import { type Holder, makeAccount, makeOperator, makeUser } from '../../support/nats-operator.ts';
import { type ContractClient, testContract } from './contract.ts';

const nowS = Math.floor(Date.now() / 1000);
const operator = await makeOperator();
const account = await makeAccount(operator.pair);
const withCreds = (name: string, user: Holder): ContractClient & { identity: string } => ({
  name,
  options: { authenticator: credsAuthenticator(fmtCreds(user.token, user.pair)) },
  identity: user.key,
});
const ann = await makeUser(account.pair);
const bearer = await makeUser(account.pair, { body: { bearer_token: true } });
const expired = await makeUser(account.pair, { claims: { exp: nowS - 60 } });
const foreign = await makeUser((await makeAccount((await makeOperator()).pair)).pair);
const good = [
  withCreds('credentials', ann),
  {
    name: 'token and seed',
    options: { authenticator: jwtAuthenticator(ann.token, ann.pair.getSeed()) },
    identity: ann.key,
  },
  { name: 'bearer', options: { authenticator: jwtAuthenticator(bearer.token) }, identity: bearer.key },
];
const bad = [
  withCreds('expired', expired),
  withCreds('another operator', foreign),
  { name: 'no seed', options: { authenticator: jwtAuthenticator(ann.token) } },
  {
    name: 'another seed',
    options: { authenticator: jwtAuthenticator(ann.token, createUser().getSeed()) },
  },
];
const secrets = [ann, bearer, expired, foreign].flatMap(({ token, pair }) => [
  token,
  Buffer.from(pair.getSeed()).toString(),
]);

testContract('nats_jwt', async () => ({
  settings: { trusted_operators: [operator.token], resolver: { preload: [account.token] } },
  good,
  bad,
  secrets,
  backend: null,
  stop: async () => {},
}));

// Without ways to break the server: an account that is known outlives it, which account-resolver.test.ts shows.
testContract('nats_jwt', async () => {
  const server = await startDocumentServer();
  server.documents.set(account.key, account.token);
  return {
    settings: { trusted_operators: [operator.key], resolver: { url: server.url } },
    good,
    bad,
    secrets,
    backend: null,
    stop: () => server.stop(),
  };
});
