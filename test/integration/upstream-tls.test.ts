/** Every way to a Mosquitto: TLS, mutual TLS, WebSocket, both, Unix socket; and every reason not to trust one. */
import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { type Certificate, TestAuthority } from '../support/certs.ts';
import { freePort } from '../support/free-port.ts';
import { type RunningGateway, startGateway } from '../support/gateway.ts';
import { type Mosquitto, startMosquitto } from '../support/mosquitto.ts';
import { collect } from '../support/nats.ts';
import { Scene } from '../support/scene.ts';
import { waitFor } from '../support/wait-for.ts';

const authority = new TestAuthority();
const stranger = new TestAuthority('Somebody Else');
const server = authority.issue({ names: 'DNS:broker.example,IP:127.0.0.1', subject: '/CN=broker.example' });
const client = authority.issue({ subject: '/CN=gateway-1', names: '', passphrase: 'hunter2' });
const other = authority.issue({ subject: '/CN=gateway-2', names: '' });
const unknown = stranger.issue({ subject: '/CN=gateway-1', names: '' });
const folder = mkdtempSync(join(tmpdir(), 'nmg-upstream-'));
const socketFile = join(folder, 'mosquitto.sock');
const ports = { tls: 0, mutual: 0, ws: 0, wss: 0 };
const TRUST = { ca_file: authority.caFile };

let scene: Scene<Mosquitto>;
const gateways: RunningGateway[] = [];

before(async () => {
  for (const name of Object.keys(ports)) ports[name as keyof typeof ports] = await freePort();
  const files = `cafile ${authority.caFile}\ncertfile ${server.certFile}\nkeyfile ${server.keyFile}`;
  const configuration = [
    `listener ${ports.tls} 127.0.0.1\n${files}`,
    `listener ${ports.mutual} 127.0.0.1\n${files}\nrequire_certificate true\nuse_identity_as_username true`,
    `listener ${ports.ws} 127.0.0.1\nprotocol websockets`,
    `listener ${ports.wss} 127.0.0.1\nprotocol websockets\n${files}`,
    `listener 0 ${socketFile}`,
  ].join('\n');
  scene = await Scene.start(await startMosquitto({ configuration }), { upstream: { probe: false } });
});
afterEach(async () => {
  await scene.closeClients();
  await Promise.all(gateways.splice(0).map((gateway) => gateway.stop()));
});
after(async () => {
  await scene.stop();
  authority.remove();
  stranger.remove();
  rmSync(folder, { recursive: true });
});

async function gatewayTo(url: string, tls: object = {}, more: object = {}): Promise<RunningGateway> {
  const gateway = await startGateway({
    upstream: { url, tls, probe: false, connect_timeout: '2s', ...more },
  });
  gateways.push(gateway);
  return gateway;
}

/** @param largest Mosquitto 2.0.11 sends 4 KB per 100 ms to WebSockets, whoever reads them */
async function crosses(gateway: RunningGateway, largest: number): Promise<void> {
  const device = await scene.device();
  await device.subscribe('to/device');
  const nats = await scene.nats({}, gateway);
  const collected = await collect(nats, 'to.nats');
  for (const size of [0, 10, 70_000, 900_000]) {
    const payload = Buffer.alloc(size, 'ab');
    nats.publish('to.device', payload);
    assert.deepEqual((await device.next()).payload, payload);
    const back = payload.subarray(0, largest);
    await device.publish('to/nats', back);
    assert.deepEqual(Buffer.from((await collected.next()).data), back);
  }
  await assert.rejects(nats.request('no.one', '', { timeout: 3_000 }), /no responders/);
}

const identity = ({ certFile, keyFile }: Certificate, passphrase?: string): object => ({
  ...TRUST,
  cert_file: certFile,
  key_file: keyFile,
  ...(passphrase !== undefined && { key_passphrase: passphrase }),
});

