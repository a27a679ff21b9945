/** Several workers, and what can happen to them: killed, unable to start, stopped, left alone by their primary. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { writeSettings } from '../support/gateway.ts';
import { type GatewayProcess, runCommand, startGatewayProcess } from '../support/gateway-process.ts';
import { type Mosquitto, startMosquitto } from '../support/mosquitto.ts';
import { collect, connectNats } from '../support/nats.ts';
import { connectRaw, type RawClient } from '../support/raw-client.ts';
import { ScriptedBroker } from '../support/scripted-broker.ts';
import { waitFor, within } from '../support/wait-for.ts';
import {
  childrenOf,
  isRunning,
  natsOnWorker,
  rawOnWorker,
  workerOf,
  workerPids,
} from '../support/workers.ts';

const COUNT = 50;

let broker: Mosquitto;
let folder: string;
const open: { stop(): Promise<unknown> }[] = [];
before(async () => {
  broker = await startMosquitto();
  folder = await mkdtemp(join(tmpdir(), 'nmg-workers-'));
});
after(async () => {
  for (const one of open.reverse()) await one.stop();
  await broker.stop();
  await rm(folder, { recursive: true });
});

function stopLater<T extends { stop(): Promise<unknown> }>(one: T): T {
  open.push(one);
  return one;
}

async function start(settings: object = {}, nodeArgs: readonly string[] = []): Promise<GatewayProcess> {
  const upstream = { url: broker.url };
  return stopLater(await startGatewayProcess({ settings: { workers: 2, upstream, ...settings }, nodeArgs }));
}

/** Options of node that make every worker run this first. `WORKER` is its process, `PRIMARY` that of the program. */
async function inWorkers(name: string, code: string): Promise<readonly string[]> {
  const file = join(folder, `${name}.cjs`);
  const isWorker = "const isWorker = /worker\\.js$/.test(process.argv[1] ?? '');\n";
  await writeFile(file, isWorker + code);
  return ['--require', file];
}

const pids = (gateway: GatewayProcess): number[] => workerPids(gateway.logLines('worker.started'));

/** The exit, after which none of these processes must be left. */
async function endOf(gateway: GatewayProcess, workers: readonly number[], limitMs = 6_000) {
  const exit = await within(gateway.exited(), limitMs, 'the exit');
  await waitFor(() => workers.every((pid) => !isRunning(pid)), 3_000, 'all workers to be gone');
  return exit;
}

async function verbose(client: RawClient): Promise<RawClient> {
  client.send('CONNECT {"verbose":true,"pedantic":false}\r\n');
  await client.expect('+OK\r\n');
  await client.pingPong();
  return client;
}

test('a killed worker: is replaced, its clients come back, those of the other do not notice', async () => {
  const gateway = await start();
  const [before] = pids(gateway);
  const receiver = await natsOnWorker(gateway, 2);
  const received = await collect(receiver, 'traffic');
  const sender = await natsOnWorker(gateway, 1, {
    reconnect: true,
    reconnectTimeWait: 20,
    maxReconnectAttempts: -1,
  });
  const oldCid = sender.info?.client_id ?? 0;
  const work = await collect(sender, 'work', { queue: 'g' });
  let isStopped = false;
  let sent = 0;
  const traffic = (async () => {
    for (; !isStopped; sent++) {
      sender.publish('traffic', String(sent));
      receiver.publish('work', String(sent));
      // At the pace of the worker that stays.
      if (sent % 10 === 0) await receiver.flush();
    }
  })();
  await received.count(500);
  process.kill(before ?? 0, 'SIGKILL');
  await waitFor(() => gateway.logLines('worker.started').length === 3, 10_000, 'the next worker');
  const countAtRestart = received.messages.length;
  await received.count(countAtRestart + 500, 10_000);
  isStopped = true;
  await traffic;
  await sender.flush();
  await receiver.flush();

  const [exited] = gateway.logLines('worker.exited');
  assert.deepEqual(
    [exited?.worker, exited?.pid, exited?.signal, exited?.level],
    [1, before, 'SIGKILL', 'error'],
  );
  const [, , again] = gateway.logLines('worker.started');
  assert.deepEqual([again?.worker, again?.restarts], [1, 1]);
  assert.equal(gateway.logLines('process.ready').length, 1);
  assert.equal(receiver.isClosed(), false);
  assert.notEqual(sender.info?.client_id, oldCid);
  assert.ok(work.messages.length > 0);
  // Nothing twice and in order; what was under way when the worker died is lost, as QoS 0 is.
  const numbers = received.texts.map(Number);
  assert.ok(numbers.every((number, index) => index === 0 || number > (numbers[index - 1] ?? 0)));
  // A client on the new worker: same port, an id that was never used, and messages across.
  const late = await natsOnWorker(gateway, 1);
  assert.ok((late.info?.client_id ?? 0) > oldCid);
  late.publish('traffic', '-1');
  await waitFor(() => received.texts.includes('-1'));
  await Promise.all([sender.close(), receiver.close(), late.close()]);
  assert.deepEqual(await gateway.stop(), { code: 0, signal: null });
  assert.equal(gateway.logLines('process.totals')[0]?.restarts, 1);
});

