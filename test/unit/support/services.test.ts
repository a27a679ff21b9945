import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { connectDevice } from '../../support/device.ts';
import { startMosquitto } from '../../support/mosquitto.ts';
import { startNatsServer } from '../../support/nats-server.ts';
import { connectRaw } from '../../support/raw-client.ts';
import { waitFor } from '../../support/wait-for.ts';

const INSTALLER = fileURLToPath(new URL('../../support/install-services.sh', import.meta.url));

test('mosquitto: enforces passwords and ACL', async () => {
  const broker = await startMosquitto({ users: { ann: 'secret' }, acl: 'user ann\ntopic readwrite ok/#\n' });
  await assert.rejects(connectDevice(broker.url), { code: 0x87 });
  await assert.rejects(connectDevice(broker.url, { username: 'ann', password: 'wrong' }), { code: 0x87 });
  const ann = await connectDevice(broker.url, { username: 'ann', password: 'secret' });
  await ann.publish('ok/1', 'x');
  await assert.rejects(ann.publish('no/1', 'x'), { code: 0x87 });
  await ann.close();
  await broker.stop();
});

test('mosquitto: is killed and restarted on its port; without persistence it forgets', async () => {
  const broker = await startMosquitto();
  const before = { port: broker.port, pid: broker.pid };
  const first = await connectDevice(broker.url);
  await first.publish('kept', 'x', { retain: true });
  await broker.kill();
  assert.equal(broker.isRunning, false);
  await assert.rejects(connectDevice(broker.url), { code: 'ECONNREFUSED' });
  await broker.restart();
  assert.equal(broker.port, before.port);
  assert.notEqual(broker.pid, before.pid);
  const second = await connectDevice(broker.url);
  await second.subscribe('#');
  await second.settle();
  assert.deepEqual(second.messages, []);
  await first.close(true);
  await second.close();
  await broker.stop();
});

test('mosquitto: keeps retained messages over an orderly restart with persistence', async () => {
  const broker = await startMosquitto({ persistence: true });
  const first = await connectDevice(broker.url);
  await first.publish('kept', 'x', { retain: true });
  await first.close();
  await broker.restart();
  const second = await connectDevice(broker.url);
  await second.subscribe('#');
  assert.equal((await second.next()).text, 'x');
  await second.close();
  await broker.stop();
});

test('mosquitto: a stalled broker answers nothing until it is resumed', async () => {
  const broker = await startMosquitto();
  const client = await connectDevice(broker.url);
  broker.stall();
  let isAcknowledged = false;
  const published = client.publish('a', 'x').then(() => {
    isAcknowledged = true;
  });
  await assert.rejects(
    waitFor(() => isAcknowledged, 100),
    /waited/,
  );
  broker.resume();
  await published;
  await client.close();
  await broker.stop();
});

test('mosquitto: stops although it is stalled', async () => {
  const broker = await startMosquitto();
  broker.stall();
  await broker.stop();
  assert.equal(broker.isRunning, false);
});

test('nats-server: takes settings, restarts on its port', async () => {
  const server = await startNatsServer({
    settings: { max_payload: 2048, authorization: { user: 'u', password: 'p' } },
    configuration: 'ping_interval: "30s"',
    websocket: { compression: true },
  });
  const urls = [server.url, server.wsUrl];
  await server.kill();
  await server.restart();
  assert.deepEqual([server.url, server.wsUrl], urls);
  const client = await connectRaw(server.host, server.port);
  assert.deepEqual([client.info.max_payload, client.info.auth_required], [2048, true]);
  client.send('CONNECT {"verbose":false,"user":"u","pass":"no"}\r\n');
  await client.expect("-ERR 'Authorization Violation'\r\n");
  await client.closed();
  await server.stop();
});

test('installer: does nothing and says nothing when everything is there', () => {
  assert.equal(execFileSync(INSTALLER, { encoding: 'utf8' }), '');
});

test('installer: names the command in one line when it cannot install', () => {
  // An empty PATH hides apt-get; the folders the script adds itself hold daemons only, so mosquitto_pub is missing.
  assert.throws(
    () =>
      execFileSync('/bin/sh', [INSTALLER], {
        env: { PATH: '/nonexistent' },
        stdio: 'pipe',
        encoding: 'utf8',
      }),
    (error: { status: number; stderr: string }) => {
      assert.equal(error.status, 1);
      assert.match(
        error.stderr,
        /^The tests need .* install them with: sudo apt-get update && .*mosquitto-clients.*\n$/,
      );
      return true;
    },
  );
});
