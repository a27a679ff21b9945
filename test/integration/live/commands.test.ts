/** Commands that are for a running gateway, and flags that only a process of its own shows. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { freePort } from '../../support/free-port.ts';
import { type GatewayProcess, runCommand, startGatewayProcess } from '../../support/gateway-process.ts';
import { type Mosquitto, startMosquitto } from '../../support/mosquitto.ts';
import { connectRaw } from '../../support/raw-client.ts';
import { waitFor } from '../../support/wait-for.ts';

let broker: Mosquitto;
let folder: string;
let gateway: GatewayProcess | null = null;

before(async () => {
  broker = await startMosquitto();
  folder = await mkdtemp(join(tmpdir(), 'nmg-commands-'));
});
afterEach(async () => {
  await gateway?.stop();
  gateway = null;
});
after(async () => {
  await broker.stop();
  await rm(folder, { recursive: true });
});

async function start(...args: string[]): Promise<GatewayProcess> {
  const settings = { upstream: { url: broker.url }, client_info: { username: '', password: '' } };
  gateway = await startGatewayProcess({ settings, args });
  return gateway;
}

test('--signal: to the process of a PID file, of -P, and by number', async () => {
  const pidFile = join(folder, 'gw.pid');
  const { pid, logLines } = await start('-P', pidFile, '--set', 'http.bind=off');
  for (const [count, args] of [
    ['-sl', `reload=${pidFile}`],
    ['--signal=reload', '-P', pidFile],
    [`-sl=reload=${pid}`],
  ].entries()) {
    const { code, stdout } = await runCommand(args);
    assert.deepEqual([code, stdout], [0, `reload: sent SIGHUP to process ${pid}\n`]);
    // The file that it was started with is gone: that it was read shows that the signal has come.
    await waitFor(() => logLines('config.reload_failed').length === count + 1, 5_000, 'the reload');
  }
  const { code } = await runCommand(['-sl', `quit=${pidFile}`]);
  assert.equal(code, 0);
  assert.deepEqual(await gateway?.exited(), { code: 0, signal: null });
  assert.equal(existsSync(pidFile), false);
});

test('--signal: finds the gateway that runs, or names all of them', async () => {
  const { pid } = await start('--set', 'http.bind=off');
  const found = await runCommand(['-sl', 'ldm']);
  // Other gateways may run on this machine: then all are named.
  const words = found.code === 0 ? found.stdout : found.stderr;
  assert.match(words, new RegExp(`\\b${pid}\\b`));
});

test('--signal: says what is wrong with whom it is for', async () => {
  const foreign = join(folder, 'foreign.pid');
  await writeFile(foreign, `${process.ppid}\n`);
  const empty = join(folder, 'empty.pid');
  await writeFile(empty, '\n');
  for (const [target, message] of [
    [foreign, /names process \d+, which is no nats-mqtt-gateway/],
    [empty, /holds no process id/],
    [join(folder, 'none.pid'), /cannot read the PID file .* \(ENOENT\)/],
    ['99999999', /there is no process 99999999/],
  ] as const) {
    const { code, stderr } = await runCommand(['-sl', `stop=${target}`]);
    assert.equal(code, 1);
    assert.match(stderr, message);
  }
  const { code, stderr } = await runCommand(['-sl', 'restart']);
  assert.equal(code, 2);
  assert.match(stderr, /there is no signal "restart"; it must be one of ldm, reload, term, quit, stop/);
});

test('healthcheck: asks the gateway that the same configuration describes', async () => {
  const port = await freePort();
  const args = ['-m', String(port)];
  assert.equal((await runCommand(['healthcheck', ...args])).code, 1);
  await start(...args);
  const ready = await runCommand(['healthcheck', ...args]);
  assert.deepEqual([ready.code, ready.stdout, ready.stderr], [0, 'the gateway is ready\n', '']);
  const live = await runCommand(['healthcheck', '--live', '-m', String(port)]);
  assert.deepEqual([live.code, live.stdout], [0, 'the gateway runs\n']);
  broker.stall();
  try {
    const client = await connectRaw('127.0.0.1', gateway?.port ?? 0);
    client.send('CONNECT {}\r\n');
    gateway?.signal('SIGUSR2');
    await waitFor(() => gateway?.logLines('gateway.lame_duck').length === 1, 5_000, 'the lame duck');
    const duck = await runCommand(['healthcheck', ...args]);
    assert.equal(duck.code, 1);
    assert.match(duck.stderr, /not ready: .*lame duck/);
    gateway?.signal('SIGINT');
    await client.close();
  } finally {
    broker.resume();
  }
});

test('-l: lines go to a file, which is opened again on SIGHUP', async () => {
  const file = join(folder, 'gw.log');
  const port = await freePort();
  const pid = join(folder, 'log.pid');
  const settings = {
    upstream: { url: broker.url },
    listeners: [{ name: 'tcp', bind: `127.0.0.1:${port}` }],
    http: { bind: 'off' },
  };
  const config = join(folder, 'log.json');
  await writeFile(config, JSON.stringify(settings));
  const running = runCommand(['-c', config, '-l', file, '-P', pid], { limitMs: 20_000 });
  await waitFor(() => existsSync(pid), 10_000, 'the PID file');
  assert.match(await readFile(file, 'utf8'), /"event":"process\.ready"/);
  // Where it cannot be opened again, the old one goes on.
  await rename(folder, `${folder}.away`);
  process.kill(Number(await readFile(join(`${folder}.away`, 'log.pid'), 'utf8')), 'SIGHUP');
  const away = join(`${folder}.away`, 'gw.log');
  await waitFor(
    () => readFileSync(away, 'utf8').includes('config.reload_failed'),
    5_000,
    'the failed reload',
  );
  await rename(`${folder}.away`, folder);
  await rename(file, `${file}.1`);
  assert.equal((await runCommand(['-sl', `reload=${pid}`])).code, 0);
  await waitFor(() => existsSync(file), 5_000, 'a new file');
  await runCommand(['-sl', `term=${pid}`]);
  const { code, stdout, stderr } = await running;
  assert.deepEqual([code, stdout], [0, '']);
  assert.match(stderr, /^cannot open the log file .*gw\.log again: ENOENT/);
  assert.match(await readFile(file, 'utf8'), /"event":"config\.reloaded"[\s\S]*"event":"gateway\.stopped"/);
  assert.doesNotMatch(await readFile(`${file}.1`, 'utf8'), /gateway\.stopped/);

  const unwritable = await runCommand(['-l', join(folder, 'none', 'x.log')]);
  assert.equal(unwritable.code, 78);
  assert.match(unwritable.stderr, /log\.file: cannot write to .*x\.log \(ENOENT\)/);
});

test('the program works by a link, as npm makes one', async () => {
  const link = join(folder, 'nats-mqtt-gateway');
  await symlink(join(import.meta.dirname, '../../../dist/main.js'), link);
  const { code, stdout } = await runCommand(['-v']);
  assert.equal(code, 0);
  assert.match(stdout, /^nats-mqtt-gateway \d+\.\d+\.\d+/);
});
