/** Checklist rows 105 and 106: signals and the check of a configuration, for the program as users start it. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { runCommand, startGatewayProcess } from '../../support/gateway-process.ts';
import { type Mosquitto, startMosquitto } from '../../support/mosquitto.ts';
import { startNatsServer } from '../../support/nats-server.ts';
import { ManagedProcess, PROGRAMS, requireProgram } from '../../support/processes.ts';
import { connectRaw } from '../../support/raw-client.ts';
import { connectLine, QUIET, ScriptClient } from './compat.ts';
import { EOF } from './transcript.ts';

let broker: Mosquitto;
let folder: string;

before(async () => {
  broker = await startMosquitto();
  folder = await mkdtemp(join(tmpdir(), 'nmg-compat-'));
});

after(async () => {
  await broker.stop();
  await rm(folder, { recursive: true, force: true });
});

async function connectedClient(port: number): Promise<ScriptClient> {
  const raw = await connectRaw('127.0.0.1', port);
  raw.send(connectLine(QUIET));
  const client = new ScriptClient(raw);
  await client.sync();
  return client;
}

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`checklist 105: ${signal} ends connections without an error, exit code 0`, async () => {
    const oracle = await startNatsServer();
    const gateway = await startGatewayProcess({ settings: { upstream: { url: broker.url } } });
    try {
      const clients = [await connectedClient(oracle.port), await connectedClient(gateway.port)];
      // Its exit code after SIGTERM became 0 with release 2.11 only, so it is not compared.
      await oracle.kill(signal);
      gateway.signal(signal);
      assert.deepEqual(await Promise.all(clients.map((client) => client.ended())), [[EOF], [EOF]]);
      assert.deepEqual(await gateway.exited(), { code: 0, signal: null });
    } finally {
      await Promise.all([oracle.stop(), gateway.stop()]);
    }
  });
}

async function natsServerCheck(file: string): Promise<{ code: number | null; stderr: string }> {
  const run = new ManagedProcess({ path: requireProgram(PROGRAMS.natsServer), args: ['-t', '-c', file] });
  const { code } = await run.exited;
  return { code, stderr: run.stderr };
}

test('checklist 106: -t accepts a good configuration', async () => {
  const file = join(folder, 'good.json');
  await writeFile(file, JSON.stringify({ max_payload: 2048 }));
  const oracle = await natsServerCheck(file);
  const gateway = await runCommand(['-t', '-c', file]);
  assert.deepEqual([oracle.code, gateway.code], [0, 0]);
  assert.match(oracle.stderr, /configuration file \S+ is valid/);
  assert.match(`${gateway.stdout}${gateway.stderr}`, /good\.json/);
});

test('checklist 106: -t refuses a bad configuration', async () => {
  const file = join(folder, 'bad.json');
  await writeFile(file, JSON.stringify({ max_payload: 'many' }));
  const oracle = await natsServerCheck(file);
  const gateway = await runCommand(['-t', '-c', file]);
  // Intended difference: 78 says that the configuration is wrong, 1 that something failed while running.
  assert.deepEqual([oracle.code, gateway.code], [1, 78]);
  assert.match(oracle.stderr, /bad\.json/);
  assert.match(gateway.stderr, /max_payload.*many/s);
});