test('an uncaught error in a worker: is logged with its number, and the worker replaced', async () => {
  const nodeArgs = await inWorkers(
    'throws',
    "if (isWorker) process.on('SIGWINCH', () => { throw new Error('boom'); });",
  );
  const gateway = await start({}, nodeArgs);
  process.kill(pids(gateway)[1] ?? 0, 'SIGWINCH');
  await waitFor(() => gateway.logLines('worker.started').length === 3, 10_000, 'the next worker');
  const [uncaught] = gateway.logLines('process.uncaught');
  assert.deepEqual([uncaught?.level, uncaught?.worker], ['fatal', 2]);
  assert.match(JSON.stringify(uncaught), /boom/);
  assert.deepEqual(gateway.logLines('worker.exited')[0]?.code, 1);
  await gateway.stop();
});

test('all workers killed at once: the next ones listen on the same ports', async () => {
  const gateway = await start();
  for (const pid of pids(gateway)) process.kill(pid, 'SIGKILL');
  await waitFor(() => gateway.logLines('worker.started').length === 4, 10_000, 'the next workers');
  for (const worker of [1, 2]) await (await rawOnWorker(gateway, worker)).close();
  const ports = gateway.logLines('listener.started').filter(({ type }) => type === 'tcp');
  assert.deepEqual(new Set(ports.map(({ port }) => port)), new Set([gateway.port]));
  assert.deepEqual(await gateway.stop(), { code: 0, signal: null });
});

test('a killed primary: the workers end by themselves', async () => {
  const gateway = await start();
  const workers = pids(gateway);
  const client = await rawOnWorker(gateway, 1);
  gateway.signal('SIGKILL');
  assert.deepEqual(await endOf(gateway, workers), { code: null, signal: 'SIGKILL' });
  await client.closed();
  await assert.rejects(connectRaw(gateway.host, gateway.port));
});

test('an uncaught error in the primary: everything ends with exit code 1', async () => {
  const code = "if (!isWorker) process.on('SIGWINCH', () => { throw new Error('boom'); });";
  const gateway = await start({}, await inWorkers('primary', code));
  const workers = pids(gateway);
  gateway.signal('SIGWINCH');
  assert.deepEqual(await endOf(gateway, workers), { code: 1, signal: null });
  const [uncaught] = gateway.logLines('process.uncaught');
  assert.deepEqual([uncaught?.level, uncaught?.worker], ['fatal', undefined]);
});

test('workers that crash at every start: exit code 1, a clear message, and few attempts', async () => {
  const code = 'if (isWorker) process.exit(7);';
  const nodeArgs = await inWorkers('crash', code);
  const { file, remove } = await writeSettings({ workers: 2, upstream: { url: broker.url } });
  const result = await runCommand(['serve', '-c', file], { env: { NODE_OPTIONS: nodeArgs.join(' ') } });
  await remove();
  assert.equal(result.code, 1, result.stderr);
  assert.equal(
    result.stderr.replace(/worker \d/, 'worker N'),
    'nats-mqtt-gateway: worker N ended 5 times in a row before it could serve clients (exit code 7); see the log above\n',
  );
  const attempts = result.stdout.match(/worker\.exited/g)?.length ?? 0;
  assert.ok(attempts >= 5 && attempts <= 10, `${attempts} attempts`);
});

