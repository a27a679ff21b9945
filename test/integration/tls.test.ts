/** NATS clients over TLS through the whole gateway: nats.js as it comes, and raw clients for what no library does. */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import {
  type ConnectionOptions,
  type NatsConnection,
  type TlsOptions,
  wsconnect,
} from '@nats-io/transport-node';
import { WebSocket } from 'ws';
import { TestAuthority } from '../support/certs.ts';
import type { GatewaySettings, RunningGateway } from '../support/gateway.ts';
import { startGatewayProcess } from '../support/gateway-process.ts';
import { type Mosquitto, startMosquitto } from '../support/mosquitto.ts';
import { collect } from '../support/nats.ts';
import { connectRaw, connectRawWebSocket } from '../support/raw-client.ts';
import { connectRawTls, readClearInfo } from '../support/raw-tls.ts';
import { Scene } from '../support/scene.ts';
import { testIn } from '../support/variants.ts';
import { waitFor } from '../support/wait-for.ts';

const authority = new TestAuthority();
const stranger = new TestAuthority('Somebody Else');
const server = authority.issue();
const alice = authority.issue({ subject: '/C=US/O=Acme/CN=alice', names: 'email:alice@acme.example' });
const bob = authority.issue({ subject: '/CN=bob', names: '' });
const mallory = stranger.issue({ subject: '/CN=alice', names: 'email:alice@acme.example' });
const PAIR = { cert_file: server.certFile, key_file: server.keyFile };
const TRUST = { ca: authority.ca };
const VERIFY = { ...PAIR, verify: true, ca_file: authority.caFile };
const QUIET = 'CONNECT {"verbose":false}\r\n';

let scene: Scene<Mosquitto>;
const open: NatsConnection[] = [];

const listener = (type: string, tls: object): GatewaySettings => ({
  listeners: [{ name: type, type, bind: '127.0.0.1:0', tls }],
  upstream: { probe: false },
});

before(async () => {
  scene = await Scene.start(await startMosquitto(), listener('tls', PAIR));
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((connection) => connection.close()));
  await scene.closeClients();
});
after(async () => {
  await scene.stop();
  authority.remove();
  stranger.remove();
});

const withTls = (tls: TlsOptions): ConnectionOptions => ({ tls });

/** Publishes, subscribes and asks across the two clients. */
async function meet(one: NatsConnection, other: NatsConnection): Promise<void> {
  other.subscribe('meet.ask', { callback: (_error, message) => void message.respond(message.data) });
  const collected = await collect(other, 'meet.news');
  for (const size of [0, 1, 20_000, 900_000]) {
    const payload = Buffer.alloc(size, 'xyz');
    one.publish('meet.news', payload);
    assert.deepEqual(Buffer.from((await collected.next()).data), payload);
  }
  assert.equal((await one.request('meet.ask', 'over TLS', { timeout: 3_000 })).string(), 'over TLS');
  await assert.rejects(one.request('meet.nobody', '', { timeout: 3_000 }), /no responders/);
}

