/** What a gateway of several processes tells about itself, in the shape of one with a single process. */
import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { after, before, test } from 'node:test';
import { createCluster } from '../../src/cli/cluster.ts';
import type { ClusterGateway } from '../../src/cluster/primary.ts';
import { loadConfig } from '../../src/config/load.ts';
import { createGateway } from '../../src/gateway.ts';
import type { GatewayView } from '../../src/metrics/gateway-view.ts';
import { createLogOutput } from '../../src/util/logger.ts';
import { type Mosquitto, startMosquitto } from '../support/mosquitto.ts';
import { collect } from '../support/nats.ts';
import { waitFor } from '../support/wait-for.ts';
import { isRunning, natsOnWorker } from '../support/workers.ts';

let broker: Mosquitto;
let gateway: ClusterGateway;
let url: string;

function config(workers: number) {
  const flags = { workers, 'listeners[0].bind': '127.0.0.1:0', 'upstream.url': broker.url };
  return loadConfig({ env: {}, flags });
}

before(async () => {
  broker = await startMosquitto();
  const destination = new Writable({ write: (_chunk, _encoding, done) => done() });
  const output = await createLogOutput({ level: 'info', format: 'json', destination });
  gateway = createCluster(output)(config(2));
  await gateway.start();
  url = `nats://127.0.0.1:${gateway.addresses()[0]?.port}`;
});
after(async () => {
  try {
    await gateway.stop({ drain: false });
  } finally {
    await broker.stop();
  }
});

test('status: has each worker with its own clients and counters, and their sums', async () => {
  const clients = [
    await natsOnWorker({ url }, 1),
    await natsOnWorker({ url }, 2),
    await natsOnWorker({ url }, 2),
  ];
  const [sender, ...receivers] = clients;
  const received = await Promise.all(receivers.map((client) => collect(client, 'a')));
  for (let i = 0; i < 10; i++) sender?.publish('a', 'x');
  await sender?.flush();
  await Promise.all(received.map((each) => each.count(10)));
  const areThree = async () => (await gateway.overview()).connections === 3;
  await waitFor(areThree, 5_000, 'the clients of the wrong worker to be gone');

  const { workers, ...sums } = await gateway.overview();
  const [first, second] = workers;
  assert.ok(first !== undefined && second !== undefined && workers.length === 2);
  assert.deepEqual([first.worker, second.worker], [1, 2]);
  assert.deepEqual([first.connections, second.connections, sums.connections], [1, 2, 3]);
  assert.deepEqual([first.counters.clientMessagesIn, second.counters.clientMessagesIn], [10, 0]);
  assert.deepEqual([first.counters.clientMessagesOut, second.counters.clientMessagesOut], [0, 20]);
  assert.deepEqual([sums.counters.clientMessagesIn, sums.counters.clientMessagesOut], [10, 20]);
  assert.equal(sums.upstream.clients, 3);
  for (const { pid, isCurrent, uptimeMs, restarts } of workers) {
    assert.ok(pid !== null && isRunning(pid) && uptimeMs > 0);
    assert.deepEqual([isCurrent, restarts], [true, 0]);
  }
  await Promise.all(clients.map((client) => client.close()));
});

test('status: a stopped worker delays nobody for long, a replaced one goes on counting', async () => {
  const before = await waitFor(async () => {
    const overview = await gateway.overview();
    return overview.connections === 0 ? overview : null;
  });
  const pid = before.workers[0]?.pid ?? 0;
  process.kill(pid, 'SIGSTOP');
  const startMs = performance.now();
  const meanwhile = await gateway.overview();
  assert.ok(performance.now() - startMs < 2_000);
  assert.deepEqual(
    meanwhile.workers.map(({ isCurrent }) => isCurrent),
    [false, true],
  );
  assert.deepEqual(meanwhile.counters, before.counters);
  process.kill(pid, 'SIGKILL');
  await waitFor(async () => (await gateway.overview()).workers[0]?.restarts === 1, 5_000, 'the next worker');
  const later = await waitFor(async () => {
    const overview = await gateway.overview();
    return overview.workers.every(({ isCurrent }) => isCurrent) ? overview : null;
  }, 10_000);
  assert.equal(later.restarts, 1);
  assert.equal(later.counters.clientMessagesIn, before.counters.clientMessagesIn);
  assert.equal(later.counters.clientConnections, before.counters.clientConnections);
});

test('status: one process has the same shape', async () => {
  const single = createGateway(config(1));
  const views: GatewayView[] = [single, gateway];
  await single.start();
  const [one, many] = await Promise.all(views.map((view) => view.overview()));
  await single.stop();
  assert.deepEqual(Object.keys(one ?? {}).sort(), Object.keys(many ?? {}).sort());
  assert.deepEqual(Object.keys(one?.workers[0] ?? {}).sort(), Object.keys(many?.workers[0] ?? {}).sort());
  assert.deepEqual(Object.keys(one?.counters ?? {}).sort(), Object.keys(many?.counters ?? {}).sort());
});
