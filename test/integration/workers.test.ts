/** The built program with several workers on Mosquitto: one gateway to its clients, whichever worker they are on. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { headers, type Msg, type NatsConnection } from '@nats-io/transport-node';
import { freePort } from '../support/free-port.ts';
import { writeSettings } from '../support/gateway.ts';
import { type GatewayProcess, runCommand, startGatewayProcess } from '../support/gateway-process.ts';
import { type Mosquitto, startMosquitto } from '../support/mosquitto.ts';
import { type Collected, collect, connectNats } from '../support/nats.ts';
import { connectRaw, connectRawWebSocket } from '../support/raw-client.ts';
import { waitFor } from '../support/wait-for.ts';
import { childrenOf, natsOnWorker, workerOf, workerPids } from '../support/workers.ts';

const TOTAL = 400;
const BOTH = [1, 2] as const;

let broker: Mosquitto;
before(async () => {
  broker = await startMosquitto();
});
after(() => broker.stop());

describe('two workers', () => {
  let gateway: GatewayProcess;
  const closers: (() => Promise<unknown>)[] = [];

  before(async () => {
    const upstream = { url: broker.url, username: 'probe', password: 'hunter2' };
    gateway = await startGatewayProcess({
      settings: { workers: 2, upstream },
      env: { NATSMQTT_CLIENT_INFO__PASSWORD: 'hunter3' },
    });
    await waitFor(() => gateway.logLines('upstream.probed').length === 2, 10_000, 'both to have probed');
  });
  afterEach(async () => {
    await Promise.all(closers.splice(0).map((close) => close()));
  });
  after(async () => {
    assert.deepEqual(await gateway.stop(), { code: 0, signal: null });
  });

  async function client(worker: number, options = {}): Promise<NatsConnection> {
    const connection = await natsOnWorker(gateway, worker, options);
    closers.push(() => connection.close());
    return connection;
  }

  test('workers: ready is said once, by the primary, when all listen on common ports', () => {
    assert.equal(gateway.logLines('process.ready').length, 1);
    const lines = gateway.logLines();
    const ready = lines.findIndex(({ event }) => event === 'process.ready');
    assert.equal(lines[ready]?.worker, undefined);
    const before = lines.slice(0, ready).filter(({ event }) => event === 'listener.started');
    assert.equal(before.length, 4);
    assert.deepEqual(new Set(before.map(({ worker }) => worker)), new Set(BOTH));
    assert.equal(new Set(before.map(({ port }) => port)).size, 2);
    assert.equal(gateway.logLines('worker.started').length, 2);
    assert.deepEqual(childrenOf(gateway.pid).sort(), workerPids(gateway.logLines('worker.started')).sort());
  });

  test('workers: every line of the log is whole, and those of workers carry their number', () => {
    const lines = gateway.stdout.trimEnd().split('\n');
    const parsed = lines.map((line) => JSON.parse(line) as { event: string; worker?: number });
    for (const { event, worker } of parsed) {
      if (/^(?:gateway|listener|upstream)\./.test(event)) assert.ok(worker === 1 || worker === 2, event);
    }
  });

  test('workers: secrets are neither in their arguments nor in their environment', () => {
    for (const pid of workerPids(gateway.logLines('worker.started'))) {
      const visible = ['cmdline', 'environ'].map((name) => readFileSync(`/proc/${pid}/${name}`, 'utf8'));
      assert.match(visible[1] ?? '', /NODE_UNIQUE_ID/);
      assert.doesNotMatch(visible.join(), /hunter|NATSMQTT_/);
    }
    assert.doesNotMatch(gateway.stdout, /hunter/);
  });

  test('workers: clients take turns, have unique ids and see one server', async () => {
    const clients = await Promise.all(
      Array.from({ length: 20 }, () => connectRaw(gateway.host, gateway.port)),
    );
    const infos = clients.map(({ info }) => info);
    await Promise.all(clients.map((each) => each.close()));
    assert.equal(new Set(infos.map(({ server_id: id }) => id)).size, 1);
    assert.match(String(infos[0]?.server_id), /^N[0-9A-Z]{55}$/);
    assert.equal(new Set(infos.map(({ client_id: cid }) => cid)).size, 20);
    const workers = infos.map(({ client_id: cid }) => workerOf(cid));
    for (const worker of BOTH) {
      const count = workers.filter((each) => each === worker).length;
      assert.ok(count >= 4, `${count} of 20 clients are on worker ${worker}`);
    }
  });

  test('workers: WebSocket clients are served by all of them', async () => {
    const workers = new Set<number>();
    for (let i = 0; i < 6; i++) {
      const one = await connectRawWebSocket(gateway.wsUrl);
      await one.pingPong();
      workers.add(workerOf(one.info.client_id));
      await one.close();
    }
    assert.deepEqual(workers, new Set(BOTH));
  });

  for (const [from, to] of [
    [1, 2],
    [2, 1],
  ] as const) {
    test(`workers: messages go from a client on ${from} to one on ${to}, with headers and in order`, async () => {
      const [sender, receiver] = [await client(from), await client(to)];
      const received = await collect(receiver, 'across.>');
      const own = headers();
      own.append('a', '1');
      own.append('a', '2');
      for (let i = 0; i < 100; i++) sender.publish(`across.${i % 3}`, String(i), { headers: own });
      await sender.flush();
      // PONG is a barrier: the broker has had everything, and so has the receiver when it gets its own.
      await receiver.flush();
      assert.deepEqual(
        received.texts,
        Array.from({ length: 100 }, (_, index) => String(index)),
      );
      assert.equal(received.messages[0]?.subject, 'across.0');
      assert.deepEqual(received.messages[99]?.headers?.values('a'), ['1', '2']);
    });
  }

  test('workers: a queue group is one group over both, and every message is delivered exactly once', async () => {
    const connections = [await client(1), await client(1), await client(2), await client(2)];
    const members: Collected[] = [];
    for (const one of connections) members.push(await collect(one, 'work', { queue: 'g' }));
    const plain = await collect(connections[0] as NatsConnection, 'work');
    const publishers = [await client(1), await client(2)];
    for (let i = 0; i < TOTAL; i++) publishers[i % 2]?.publish('work', String(i));
    await Promise.all(publishers.map((each) => each.flush()));
    const sum = () => members.reduce((total, { messages }) => total + messages.length, 0);
    await waitFor(() => sum() >= TOTAL);
    for (let round = 0; round < 2; round++) await Promise.all(connections.map((each) => each.flush()));
    const numbers = members.flatMap(({ texts }) => texts.map(Number)).sort((a, b) => a - b);
    assert.deepEqual(
      numbers,
      Array.from({ length: TOTAL }, (_, index) => index),
    );
    for (const { messages } of members) assert.ok(messages.length > 0, 'a member got nothing');
    assert.equal(plain.messages.length, TOTAL);
  });

  test('workers: requests are answered across them, and by nobody with a 503', async () => {
    const [asker, service] = [await client(1), await client(2)];
    service.subscribe('service.add', {
      callback: (_error: Error | null, message: Msg) => void message.respond(`${message.string()}!`),
    });
    await service.flush();
    for (let i = 0; i < 20; i++) {
      const answer = await asker.request('service.add', String(i), { timeout: 3_000 });
      assert.equal(answer.string(), `${i}!`);
    }
    for (const each of [asker, service]) {
      const startedAt = performance.now();
      await assert.rejects(each.request('nobody.there', '', { timeout: 5_000 }), /no responders/);
      assert.ok(performance.now() - startedAt < 2_000);
    }
  });

  test('workers: echo: false keeps own messages back, wherever the others are', async () => {
    const [quiet, other] = [await client(1, { noEcho: true }), await client(2)];
    const [own, theirs] = [await collect(quiet, 'echo'), await collect(other, 'echo')];
    quiet.publish('echo', 'from quiet');
    await quiet.flush();
    other.publish('echo', 'from other');
    await other.flush();
    await own.count(1);
    await theirs.count(2);
    await quiet.flush();
    assert.deepEqual(own.texts, ['from other']);
    assert.deepEqual(theirs.texts, ['from quiet', 'from other']);
  });
});

describe('workers: start and settings', () => {
  test('workers: with one there is one process, as if the setting did not exist', async () => {
    const gateway = await startGatewayProcess({ settings: { upstream: { url: broker.url } } });
    assert.deepEqual(childrenOf(gateway.pid), []);
    const client = await connectRaw(gateway.host, gateway.port);
    assert.equal(client.info.client_id, 1);
    await client.close();
    assert.deepEqual(
      gateway.logLines().filter((line) => 'worker' in line),
      [],
    );
    assert.deepEqual(await gateway.stop(), { code: 0, signal: null });
  });

  test('workers: the PID file names the primary', async () => {
    const file = join(tmpdir(), `nmg-workers-${process.pid}.pid`);
    const settings = { workers: 2, upstream: { url: broker.url } };
    const gateway = await startGatewayProcess({ settings, args: ['-P', file] });
    assert.equal(readFileSync(file, 'utf8'), `${gateway.pid}\n`);
    await gateway.stop();
    assert.equal(existsSync(file), false);
  });

  test('workers: a wrong configuration is told once, by the primary, with exit code 78', async () => {
    const { file, remove } = await writeSettings({ workers: 2, upstream: { url: 'no url' } });
    const result = await runCommand(['serve', '-c', file]);
    await remove();
    assert.deepEqual([result.code, result.stdout], [78, '']);
    assert.equal(result.stderr.match(/upstream\.url/g)?.length, 1);
  });

  for (const host of ['127.0.0.1', 'localhost']) {
    test(`workers: a taken port on ${host} is told once, as by a single process, with exit code 69`, async () => {
      const upstream = { url: broker.url };
      const first = await startGatewayProcess({ settings: { upstream } });
      const outcomes = [];
      for (const workers of [1, 3]) {
        const listeners = [{ name: 'tcp', type: 'tcp', bind: `${host}:${first.port}` }];
        const { file, remove } = await writeSettings({ workers, upstream, listeners });
        const { code, stderr } = await runCommand(['serve', '-c', file]);
        await remove();
        outcomes.push({ code, stderr: stderr.replaceAll(file, 'FILE') });
      }
      await first.stop();
      assert.deepEqual(outcomes[1], outcomes[0]);
      assert.equal(outcomes[1]?.code, 69);
      assert.match(outcomes[1]?.stderr ?? '', /listeners\[0\]\.bind/);
    });
  }

  test('workers: in a process that is itself a worker of node:cluster, there can be only one', async () => {
    const { file, remove } = await writeSettings({ workers: 2, upstream: { url: broker.url } });
    const result = await runCommand(['serve', '-c', file], { env: { NODE_UNIQUE_ID: '1' } });
    await remove();
    assert.equal(result.code, 78);
    assert.match(result.stderr, /workers must be 1 in a process that is itself a worker of node:cluster/);
  });

  test('workers: their program does nothing when somebody starts it by hand', () => {
    const file = fileURLToPath(new URL('../../dist/worker.js', import.meta.url));
    const { status, stderr } = spawnSync(process.execPath, [file], { encoding: 'utf8', timeout: 10_000 });
    assert.deepEqual([status, /the setting "workers"/.test(stderr)], [2, true]);
  });

  test('workers: the embedded broker is one, in the primary', async () => {
    const port = await freePort();
    const upstream = { url: 'embedded:', embedded_bind: `127.0.0.1:${port}` };
    const gateway = await startGatewayProcess({ settings: { upstream }, args: ['--workers', '2'] });
    assert.equal(gateway.logLines('embedded_broker.started').length, 1);
    const sender = await natsOnWorker(gateway, 1);
    const receiver = await natsOnWorker(gateway, 2);
    const received = await collect(receiver, 'a.*');
    sender.publish('a.b', 'x');
    assert.equal((await received.next()).string(), 'x');
    // The primary knows who listens, the worker does not: it must not take that for nobody.
    receiver.subscribe('service', {
      callback: (_error: Error | null, message: Msg) => void message.respond('y'),
    });
    await receiver.flush();
    assert.equal((await sender.request('service', '', { timeout: 3_000 })).string(), 'y');
    assert.equal(gateway.logLines('cluster.embedded_broker').length, 1);
    await Promise.all([sender.close(), receiver.close()]);
    assert.deepEqual(await gateway.stop(), { code: 0, signal: null });
  });
});

test('workers: clients of the library may be many', async () => {
  const gateway = await startGatewayProcess({ settings: { workers: 3, upstream: { url: broker.url } } });
  const all = await Promise.all(Array.from({ length: 30 }, () => connectNats(gateway)));
  const received = await Promise.all(all.map((one) => collect(one, 'all')));
  all[0]?.publish('all', 'x');
  await Promise.all(received.map((one) => one.count(1)));
  await Promise.all(all.map((one) => one.close()));
  assert.deepEqual(await gateway.stop(), { code: 0, signal: null });
});