describe('tls: nats.js', () => {
  test('upgrades after INFO', async () => {
    const one = await scene.nats(withTls(TRUST));
    assert.equal(one.info?.tls_required, true);
    await meet(one, await scene.nats(withTls(TRUST)));
  });

  test('refuses a server that it does not trust', async () => {
    await assert.rejects(scene.nats(withTls({ ca: stranger.ca })));
    await waitFor(() => scene.gateway.logLines('client.tls_failed').length > 0);
  });

  test('does its handshake first', async () => {
    for (const handshake_first of [true, 'auto']) {
      const gateway = await scene.otherGateway(listener('tls', { ...PAIR, handshake_first }));
      const first = await scene.nats(withTls({ ...TRUST, handshakeFirst: true }), gateway);
      await meet(first, await scene.nats(withTls({ ...TRUST, handshakeFirst: true }), gateway));
      if (handshake_first === 'auto') await meet(first, await scene.nats(withTls(TRUST), gateway));
    }
  });

  // Pooled sessions have the gateway's own account.
  testIn('per_client', 'shows its certificate, and is known to the broker by it', async () => {
    const gateway = await scene.otherGateway({
      ...listener('tls', VERIFY),
      client_info: { client_id: 'cn-${tls.common_name}', username: '${tls.subject}' },
    });
    const one = await scene.nats(withTls({ ...TRUST, cert: alice.cert, key: alice.key }), gateway);
    assert.equal(one.info?.tls_verify, true);
    await one.flush();
    await waitFor(() => /cn-alice.*u'CN=alice,O=Acme,C=US'/.test(scene.broker.log));
    await assert.rejects(scene.nats(withTls(TRUST), gateway));
    await assert.rejects(scene.nats(withTls({ ...TRUST, cert: mallory.cert, key: mallory.key }), gateway));
    assert.equal(gateway.gateway.status().connections, 1);
  });

  test('uses TLS where it is optional, unless told not to', async () => {
    const gateway = await scene.otherGateway(listener('tcp', { ...PAIR, optional: true }));
    const secure = await scene.nats(withTls(TRUST), gateway);
    const plain = await scene.nats({ tls: null }, gateway);
    assert.equal(plain.info?.tls_available, true);
    assert.equal(plain.info?.tls_required, undefined);
    await meet(secure, plain);
    await meet(plain, secure);
    const versions = gateway.logLines('client.connected').map((line) => line.tls);
    assert.deepEqual(versions, ['1.3', undefined]);
  });

  test('over WebSocket', async () => {
    const gateway = await scene.otherGateway(listener('wss', PAIR));
    const wsFactory = (url: string) =>
      Promise.resolve({ socket: new WebSocket(url, { ca: authority.ca }), encrypted: true });
    const connectWs = async (): Promise<NatsConnection> => {
      const options = { servers: gateway.wsUrl, reconnect: false, wsFactory } as ConnectionOptions;
      const connection = await wsconnect(options);
      open.push(connection);
      return connection;
    };
    const one = await connectWs();
    assert.equal(one.info?.tls_required, true);
    await meet(one, await connectWs());
  });
});

async function tlsClient(gateway: RunningGateway, options = {}) {
  const { client, socket } = await connectRawTls(gateway.host, gateway.port, { ...TRUST, ...options });
  client.send(QUIET);
  await client.pingPong();
  return { client, socket };
}

