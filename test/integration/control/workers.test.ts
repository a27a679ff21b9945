/** What operators see of a gateway of several processes and tell it to do: the same as with one. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ClientQuery } from '../../../src/control/client-view.ts';
import { connectRaw } from '../../support/raw-client.ts';
import { waitFor } from '../../support/wait-for.ts';
import { testControl } from './contract.ts';
import { type RunningCluster, startCluster } from './start-cluster.ts';

const OPEN: ClientQuery = { state: 'open', sort: 'cid', offset: 0, limit: 100, withDetails: false };

let cluster: RunningCluster;

testControl({
  workers: 2,
  start: async (settings) => {
    cluster = await startCluster(settings);
    return cluster;
  },
});

test('control: a worker that hangs is left out after a while, and the log says so', async () => {
  const { control, port } = cluster;
  const clients = [await connectRaw('127.0.0.1', port), await connectRaw('127.0.0.1', port)];
  await waitFor(async () => (await control.clients(OPEN)).total === 2);
  const { workers } = await control.overview();
  const pid = workers[0]?.pid ?? 0;
  process.kill(pid, 'SIGSTOP');
  try {
    const startMs = performance.now();
    const { total, clients: shown } = await control.clients(OPEN);
    assert.ok(performance.now() - startMs < 4_000);
    assert.deepEqual([total, shown[0]?.worker], [1, 2]);
    const [line] = cluster.logLines('cluster.worker_unanswered');
    assert.deepEqual([line?.worker, line?.question], [1, 'clients']);
    assert.equal((await control.readiness()).isReady, true, 'the other one serves');
  } finally {
    process.kill(pid, 'SIGCONT');
  }
  await waitFor(async () => (await control.clients(OPEN)).total === 2, 5_000, 'it answers again');
  await Promise.all(clients.map((client) => client.close()));
  await waitFor(async () => (await control.clients(OPEN)).total === 0);
});
