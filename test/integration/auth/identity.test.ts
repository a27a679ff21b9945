/** Who a client certificate makes its client, in both modes and with workers, and what follows from that: mountpoint and permissions. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { TestAuthority } from '../../support/certs.ts';
import { connectDevice, type Device } from '../../support/device.ts';
import { startGateway } from '../../support/gateway.ts';
import { startGatewayProcess } from '../../support/gateway-process.ts';
import { type Mosquitto, startMosquitto } from '../../support/mosquitto.ts';
import { connectRawTls } from '../../support/raw-tls.ts';
import { waitFor } from '../../support/wait-for.ts';
import { workerOf } from '../../support/workers.ts';

const authority = new TestAuthority();
const stranger = new TestAuthority('Somebody Else');
const server = authority.issue();
const alice = authority.issue({ subject: '/CN=alice', names: 'email:alice@acme.example' });
const bob = authority.issue({ subject: '/O=Acme/CN=bob', names: '' });
const unknown = authority.issue({ subject: '/CN=carol', names: '' });
const mallory = stranger.issue({ subject: '/CN=alice', names: 'email:alice@acme.example' });

const settings = (mode: string) => ({
  listeners: [
    {
      name: 'tls',
      type: 'tls',
      bind: '127.0.0.1:0',
      tls: {
        cert_file: server.certFile,
        key_file: server.keyFile,
        ca_file: authority.caFile,
        verify_and_map: true,
      },
    },
  ],
  authentication: [
    {
      method: 'tls_certificate',
      users: [{ user: 'alice@acme.example', permissions: { publish: 'open.>' } }, 'CN=bob,O=Acme'],
    },
  ],
  client_info: { username: '', password: '' },
  mountpoint: '${identity.name}/',
  upstream: { url: broker.url, mode },
});

let broker: Mosquitto;
let device: Device;
before(async () => {
  broker = await startMosquitto();
  device = await connectDevice(broker.url);
  await device.subscribe('#');
});
after(async () => {
  await device.close(true);
  await broker.stop();
  authority.remove();
  stranger.remove();
});

interface Target {
  readonly host: string;
  readonly port: number;
}

/** Connects with this certificate, publishes where it may and where it may not. @returns topics seen, and errors told */
async function outcome({ host, port }: Target, pair: { cert: string; key: string }) {
  const { client } = await connectRawTls(host, port, { ca: authority.ca, cert: pair.cert, key: pair.key });
  try {
    // Whatever the client says it is besides.
    client.send(
      'CONNECT {"verbose":false,"user":"CN=bob,O=Acme","pass":"x"}\r\nPUB open.a 1\r\nx\r\nPUB secret 1\r\nx\r\nPING\r\n',
    );
    const told = (await client.readUntil('PONG\r\n')).toString();
    await device.settle();
    const topics = device.messages.splice(0).map(({ topic }) => topic);
    return { topics, told, worker: workerOf(client.info.client_id) };
  } finally {
    await client.close();
  }
}

/** @returns the worker that has served the first client */
async function isWhoItsCertificateSays(target: Target): Promise<number> {
  const { topics, told, worker } = await outcome(target, alice);
  assert.deepEqual(topics, ['alice@acme.example/open/a']);
  assert.match(told, /Permissions Violation for Publish to "secret"/);
  const other = await outcome(target, bob);
  assert.deepEqual(other.topics, ['CN=bob,O=Acme/open/a', 'CN=bob,O=Acme/secret']);
  assert.doesNotMatch(other.told, /-ERR/);
  await assert.rejects(outcome(target, unknown), /Authorization Violation/);
  await assert.rejects(outcome(target, mallory));
  await device.settle();
  assert.deepEqual(device.messages, []);
  return worker;
}

for (const mode of ['per_client', 'pooled']) {
  test(`identity: a certificate decides on mountpoint and permissions, ${mode}`, async () => {
    const gateway = await startGateway(settings(mode));
    try {
      await isWhoItsCertificateSays(gateway);
    } finally {
      await gateway.stop();
    }
  });

  test(`identity: a certificate decides on mountpoint and permissions, two workers, ${mode}`, async () => {
    const gateway = await startGatewayProcess({ settings: { ...settings(mode), workers: 2 } });
    try {
      const workers = new Set<number>();
      for (let round = 0; round < 2; round++) {
        workers.add(await isWhoItsCertificateSays(gateway));
        // Connections go round: with an odd number of them the next round meets the other worker.
        await outcome(gateway, bob);
      }
      assert.equal(workers.size, 2, 'both workers were asked');
    } finally {
      await gateway.stop();
    }
  });
}

test('identity: the client id and the user at the broker are made from the certificate', async () => {
  const client_info = { client_id: 'from-${identity.name}', username: '${identity.name}', password: '' };
  const gateway = await startGateway({ ...settings('per_client'), client_info });
  try {
    const { topics } = await outcome(gateway, alice);
    assert.deepEqual(topics, ['alice@acme.example/open/a']);
    await waitFor(
      () => /from-alice@acme\.example.*u'alice@acme\.example'/.test(broker.log),
      5_000,
      'the log',
    );
    assert.doesNotMatch(broker.log, /from-CN=bob/);
  } finally {
    await gateway.stop();
  }
});