describe('tls: what nobody should do', () => {
  test('clear text in place of a handshake ends the connection without a byte', async () => {
    for (const text of [`${QUIET}PING\r\n`, 'x', 'GET / HTTP/1.1\r\n\r\n']) {
      const client = await connectRaw(scene.gateway.host, scene.gateway.port);
      client.send(text);
      const { how, leftover } = await client.closed();
      assert.deepEqual([how, leftover.toString()], ['eof', '']);
    }
    await waitFor(() => scene.gateway.gateway.status().connections === 0);
    const reasons = scene.gateway.logLines('client.disconnected').map((line) => line.reason);
    assert.equal(reasons.filter((reason) => reason === 'TLS Handshake Failure').length >= 3, true);
  });

  test('clear text where the handshake comes first', async () => {
    const gateway = await scene.otherGateway(listener('tls', { ...PAIR, handshake_first: true }));
    const client = await connectRaw(gateway.host, gateway.port, { readInfo: false });
    client.send(QUIET);
    const { how, leftover } = await client.closed();
    assert.deepEqual([how, leftover.toString()], ['eof', '']);
  });

  test('silence, and half a handshake, last as long as the time-out', async () => {
    for (const handshake_first of [false, true]) {
      const settings = listener('tls', { ...PAIR, handshake_first, timeout: '300ms' });
      const gateway = await scene.otherGateway(settings);
      for (const bytes of ['', '\x16', '\x16\x03\x01\x02\x00\x01\x00']) {
        const client = await connectRaw(gateway.host, gateway.port, { readInfo: !handshake_first });
        if (bytes !== '') client.send(Buffer.from(bytes, 'latin1'));
        const start = performance.now();
        const { leftover } = await client.closed();
        assert.equal(leftover.toString(), '');
        const took = performance.now() - start;
        assert.ok(took > 200 && took < 1500, `${took} ms`);
      }
      await waitFor(() => gateway.gateway.status().connections === 0);
    }
  });

  test('rubbish in the shape of a handshake', async () => {
    const client = await connectRaw(scene.gateway.host, scene.gateway.port);
    client.send(Buffer.concat([Buffer.from([0x16, 3, 1, 0, 200]), Buffer.alloc(200, 7)]));
    const { leftover } = await client.closed();
    // A TLS alert, or nothing; never text.
    assert.ok(leftover.length === 0 || leftover[0] === 0x15, leftover.toString('latin1'));
  });

  test('an old version of TLS, and no common cipher', async () => {
    const gateway = await scene.otherGateway(
      listener('tls', { ...PAIR, min_version: '1.3', ciphers: 'TLS_AES_256_GCM_SHA384' }),
    );
    await assert.rejects(connectRawTls(gateway.host, gateway.port, { ...TRUST, maxVersion: 'TLSv1.2' }));
    const other = { ...TRUST, ciphers: 'TLS_AES_128_GCM_SHA256' };
    await assert.rejects(connectRawTls(gateway.host, gateway.port, other));
    const { client, socket } = await tlsClient(gateway);
    assert.deepEqual([socket.getProtocol(), socket.getCipher().name], ['TLSv1.3', 'TLS_AES_256_GCM_SHA384']);
    await client.close();
  });

  test('renegotiation', async () => {
    const { socket, client } = await tlsClient(scene.gateway, { maxVersion: 'TLSv1.2' });
    socket.renegotiate({}, () => {});
    await client.closed();
  });

  test('a certificate that is not pinned', async () => {
    const gateway = await scene.otherGateway(listener('tls', { ...VERIFY, pinned_certs: [alice.pin] }));
    const { client } = await tlsClient(gateway, { cert: alice.cert, key: alice.key });
    await client.close();
    await assert.rejects(tlsClient(gateway, { cert: bob.cert, key: bob.key }));
    await waitFor(() => gateway.logLines('client.tls_failed').length > 0);
    assert.equal(gateway.logLines('client.tls_failed')[0]?.detail, 'certificate not among pinned_certs');
  });

  test('a session that is resumed in place of a certificate', async () => {
    const gateway = await scene.otherGateway(listener('tls', VERIFY));
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      const { client, socket } = await tlsClient(gateway, { maxVersion, cert: alice.cert, key: alice.key });
      const session = socket.getSession();
      assert.ok(session !== undefined);
      await client.close();
      await assert.rejects(tlsClient(gateway, { maxVersion, session }));
    }
  });

  test('more connections than allowed are told so inside TLS, and only there', async () => {
    const gateway = await scene.otherGateway({ ...listener('tls', PAIR), max_connections: 1 });
    const { client } = await tlsClient(gateway);
    const plain = createConnection(gateway.port, gateway.host);
    await readClearInfo(plain);
    plain.destroy();
    const late = await connectRawTls(gateway.host, gateway.port, TRUST);
    await late.client.expect("-ERR 'maximum connections exceeded'\r\n");
    assert.equal((await late.client.closed()).how, 'eof');
    await client.close();
  });

  test('no HTTP, and no NATS, on the wss port without TLS', async () => {
    const gateway = await scene.otherGateway(listener('wss', { ...PAIR, timeout: '300ms' }));
    const port = Number(new URL(gateway.wsUrl).port);
    for (const text of ['GET / HTTP/1.1\r\n\r\n', QUIET, '']) {
      const client = await connectRaw(gateway.host, port, { readInfo: false });
      if (text !== '') client.send(text);
      const { leftover } = await client.closed();
      assert.ok(leftover.length === 0 || leftover[0] === 0x15, leftover.toString('latin1'));
    }
    const client = await connectRawWebSocket(gateway.wsUrl, { ca: authority.ca });
    assert.equal(client.info.tls_required, true);
    await client.close();
  });
});

test('tls: a client that closes its side after its last PUB gets everything it is owed', async () => {
  const { client } = await tlsClient(scene.gateway);
  const device = await scene.device();
  await device.subscribe('half/open');
  client.send('SUB half.open 1\r\nPUB half.open 4\r\nlast\r\nPING\r\n');
  client.halfClose();
  await client.expect('MSG half.open 1 4\r\nlast\r\nPONG\r\n');
  assert.equal((await client.closed()).how, 'eof');
  assert.equal((await device.next()).text, 'last');
});

