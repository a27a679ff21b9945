/** The official NATS clients over every transport, with every kind of credentials that the protocol has. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { fmtCreds } from '@nats-io/jwt';
import { createUser, type KeyPair } from '@nats-io/nkeys';
import {
  AuthorizationError,
  type ConnectionOptions,
  connect,
  credsAuthenticator,
  type NatsConnection,
  nkeyAuthenticator,
  type TlsOptions,
  wsconnect,
} from '@nats-io/transport-node';
import { WebSocket } from 'ws';
import { TestAuthority } from '../../support/certs.ts';
import { type GatewaySettings, type RunningGateway, startGateway } from '../../support/gateway.ts';
import { type Mosquitto, startMosquitto } from '../../support/mosquitto.ts';
import { collect } from '../../support/nats.ts';
import { makeAccount, makeOperator, makeUser } from '../../support/nats-operator.ts';
import { waitFor } from '../../support/wait-for.ts';

const authority = new TestAuthority();
const stranger = new TestAuthority('Somebody Else');
const server = authority.issue();

/** A way to connect: a listener, and what the client does there. */
interface Transport {
  readonly name: string;
  readonly listener: string;
  /** Undefined: the client uses no TLS. */
  readonly tls?: TlsOptions;
  /** What INFO says of TLS once the client is connected. */
  readonly info: { readonly tls_required?: true; readonly tls_available?: true };
}

const LISTENERS: Readonly<Record<string, { readonly type: string; readonly tls?: object }>> = {
  tcp: { type: 'tcp' },
  upgrade: { type: 'tls', tls: {} },
  first: { type: 'tls', tls: { handshake_first: true } },
  auto: { type: 'tls', tls: { handshake_first: 'auto' } },
  optional: { type: 'tcp', tls: { optional: true } },
  ws: { type: 'ws' },
  wss: { type: 'wss', tls: {} },
};

const TRUST = { ca: authority.ca };
const FIRST = { ...TRUST, handshakeFirst: true };
const REQUIRED = { tls_required: true } as const;
const AVAILABLE = { tls_available: true } as const;

const TRANSPORTS: readonly Transport[] = [
  { name: 'TCP', listener: 'tcp', info: {} },
  { name: 'TLS after INFO', listener: 'upgrade', tls: TRUST, info: REQUIRED },
  { name: 'TLS first', listener: 'first', tls: FIRST, info: REQUIRED },
  { name: 'auto, TLS first', listener: 'auto', tls: FIRST, info: REQUIRED },
  { name: 'auto, TLS after INFO', listener: 'auto', tls: TRUST, info: REQUIRED },
  { name: 'optional TLS, used', listener: 'optional', tls: TRUST, info: AVAILABLE },
  { name: 'optional TLS, not used', listener: 'optional', info: AVAILABLE },
  { name: 'WebSocket', listener: 'ws', info: {} },
  { name: 'WebSocket with TLS', listener: 'wss', tls: TRUST, info: REQUIRED },
];

/** A kind of credentials, and a gateway that knows them. */
interface Kind {
  readonly name: string;
  readonly authentication: object;
  /** For the listeners with TLS. */
  readonly tls?: object;
  readonly right: ConnectionOptions;
  readonly wrong: Readonly<Record<string, ConnectionOptions>>;
}

const byKey = (pair: KeyPair): ConnectionOptions => ({ authenticator: nkeyAuthenticator(pair.getSeed()) });
const byCreds = (token: string, pair: KeyPair): ConnectionOptions => ({
  authenticator: credsAuthenticator(fmtCreds(token, pair)),
});
const byCertificate = (subject: string, issuer = authority): ConnectionOptions => {
  const { cert, key } = issuer.issue({ subject, names: '' });
  return { tls: { cert, key } };
};

async function natsJwt(): Promise<Kind> {
  const operator = await makeOperator();
  const account = await makeAccount(operator.pair);
  const user = await makeUser(account.pair);
  const impostor = await makeUser((await makeAccount((await makeOperator()).pair)).pair);
  return {
    name: 'a credentials file',
    authentication: {
      method: 'nats_jwt',
      trusted_operators: [operator.token],
      resolver: { preload: [account.token] },
    },
    right: byCreds(user.token, user.pair),
    wrong: {
      'of another operator': byCreds(impostor.token, impostor.pair),
      'with the key of another user': byCreds(user.token, impostor.pair),
    },
  };
}

const pair = createUser();
const KINDS: readonly Kind[] = [
  {
    name: 'user and password',
    authentication: { method: 'built_in', users: [{ user: 'ann', password: 'ann-pass' }] },
    right: { user: 'ann', pass: 'ann-pass' },
    wrong: { 'wrong password': { user: 'ann', pass: 'bob-pass' }, nothing: {} },
  },
  {
    name: 'a token',
    authentication: { method: 'token', token: 'correct-horse' },
    right: { token: 'correct-horse' },
    wrong: { 'wrong token': { token: 'correct-horses' } },
  },
  {
    name: 'an nkey',
    authentication: { method: 'nkey', users: [pair.getPublicKey()] },
    right: byKey(pair),
    wrong: { 'unknown key': byKey(createUser()) },
  },
  await natsJwt(),
  {
    name: 'a certificate',
    authentication: { method: 'tls_certificate', users: ['CN=ann,O=Acme'] },
    tls: { verify_and_map: true, ca_file: authority.caFile },
    right: byCertificate('/O=Acme/CN=ann'),
    wrong: { 'of nobody': byCertificate('/O=Acme/CN=bob') },
  },
];

