/** The examples of docs/authentication-keys-and-tokens.md, run as they stand there; only keys, paths and addresses are others. */
import assert from 'node:assert/strict';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { createUser } from '@nats-io/nkeys';
import {
  AuthorizationError,
  type ConnectionOptions,
  jwtAuthenticator,
  type NatsConnection,
  nkeyAuthenticator,
} from '@nats-io/transport-node';
import { SignJWT } from 'jose';
import { TestAuthority } from '../../support/certs.ts';
import { type DocumentServer, startDocumentServer } from '../../support/document-server.ts';
import { DocumentedExamples } from '../../support/documented-examples.ts';
import type { RunningGateway } from '../../support/gateway.ts';
import { type Mosquitto, startMosquitto } from '../../support/mosquitto.ts';
import { collect } from '../../support/nats.ts';
import { type Holder, makeAccount, makeOperator, makeUser } from '../../support/nats-operator.ts';
import { Scene } from '../../support/scene.ts';

const page = new DocumentedExamples('docs/authentication-keys-and-tokens.md');
const authority = new TestAuthority();
let folder: string;
let scene: Scene<Mosquitto>;
let server: DocumentServer;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nmg-docs-'));
  server = await startDocumentServer();
  scene = await Scene.start(await startMosquitto());
});
afterEach(() => scene.closeClients());
after(async () => {
  await scene.stop();
  await server.stop();
  authority.remove();
  await rm(folder, { recursive: true, force: true });
});

async function works(
  gateway: RunningGateway,
  options: ConnectionOptions,
  subject = 'docs.x',
): Promise<NatsConnection> {
  const client = await scene.nats(options, gateway);
  const inbox = await collect(client, subject);
  client.publish(subject, 'hello');
  assert.equal((await inbox.next()).string(), 'hello');
  return client;
}

const refused = (gateway: RunningGateway, options: ConnectionOptions): Promise<void> =>
  assert.rejects(scene.nats(options, gateway), AuthorizationError);

const mayNotPublish = (client: NatsConnection, subject: string): Promise<void> =>
  assert.rejects(client.request(subject, '', { timeout: 3000 }), /permission/i);

test('documentation: nkey', async () => {
  const [full, limited, stranger] = [createUser(), createUser(), createUser()];
  const gateway = await scene.otherGateway(
    page.settings('nkey', {
      UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4: full.getPublicKey(),
      UBINQWHATBPMY73AIGFK6DGFVNMH6QWCK4FIQQEVVHUMZLGQ6ZKFZAHJ: limited.getPublicKey(),
    }),
  );
  const by = (pair: typeof full): ConnectionOptions => ({ authenticator: nkeyAuthenticator(pair.getSeed()) });
  await works(gateway, by(full));
  await mayNotPublish(await works(gateway, by(limited), 'sensors.x'), 'docs.x');
  await refused(gateway, by(stranger));
});

test('documentation: nats_jwt', async () => {
  const operator = await makeOperator();
  const [stored, fetched] = [await makeAccount(operator.pair), await makeAccount(operator.pair)];
  const unknown = await makeAccount(operator.pair);
  const directory = join(folder, 'accounts');
  await mkdir(directory);
  await writeFile(join(directory, `${stored.key}.jwt`), stored.token);
  server.documents.set(`accounts/${fetched.key}`, fetched.token);
  const gateway = await scene.otherGateway(
    page.settings('nats_jwt', {
      OBINQWHATBPMY73AIGFK6DGFVNMH6QWCK4FIQQEVVHUMZLGQ6ZKFYSYQ: operator.key,
      '/etc/nats-mqtt-gateway/accounts': directory,
      'https://accounts.example.org/jwt/v1/accounts/': `${server.url}accounts/`,
    }),
  );
  const userOf = async (account: Holder): Promise<ConnectionOptions> => {
    const user = await makeUser(account.pair);
    return { authenticator: jwtAuthenticator(user.token, user.pair.getSeed()) };
  };
  await works(gateway, await userOf(stored));
  await works(gateway, await userOf(fetched));
  await refused(gateway, await userOf(unknown));
});

const tokenBy = async (
  key: KeyObject | Uint8Array,
  alg: string,
  claims: Record<string, unknown>,
): Promise<string> => await new SignJWT(claims).setProtectedHeader({ alg, kid: 'one' }).sign(key);

test('documentation: jwt_jwks', async () => {
  const [known, stranger] = ['P-256', 'P-256'].map((namedCurve) => generateKeyPairSync('ec', { namedCurve }));
  assert.ok(known !== undefined && stranger !== undefined);
  const keys = [{ kid: 'one', ...known.publicKey.export({ format: 'jwk' }) }];
  server.documents.set('jwks.json', JSON.stringify({ keys }));
  const url = 'https://login.example.org/.well-known/jwks.json';
  const gateway = await scene.otherGateway(page.settings('jwt_jwks', { [url]: `${server.url}jwks.json` }));
  const claims = {
    sub: 'ann',
    iss: 'https://login.example.org/',
    aud: 'nats',
    exp: Math.floor(Date.now() / 1000) + 60,
    preferred_username: 'ann',
  };
  const pass = await tokenBy(known.privateKey, 'ES256', claims);
  await works(gateway, { user: 'ann', pass });
  await refused(gateway, { user: 'bob', pass });
  const elsewhere = await tokenBy(known.privateKey, 'ES256', { ...claims, aud: 'others' });
  await refused(gateway, { user: 'ann', pass: elsewhere });
  await refused(gateway, { user: 'ann', pass: await tokenBy(stranger.privateKey, 'ES256', claims) });
});

test('documentation: jwt_secret', async () => {
  const file = join(folder, 'jwt');
  await writeFile(file, 'the secret of the file\n');
  const gateway = await scene.otherGateway(page.settings('jwt_secret', { '/run/secrets/jwt': file }));
  const signed = (secret: string): Promise<string> => tokenBy(Buffer.from(secret), 'HS256', { sub: 'ann' });
  await works(gateway, { user: 'any', pass: await signed('the secret of the file') });
  await refused(gateway, { user: 'any', pass: await signed('some other secret here') });
  await refused(gateway, { token: await signed('the secret of the file') });
});

test('documentation: tls_certificate', async () => {
  const own = authority.issue();
  const gateway = await scene.otherGateway(
    page.settings('tls_certificate', {
      '0.0.0.0:4222': '127.0.0.1:0',
      '/certs/tls.crt': own.certFile,
      '/certs/tls.key': own.keyFile,
      '/certs/clients-ca.crt': authority.caFile,
    }),
  );
  const by = (subject: string, names: string): ConnectionOptions => {
    const { cert, key } = authority.issue({ subject, names });
    return { tls: { ca: authority.ca, cert, key } };
  };
  await works(gateway, by('/CN=anybody', 'email:alice@example.org'));
  const sensor = by('/O=Acme/OU=Plant/CN=sensor-7', '');
  const limited = await scene.nats(sensor, gateway);
  limited.publish('plant.x', 'allowed');
  await limited.flush();
  await mayNotPublish(limited, 'docs.x');
  await refused(gateway, by('/CN=alice', ''));
});

test('documentation: every example for keys and tokens has been run', () => {
  page.assertAllTried();
});
