/** The method `nkey` with real clients. */
import { createUser } from '@nats-io/nkeys';
import { nkeyAuthenticator } from '@nats-io/transport-node';
import { signed } from '../../support/nats-operator.ts';
import { testContract } from './contract.ts';

const [known, limited, stranger] = [createUser(), createUser(), createUser()];

testContract('nkey', async () => ({
  settings: {
    users: [
      known.getPublicKey(),
      { nkey: limited.getPublicKey(), permissions: { publish: 'contract.>', subscribe: 'contract.>' } },
    ],
  },
  good: [known, limited].map((pair, at) => ({
    name: `key ${at}`,
    options: { authenticator: nkeyAuthenticator(pair.getSeed()) },
    identity: pair.getPublicKey(),
  })),
  bad: [
    { name: 'a stranger', options: { authenticator: nkeyAuthenticator(stranger.getSeed()) } },
    {
      name: 'a stranger with a known key',
      options: {
        authenticator: (nonce?: string) => ({
          nkey: known.getPublicKey(),
          sig: signed(nonce ?? '', stranger),
        }),
      },
    },
    {
      name: 'the signature of another nonce',
      options: { authenticator: () => nkeyAuthenticator(known.getSeed())('mFjRtq5gOqm0Ibk') },
    },
    { name: 'a password', options: { user: known.getPublicKey(), pass: 'none' } },
  ],
  secrets: [known, limited, stranger].map((pair) => Buffer.from(pair.getSeed()).toString()),
  backend: null,
  stop: async () => {},
}));