test('tls: the clock of a client that must authenticate starts after its handshake', async () => {
  const gateway = await scene.otherGateway({
    ...listener('tls', { ...PAIR, timeout: '1s' }),
    upstream: { probe: false, auth_required: true },
    auth_timeout: '300ms',
  });
  const start = performance.now();
  const { client } = await connectRawTls(gateway.host, gateway.port, TRUST);
  await client.expect("-ERR 'Authentication Timeout'\r\n");
  assert.ok(performance.now() - start > 1_000);
  assert.equal((await client.closed()).how, 'eof');
});

describe('tls: renewed while running', () => {
  const folder = mkdtempSync(join(tmpdir(), 'nmg-tls-'));
  const files = { cert_file: join(folder, 'tls.crt'), key_file: join(folder, 'tls.key') };
  after(() => rmSync(folder, { recursive: true }));

  function install({ cert, key }: { readonly cert: string; readonly key: string }): void {
    writeFileSync(files.cert_file, cert);
    writeFileSync(files.key_file, key);
  }

  async function pinOf(gateway: RunningGateway): Promise<string> {
    const { client, socket } = await tlsClient(gateway, { rejectUnauthorized: false });
    const certificate = socket.getPeerX509Certificate();
    await client.close();
    return certificate?.fingerprint256 ?? '';
  }

  const fingerprint = (cert: string): string => new X509Certificate(cert).fingerprint256;

  test('new connections see the new certificate, old ones stay', async () => {
    install(server);
    const gateway = await scene.otherGateway(listener('tls', files));
    const { client } = await tlsClient(gateway);
    const next = authority.issue();
    install(next);
    // Nobody asks: the gateway notices.
    await waitFor(() => gateway.logLines('tls.reloaded').length > 0, 15_000, 'the new certificate');
    assert.equal(await pinOf(gateway), fingerprint(next.cert));
    await client.pingPong();
    await client.close();
  });

  test('a wrong one changes nothing', async () => {
    install(server);
    const gateway = await scene.otherGateway(listener('tls', files));
    writeFileSync(files.cert_file, stranger.ca);
    assert.equal(await gateway.gateway.reloadCertificates(), false);
    assert.match(
      String(gateway.logLines('tls.reload_failed')[0]?.detail),
      /tls\.key does not belong to .*tls\.crt/,
    );
    assert.equal(await pinOf(gateway), fingerprint(server.cert));
  });

  test('other authorities decide about new connections, for TLS and WebSocket alike', async () => {
    const ca_file = join(folder, 'ca.crt');
    writeFileSync(ca_file, authority.ca);
    install(server);
    const tls = { ...files, verify: true, ca_file };
    const gateway = await scene.otherGateway({
      listeners: ['tls', 'wss'].map((type) => ({ name: type, type, bind: '127.0.0.1:0', tls })),
      upstream: { probe: false },
    });
    const old = { cert: alice.cert, key: alice.key };
    const { client } = await tlsClient(gateway, old);
    await connectRawWebSocket(gateway.wsUrl, { ca: authority.ca, ...old }).then((one) => one.close());
    writeFileSync(ca_file, stranger.ca);
    assert.equal(await gateway.gateway.reloadCertificates(), true);
    await assert.rejects(tlsClient(gateway, old));
    await assert.rejects(connectRawWebSocket(gateway.wsUrl, { ca: authority.ca, ...old }));
    const fresh = { cert: mallory.cert, key: mallory.key };
    await (await tlsClient(gateway, fresh)).client.close();
    await connectRawWebSocket(gateway.wsUrl, { ca: authority.ca, ...fresh }).then((one) => one.close());
    await client.pingPong();
    await client.close();
  });
});

describe('tls: the program', () => {
  const flags = ['--tls', '--tlscert', server.certFile, '--tlskey', server.keyFile];

  test('serves with the flags of nats-server', async () => {
    const gateway = await startGatewayProcess({
      settings: { upstream: { url: scene.broker.url } },
      args: [...flags, '--tlsverify', '--tlscacert', authority.caFile],
    });
    try {
      const { client } = await connectRawTls('127.0.0.1', gateway.port, {
        ...TRUST,
        cert: alice.cert,
        key: alice.key,
      });
      assert.equal(client.info.tls_verify, true);
      client.send(QUIET);
      await client.pingPong();
      await client.close();
    } finally {
      await gateway.stop();
    }
  });
});
