/** The method `nkey` with real clients. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createUser, type KeyPair } from '@nats-io/nkeys';
import { nkeyAuthenticator } from '@nats-io/transport-node';
import { startMosquitto } from '../../support/mosquitto.ts';
import { signed } from '../../support/nats-operator.ts';
import { Scene } from '../../support/scene.ts';
import { testContract } from './contract.ts';

const [known, limited, web, stranger] = [createUser(), createUser(), createUser(), createUser()];
const by = (pair: KeyPair) => ({ authenticator: nkeyAuthenticator(pair.getSeed()) });

testContract('nkey', async () => ({
  settings: {
    users: [
      known.getPublicKey(),
      { nkey: limited.getPublicKey(), permissions: { publish: 'contract.>', subscribe: 'contract.>' } },
      { nkey: web.getPublicKey(), allowed_connection_types: ['WEBSOCKET'] },
    ],
  },
  good: [known, limited].map((pair, at) => ({
    name: `key ${at}`,
    options: by(pair),
    identity: pair.getPublicKey(),
  })),
  bad: [
    { name: 'a stranger', options: by(stranger) },
    { name: 'a key for WebSocket only', options: by(web) },
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
  secrets: [known, limited, web, stranger].map((pair) => Buffer.from(pair.getSeed()).toString()),
  backend: null,
  stop: async () => {},
}));

test('nkey: a key may bring its own mountpoint and attributes', async () => {
  const users = [
    { nkey: known.getPublicKey(), mountpoint: 'plant' },
    { nkey: limited.getPublicKey(), attributes: { tenant: 'acme' } },
  ];
  const scene = await Scene.start(await startMosquitto(), {
    authentication: [{ method: 'nkey', users }],
    client_info: { username: '', password: '' },
    mountpoint: '${identity.tenant}/',
    upstream: { probe: false },
  });
  try {
    const device = await scene.device();
    await device.subscribe('#');
    for (const [pair, topic] of [
      [known, 'plant/x'],
      [limited, 'acme/x'],
    ] as const) {
      const client = await scene.nats(by(pair));
      client.publish('x');
      assert.equal((await device.next()).topic, topic);
    }
  } finally {
    await scene.stop();
  }
});