let broker: Mosquitto;

before(async () => {
  broker = await startMosquitto();
});
after(async () => {
  await broker.stop();
  authority.remove();
  stranger.remove();
});

/** One gateway with all listeners. */
function settingsOf(kind: Kind): GatewaySettings {
  const pem = { cert_file: server.certFile, key_file: server.keyFile };
  return {
    listeners: Object.entries(LISTENERS).map(([name, { type, tls }]) => ({
      ...{ name, type, bind: '127.0.0.1:0' },
      ...(tls !== undefined && { tls: { ...pem, ...tls, ...kind.tls } }),
    })),
    authentication: [kind.authentication],
    client_info: { username: '', password: '' },
    auth_failure_delay: '0s',
    upstream: { url: broker.url },
  };
}

/** A client as users have it; what is said here is only where, and whom to trust. */
async function connectBy(
  { listener, tls }: Transport,
  { tls: certificate, ...credentials }: ConnectionOptions,
  gateway: RunningGateway,
): Promise<NatsConnection> {
  const address = gateway.gateway.addresses().find(({ name }) => name === listener);
  assert.ok(address !== undefined);
  const ownTls = tls === undefined ? null : { ...tls, ...certificate };
  const options = { reconnect: false, timeout: 5_000, ...credentials };
  if (address.type !== 'ws' && address.type !== 'wss') {
    const servers = `127.0.0.1:${address.port}`;
    return await connect({ ...options, servers, tls: ownTls });
  }
  const wsFactory = (url: string) =>
    Promise.resolve({ socket: new WebSocket(url, { ...ownTls }), encrypted: ownTls !== null });
  const servers = `${address.type}://127.0.0.1:${address.port}`;
  return await wsconnect({ ...options, servers, wsFactory } as ConnectionOptions);
}

/** There and back: a message, and a request with its answer. */
async function works(connection: NatsConnection, name: string): Promise<void> {
  const collected = await collect(connection, `${name}.news`);
  connection.publish(`${name}.news`, 'hello');
  assert.equal((await collected.next()).string(), 'hello');
  connection.subscribe(`${name}.ask`, { callback: (_error, message) => void message.respond(message.data) });
  assert.equal((await connection.request(`${name}.ask`, 'echo', { timeout: 3_000 })).string(), 'echo');
}

/** What INFO says after CONNECT, when the connection is as safe as it will be. */
function securityOf({ info }: NatsConnection): object {
  const { tls_required, tls_available, tls_verify, auth_required } = info ?? {};
  return JSON.parse(JSON.stringify({ tls_required, tls_available, tls_verify, auth_required })) as object;
}

for (const kind of KINDS) {
  describe(`transports: ${kind.name}`, () => {
    let gateway: RunningGateway;
    before(async () => {
      gateway = await startGateway(settingsOf(kind));
      // What it finds out about the broker saves each of these tests a tenth of a second.
      await waitFor(() => gateway.logLines('upstream.probed').length > 0, 10_000, 'the probe');
    });
    after(() => gateway.stop());

    TRANSPORTS.forEach((transport, at) => {
      if (kind.tls !== undefined && transport.tls === undefined) return;
      test(transport.name, async () => {
        const name = `client${at}`;
        const connection = await connectBy(transport, { ...kind.right, name }, gateway);
        try {
          const verify = kind.tls !== undefined && { tls_verify: true };
          assert.deepEqual(securityOf(connection), { ...transport.info, ...verify, auth_required: true });
          await works(connection, name);
          const line = gateway.logLines('client.connected').find((one) => one.name === name);
          assert.deepEqual(
            [line?.listener, line?.tls !== undefined],
            [transport.listener, transport.tls !== undefined],
          );
          for (const [what, wrong] of Object.entries(kind.wrong)) {
            await assert.rejects(connectBy(transport, wrong, gateway), AuthorizationError, what);
          }
          if (kind.tls !== undefined) await refusesStranger(transport, gateway);
          await connection.flush();
        } finally {
          await connection.close();
        }
      });
    });
  });
}

/** A certificate that nobody vouches for ends the handshake: there is nobody to be told anything. */
async function refusesStranger(transport: Transport, gateway: RunningGateway): Promise<void> {
  for (const options of [byCertificate('/O=Acme/CN=ann', stranger), {}]) {
    await assert.rejects(
      connectBy(transport, options, gateway),
      (error) => !(error instanceof AuthorizationError),
    );
  }
}