describe('upstream: messages cross both ways', () => {
  const WAYS: readonly (readonly [name: string, url: () => string, tls?: object])[] = [
    ['mqtts://', () => `mqtts://127.0.0.1:${ports.tls}`, TRUST],
    [
      'mqtts:// with another name',
      () => `mqtts://127.0.0.1:${ports.tls}`,
      { ...TRUST, server_name: 'broker.example' },
    ],
    ['mqtts:// unverified', () => `mqtts://127.0.0.1:${ports.tls}`, { verify: false }],
    [
      'mqtts:// with a client certificate',
      () => `mqtts://127.0.0.1:${ports.mutual}`,
      identity(client, 'hunter2'),
    ],
    ['ws://', () => `ws://127.0.0.1:${ports.ws}/mqtt`],
    ['wss://', () => `wss://127.0.0.1:${ports.wss}/mqtt`, TRUST],
    [
      'wss:// with another name',
      () => `wss://127.0.0.1:${ports.wss}/mqtt`,
      { ...TRUST, server_name: 'broker.example' },
    ],
    ['mqtt+unix://', () => `mqtt+unix://${socketFile}`],
  ];
  for (const [name, url, tls] of WAYS) {
    for (const fast_path of [true, false]) {
      test(`${name}, fast path ${fast_path}`, async () => {
        const largest = name.startsWith('ws') ? 20_000 : Number.POSITIVE_INFINITY;
        await crosses(await gatewayTo(url(), tls, { fast_path }), largest);
      });
    }
  }
});

describe('upstream: no session, and the log says why', () => {
  const FAULTS: readonly (readonly [name: string, port: keyof typeof ports, tls: object, detail: RegExp])[] =
    [
      ['an unknown authority', 'tls', {}, /self.signed|unable to (?:get|verify)/i],
      ['another authority', 'tls', { ca_file: stranger.caFile }, /self.signed|unable to (?:get|verify)/i],
      ['another name', 'tls', { ...TRUST, server_name: 'other.example' }, /does not match/],
      ['no client certificate', 'mutual', TRUST, /certificate required|closed|ECONNRESET/],
      ['a client certificate of a stranger', 'mutual', identity(unknown), /unknown ca|closed|ECONNRESET/],
      ['TLS where there is none', 'ws', TRUST, /wrong version|closed|ECONNRESET|packet length/],
    ];
  for (const [name, port, tls, detail] of FAULTS) {
    test(name, async () => {
      const gateway = await gatewayTo(`mqtts://127.0.0.1:${ports[port]}`, tls, { probe: true });
      await waitFor(() => gateway.logLines('upstream.probe_failed').length > 0);
      const { end } = gateway.logLines('upstream.probe_failed')[0] as unknown as { end: { detail: string } };
      assert.match(end.detail, detail);
      await assert.rejects(scene.nats({}, gateway));
    });
  }

  test('wss:// with an unknown authority', async () => {
    const gateway = await gatewayTo(`wss://127.0.0.1:${ports.wss}/mqtt`, {}, { probe: true });
    await waitFor(() => gateway.logLines('upstream.probe_failed').length > 0);
    await assert.rejects(scene.nats({}, gateway));
  });
});

test('upstream: renewed files are used by new sessions', async () => {
  const files = { certFile: join(folder, 'own.pem'), keyFile: join(folder, 'own.key') };
  const install = ({ certFile, keyFile }: { certFile: string; keyFile: string }): void => {
    copyFileSync(certFile, files.certFile);
    copyFileSync(keyFile, files.keyFile);
  };
  const first = authority.issue({ subject: '/CN=first-identity', names: '' });
  install(first);
  const url = `mqtts://127.0.0.1:${ports.mutual}`;
  const gateway = await gatewayTo(url, { ...TRUST, cert_file: files.certFile, key_file: files.keyFile });
  const kept = await scene.nats({}, gateway);
  await kept.flush();
  assert.match(scene.broker.log, /u'first-identity'/);
  install(other);
  assert.equal(await gateway.gateway.reloadCertificates(), true);
  await (await scene.nats({}, gateway)).flush();
  await waitFor(() => /u'gateway-2'/.test(scene.broker.log));
  await kept.flush();
});

test('upstream: an unverified broker is warned of, and no passphrase is in the log', async () => {
  const gateway = await gatewayTo(`mqtts://127.0.0.1:${ports.tls}`, {
    ...identity(client, 'hunter2'),
    verify: false,
  });
  assert.equal(gateway.logLines('upstream.unverified').length, 1);
  assert.doesNotMatch(gateway.logText, /hunter2/);
});

test('upstream: files that cannot be used are named at start', async () => {
  const url = `mqtts://127.0.0.1:${ports.tls}`;
  await assert.rejects(
    gatewayTo(url, { ca_file: '/nowhere/ca.pem' }),
    /upstream\.tls\.ca_file.*\/nowhere\/ca\.pem/,
  );
  await assert.rejects(
    gatewayTo(url, identity(client, 'wrong')),
    /upstream\.tls\.key_file.*is key_passphrase right/,
  );
});