test('a worker that cannot be replaced: ends the program and the other workers', async () => {
  const marker = join(folder, 'crash-now');
  const code = `if (isWorker && require('node:fs').existsSync(${JSON.stringify(marker)})) process.exit(7);`;
  const gateway = await start({}, await inWorkers('later', code));
  const workers = pids(gateway);
  await writeFile(marker, '');
  process.kill(workers[0] ?? 0, 'SIGKILL');
  assert.deepEqual(await endOf(gateway, workers, 15_000), { code: 1, signal: null });
  assert.match(gateway.stderr, /worker 1 ended 5 times in a row/);
  assert.equal(gateway.logLines('worker.exited').length, 6);
});

/** Clients on both workers whose publications have reached the broker, which has not acknowledged them. */
async function withUnacknowledged(settings: object = {}) {
  const scripted = stopLater(await ScriptedBroker.start());
  const gateway = await start({ upstream: { url: scripted.url, probe: false }, ...settings });
  const clients = [await rawOnWorker(gateway, 1), await rawOnWorker(gateway, 2)];
  for (const client of clients) await verbose(client);
  scripted.holdPubacks();
  for (const client of clients) {
    for (let i = 0; i < COUNT; i++) client.send(`PUB a 2\r\n${String(i).padStart(2, '0')}\r\n`);
  }
  await waitFor(() => scripted.packets('publish').length === 2 * COUNT);
  return { scripted, gateway, clients, workers: pids(gateway) };
}

test('SIGTERM: all workers wait for the acknowledgements of the broker, then exit code 0', async () => {
  const { scripted, gateway, clients, workers } = await withUnacknowledged();
  gateway.signal('SIGTERM');
  await waitFor(() => gateway.logLines('gateway.stopping').length === 2);
  for (const client of clients) await client.closed();
  await assert.rejects(connectRaw(gateway.host, gateway.port), 'no new clients');
  assert.ok(workers.every(isRunning), 'still waiting');
  scripted.releasePubacks();
  assert.deepEqual(await endOf(gateway, workers), { code: 0, signal: null });
  assert.equal(scripted.received.length, 2 * COUNT);
  assert.equal(gateway.logLines('gateway.drain_incomplete').length, 0);
  assert.equal(gateway.logLines('worker.exited').length, 0);
  assert.equal(scripted.packets('disconnect').length, 2, 'an orderly end towards the broker');
  assert.equal(gateway.logLines('process.totals')[0]?.clientMessagesIn, 2 * COUNT);
});

test('SIGTERM: all workers give up after shutdown_timeout', async () => {
  const { gateway, workers } = await withUnacknowledged({ shutdown_timeout: '600ms' });
  gateway.signal('SIGTERM');
  assert.deepEqual(await endOf(gateway, workers), { code: 0, signal: null });
  assert.equal(gateway.logLines('gateway.drain_incomplete').length, 2);
});

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  test(`${signal} to all processes at once, and twice: the primary alone decides`, async () => {
    const { scripted, gateway, clients, workers } = await withUnacknowledged();
    const startMs = performance.now();
    for (let i = 0; i < 2; i++) {
      for (const pid of workers) process.kill(pid, signal);
      gateway.signal(signal);
    }
    await waitFor(() => gateway.logLines('gateway.stopping').length === 2);
    for (const client of clients) await client.closed();
    if (signal === 'SIGTERM') scripted.releasePubacks();
    assert.deepEqual(await endOf(gateway, workers), { code: 0, signal: null });
    assert.ok(performance.now() - startMs < 5_000);
    assert.equal(gateway.logLines('worker.exited').length, 0);
    assert.equal(gateway.logLines('process.signal').length, 1);
    if (signal === 'SIGTERM') assert.equal(scripted.received.length, 2 * COUNT);
  });
}

test('a signal to a worker alone: changes nothing', async () => {
  const gateway = await start();
  const [first] = pids(gateway);
  const client = await rawOnWorker(gateway, 1);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR2'] as const) process.kill(first ?? 0, signal);
  await client.pingPong();
  assert.equal(gateway.logLines('worker.exited').length, 0);
  await gateway.stop();
});

