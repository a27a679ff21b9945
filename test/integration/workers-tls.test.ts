/** The built program with several workers and TLS on both sides: settings, files and limits reach all of them. */
import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { connect, type PeerCertificate } from 'node:tls';
import { TestAuthority } from '../support/certs.ts';
import { freePort } from '../support/free-port.ts';
import { writeSettings } from '../support/gateway.ts';
import { type GatewayProcess, runCommand, startGatewayProcess } from '../support/gateway-process.ts';
import { type Mosquitto, startMosquitto } from '../support/mosquitto.ts';
import type { RawClient } from '../support/raw-client.ts';
import { connectRawTls } from '../support/raw-tls.ts';
import { waitFor } from '../support/wait-for.ts';
import { workerOf } from '../support/workers.ts';

const QUIET = 'CONNECT {"verbose":false}\r\n';
const authority = new TestAuthority();
const server = authority.issue();
const renewed = authority.issue({ subject: '/CN=renewed' });
const folder = mkdtempSync(join(tmpdir(), 'nmg-workers-tls-'));
const FILES = { cert_file: join(folder, 'tls.crt'), key_file: join(folder, 'tls.key') };

function install({ certFile, keyFile }: { certFile: string; keyFile: string }): void {
  copyFileSync(certFile, FILES.cert_file);
  copyFileSync(keyFile, FILES.key_file);
}

let broker: Mosquitto;
let upstream: object;
before(async () => {
  const port = await freePort();
  const files = `cafile ${authority.caFile}\ncertfile ${server.certFile}\nkeyfile ${server.keyFile}`;
  broker = await startMosquitto({ configuration: `listener ${port} 127.0.0.1\n${files}` });
  upstream = { url: `mqtts://127.0.0.1:${port}`, tls: { ca_file: authority.caFile } };
});
after(async () => {
  await broker.stop();
  authority.remove();
  rmSync(folder, { recursive: true });
});

describe('two workers with TLS', () => {
  let gateway: GatewayProcess;
  before(async () => {
    install(server);
    gateway = await startGatewayProcess({
      settings: {
        workers: 2,
        upstream,
        max_connections: 4,
        listeners: [
          { name: 'tls', type: 'tls', bind: '127.0.0.1:0', tls: { ...FILES, handshake_first: true } },
        ],
      },
    });
  });
  after(async () => {
    assert.deepEqual(await gateway.stop(), { code: 0, signal: null });
  });

  async function client(): Promise<RawClient> {
    const options = { upgrade: false, ca: authority.ca };
    return (await connectRawTls(gateway.host, gateway.port, options)).client;
  }

  function certificateOfNext(): Promise<PeerCertificate> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host: gateway.host, port: gateway.port, ca: authority.ca }, () => {
        resolve(socket.getPeerCertificate());
        socket.end();
      });
      socket.on('error', reject).resume();
    });
  }

  test('workers: not a byte in clear text before the handshake, in any of them', async () => {
    const sockets = [1, 2].map(() => createConnection({ host: gateway.host, port: gateway.port }).resume());
    const closed = sockets.map((socket) => new Promise((done) => socket.once('close', done)));
    // The end of the time that a handshake may take.
    await Promise.all(closed);
    assert.deepEqual(
      sockets.map(({ bytesRead }) => bytesRead),
      [0, 0],
    );
  });

  test('workers: messages go from one to the other, and one client too many is told so in TLS', async () => {
    const clients = [await client(), await client(), await client(), await client()];
    const workers = clients.map(({ info }) => workerOf(info.client_id));
    assert.deepEqual(new Set(workers), new Set([1, 2]));
    for (const each of clients) {
      each.send(`${QUIET}SUB all 1\r\n`);
      await each.pingPong();
    }
    clients[0]?.send('PUB all 2\r\nhi\r\n');
    for (const each of clients) await each.expect('MSG all 1 2\r\nhi\r\n');
    const surplus = await client();
    await surplus.expect("-ERR 'maximum connections exceeded'\r\n");
    await surplus.closed();
    await Promise.all(clients.map((each) => each.close()));
  });

  test('workers: renewed certificates are noticed by all of them', async () => {
    assert.equal((await certificateOfNext()).subject.CN, 'localhost');
    install(renewed);
    await waitFor(() => gateway.logLines('tls.reloaded').length === 2, 20_000, 'both to have reloaded');
    for (let i = 0; i < 4; i++) assert.equal((await certificateOfNext()).subject.CN, 'renewed');
  });
});

test('workers: a certificate that cannot be used is told as by a single process, with exit code 78', async () => {
  const outcomes = [];
  for (const workers of [1, 3]) {
    const tls = { cert_file: '/nowhere/tls.crt', key_file: '/nowhere/tls.key' };
    const listeners = [{ name: 'tls', type: 'tls', bind: '127.0.0.1:0', tls }];
    const { file, remove } = await writeSettings({ workers, upstream, listeners });
    const { code, stderr } = await runCommand(['serve', '-c', file]);
    await remove();
    outcomes.push({ code, stderr: stderr.replaceAll(file, 'FILE') });
  }
  assert.deepEqual(outcomes[1], outcomes[0]);
  assert.equal(outcomes[0]?.code, 78);
  assert.match(outcomes[0]?.stderr ?? '', /listeners\[0\]\.tls\.cert_file/);
});
