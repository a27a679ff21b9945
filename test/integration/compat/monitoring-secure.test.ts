/** What the monitoring pages say of clients with a user name and TLS, against a real nats-server. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { NatsConnection } from '@nats-io/transport-node';
import { ask, HTTP_ON_FREE_PORT, httpUrl } from '../../support/admin.ts';
import { TestAuthority } from '../../support/certs.ts';
import { freePort } from '../../support/free-port.ts';
import { type GatewayProcess, startGatewayProcess } from '../../support/gateway-process.ts';
import { type Mosquitto, startMosquitto } from '../../support/mosquitto.ts';
import { connectNats } from '../../support/nats.ts';
import { type NatsServer, startNatsServer } from '../../support/nats-server.ts';
import { PAGE_DIFFERENCES } from './monitoring-differences.ts';
import { fieldsOf } from './page-fields.ts';

const authority = new TestAuthority();
let broker: Mosquitto;
let oracle: NatsServer;
let gateway: GatewayProcess;
let theirs: string;
let ours: string;
const clients: NatsConnection[] = [];

before(async () => {
  const { certFile: cert_file, keyFile: key_file } = authority.issue();
  const port = await freePort();
  const users = [{ user: 'ann', password: 'secret' }];
  broker = await startMosquitto();
  oracle = await startNatsServer({
    settings: { http: `127.0.0.1:${port}`, authorization: { users }, tls: { cert_file, key_file } },
  });
  gateway = await startGatewayProcess({
    settings: {
      upstream: { url: broker.url },
      client_info: { username: '', password: '' },
      listeners: [{ name: 'tls', type: 'tls', bind: '127.0.0.1:0', tls: { cert_file, key_file } }],
      authentication: [{ method: 'built_in', users }],
      http: HTTP_ON_FREE_PORT,
    },
  });
  theirs = `http://127.0.0.1:${port}`;
  ours = httpUrl(gateway);
  for (const server of [oracle, gateway]) {
    clients.push(await connectNats(server, { user: 'ann', pass: 'secret', tls: { ca: authority.ca } }));
  }
});
after(async () => {
  await Promise.all(clients.map((client) => client.close()));
  await Promise.all([gateway.stop(), oracle.stop()]);
  await broker.stop();
  authority.remove();
});

test('monitoring: /connz tells user and encryption as nats-server does', async () => {
  const [expected, actual] = await Promise.all(
    [theirs, ours].map(async (url) => {
      const { connections } = (await ask(`${url}/connz?auth=1`)).json<{
        connections: Record<string, unknown>[];
      }>();
      return connections[0] ?? {};
    }),
  );
  assert.ok(expected !== undefined && actual !== undefined);
  assert.deepEqual(fieldsOf(actual), fieldsOf(expected));
  for (const name of ['authorized_user', 'account', 'tls_version', 'kind', 'type'])
    assert.deepEqual(actual[name], expected[name], name);
  assert.match(String(actual.tls_cipher_suite), /^TLS_/);
});

test('monitoring: /varz tells that credentials and TLS are needed as nats-server does', async () => {
  const [expected, actual] = await Promise.all(
    [theirs, ours].map(async (url) => (await ask(`${url}/varz`)).json()),
  );
  assert.ok(expected !== undefined && actual !== undefined);
  const intended = PAGE_DIFFERENCES.filter(({ page }) => page === 'varz').map(({ field }) => field);
  const [wanted, given] = [fieldsOf(expected), fieldsOf(actual)];
  const wrong = [...new Set([...wanted.keys(), ...given.keys()])].filter(
    (name) => wanted.get(name) !== given.get(name) && !intended.some((field) => name.startsWith(field)),
  );
  assert.deepEqual(wrong, []);
  assert.deepEqual([actual.auth_required, actual.tls_required], [true, true]);
  assert.deepEqual([expected.auth_required, expected.tls_required], [true, true]);
});