test('a second signal: all processes end at once', async () => {
  const { gateway, workers } = await withUnacknowledged();
  gateway.signal('SIGTERM');
  await waitFor(() => gateway.logLines('gateway.stopping').length === 2);
  gateway.signal('SIGINT');
  const startMs = performance.now();
  assert.deepEqual(await endOf(gateway, workers, 2_000), { code: 0, signal: null });
  assert.ok(performance.now() - startMs < 2_000);
  assert.equal(gateway.logLines('process.aborted').length, 1);
});

test('a worker that hangs: does not keep the program from ending, which says so', async () => {
  const gateway = await start({ shutdown_timeout: '500ms' });
  const workers = pids(gateway);
  process.kill(workers[1] ?? 0, 'SIGSTOP');
  gateway.signal('SIGTERM');
  assert.deepEqual(await endOf(gateway, workers, 8_000), { code: 1, signal: null });
  assert.equal(gateway.logLines('cluster.stop_timeout').length, 1);
  assert.match(gateway.stderr, /a worker has ended before it could stop in order/);
});

test('a client handed to a worker that hangs: is closed when that is killed, and nothing of it is left', async () => {
  const gateway = await start();
  const sockets = () => readdirSync(`/proc/${gateway.pid}/fd`).length;
  const before = sockets();
  process.kill(pids(gateway)[1] ?? 0, 'SIGSTOP');
  const clients: RawClient[] = [];
  for (let i = 0; i < 6; i++) clients.push(await connectRaw(gateway.host, gateway.port, { readInfo: false }));
  const unserved = () => clients.filter(({ unread }) => unread.length === 0);
  await waitFor(() => unserved().length === 1, 5_000, 'all but one to be served');
  const [stuck] = unserved();
  process.kill(pids(gateway)[1] ?? 0, 'SIGKILL');
  await stuck?.closed();
  await waitFor(() => gateway.logLines('worker.started').length === 3, 10_000, 'the next worker');
  await waitFor(() => sockets() <= before, 5_000, 'the sockets of the primary to be as few as before');
  await gateway.stop();
});

test('a worker killed during SIGTERM: is not replaced, and the exit code says that something may be lost', async () => {
  const { scripted, gateway, workers } = await withUnacknowledged();
  gateway.signal('SIGTERM');
  await waitFor(() => gateway.logLines('gateway.stopping').length === 2);
  process.kill(workers[0] ?? 0, 'SIGKILL');
  scripted.releasePubacks();
  assert.deepEqual(await endOf(gateway, workers), { code: 1, signal: null });
  assert.equal(gateway.logLines('worker.started').length, 2);
  assert.deepEqual(childrenOf(gateway.pid), []);
});

test('an outage of the broker: no worker publishes before the subscriptions of all workers are back', async () => {
  const scripted = stopLater(await ScriptedBroker.start());
  const gateway = await start({ upstream: { url: scripted.url, probe: false } });
  const publisher = await verbose(await rawOnWorker(gateway, 1));
  const subscriber = await verbose(await rawOnWorker(gateway, 2));
  for (const client of [publisher, subscriber]) client.answerPings();
  subscriber.send('SUB news 1\r\n');
  await subscriber.pingPong();
  const published = () => scripted.packets('publish').filter(({ topic }) => topic === 'news').length;
  scripted.holdAcks('suback');
  const connects = scripted.packets('connect').length;
  scripted.cutAll('reset');
  await waitFor(() => gateway.logLines('upstream.lost').length === 2);
  publisher.send('PUB news 2\r\nhi\r\n');
  await waitFor(() => scripted.heldAcks('suback') > 0, 5_000, 'the subscriber to subscribe again');
  await waitFor(
    () => scripted.packets('connect').length >= connects + 2,
    5_000,
    'both to be connected again',
  );
  const startMs = performance.now();
  await waitFor(() => performance.now() - startMs > 300);
  assert.equal(published(), 0, 'the subscription is not back yet');
  scripted.releaseAcks('suback');
  await publisher.expect('+OK\r\n');
  await subscriber.readUntil('MSG news 1 2\r\nhi\r\n');
  assert.equal(published(), 1);
  assert.equal(gateway.logLines('upstream.restored').length, 2);
  await gateway.stop();
});

test('an outage of the broker: a worker that dies meanwhile is not waited for', async () => {
  const scripted = stopLater(await ScriptedBroker.start());
  const gateway = await start({ upstream: { url: scripted.url, probe: false } });
  const publisher = await verbose(await rawOnWorker(gateway, 1));
  const subscriber = await verbose(await rawOnWorker(gateway, 2));
  subscriber.send('SUB news 1\r\n');
  await subscriber.pingPong();
  scripted.holdAcks('suback');
  scripted.cutAll('reset');
  await waitFor(() => scripted.heldAcks('suback') > 0, 5_000, 'the subscriber to subscribe again');
  const startMs = performance.now();
  process.kill(pids(gateway)[1] ?? 0, 'SIGKILL');
  publisher.send('PUB news 2\r\nhi\r\n');
  await publisher.expect('+OK\r\n');
  assert.ok(performance.now() - startMs < 4_000, 'less than the patience with those who do not come back');
  await gateway.stop();
});

/** How each of many simultaneous connections was received. */
async function storm(gateway: GatewayProcess, count: number) {
  const clients = await Promise.all(
    Array.from({ length: count }, () => connectRaw(gateway.host, gateway.port)),
  );
  const answers = await Promise.all(
    clients.map(async (client) => {
      client.send('PING\r\n');
      const text = await client.readUntil(/PONG\r\n|-ERR '[^']*'\r\n/);
      return text.toString();
    }),
  );
  const isServed = (index: number) => answers[index] === 'PONG\r\n';
  return {
    served: clients.filter((_, index) => isServed(index)),
    refused: clients.filter((_, index) => !isServed(index)),
    answers: new Set(answers),
  };
}

for (const [name, limits] of [
  ['max_connections', { max_connections: 20 }],
  [
    'max_connections of a listener',
    { listeners: [{ name: 'tcp', bind: '127.0.0.1:0', max_connections: 20 }] },
  ],
] as const) {
  test(`${name}: is exact over all workers in a storm of connections, and again when clients have left`, async () => {
    const gateway = await start(limits);
    const { served, refused, answers } = await storm(gateway, 200);
    assert.equal(served.length, 20);
    assert.equal(refused.length, 180);
    assert.deepEqual(answers, new Set(['PONG\r\n', "-ERR 'maximum connections exceeded'\r\n"]));
    for (const client of refused) await client.closed();
    const workers = new Set([...served, ...refused].map(({ info }) => workerOf(info.client_id)));
    assert.deepEqual(workers, new Set([1, 2]));
    // Five leave: there is room for five, as soon as the primary knows, and for no more.
    for (const client of served.splice(0, 5)) await client.close();
    const again: RawClient[] = [];
    await waitFor(async () => again.push(...(await storm(gateway, 50)).served) >= 5);
    assert.equal(again.length, 5);
    // A worker dies with its clients: there is room for as many.
    const onFirst = [...served, ...again].filter(({ info }) => workerOf(info.client_id) === 1).length;
    process.kill(pids(gateway)[0] ?? 0, 'SIGKILL');
    await waitFor(() => gateway.logLines('worker.started').length === 3, 10_000, 'the next worker');
    const last = await storm(gateway, 50);
    assert.equal(last.served.length, onFirst);
    await gateway.stop();
  });
}

test('a storm of reconnecting clients after a worker was killed: all are served again', async () => {
  const gateway = await start();
  const options = { reconnect: true, reconnectTimeWait: 20, reconnectJitter: 50, maxReconnectAttempts: -1 };
  const clients = await Promise.all(Array.from({ length: 60 }, () => connectNats(gateway, options)));
  const received = await Promise.all(clients.map((client) => collect(client, 'all')));
  process.kill(pids(gateway)[0] ?? 0, 'SIGKILL');
  await waitFor(() => gateway.logLines('worker.started').length === 3, 10_000, 'the next worker');
  await Promise.all(clients.map((client) => client.flush()));
  clients[0]?.publish('all', 'x');
  await Promise.all(received.map((one) => one.count(1, 10_000)));
  await Promise.all(clients.map((client) => client.close()));
  assert.deepEqual(await gateway.stop(), { code: 0, signal: null });
});
