/** Counters as plain data, and the one shape in which one process or many tell about themselves. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Counters, sumOf } from '../../../src/metrics/counters.ts';
import { overviewOf, type WorkerStatus } from '../../../src/metrics/gateway-view.ts';

test('counters: a snapshot is plain data and does not change afterwards', () => {
  const counters = new Counters();
  counters.ofListener('tcp').messagesIn = 3;
  counters.ofListener('ws').reject('acl');
  counters.countClosed('tcp', 'Kicked');
  counters.drop('offline', 2);
  counters.auth.denied = 4;
  counters.auth.of('http').timedOut = 5;
  const snapshot = counters.snapshot();
  counters.ofListener('tcp').messagesIn = 4;
  counters.drop('offline');
  assert.equal(snapshot.clientMessagesIn, 3);
  assert.deepEqual([snapshot.closed, snapshot.dropped], [{ Kicked: 1 }, { offline: 2 }]);
  const { auth } = snapshot;
  assert.ok(typeof auth === 'object');
  assert.deepEqual([auth.denied, auth['http.timedOut'], auth['http.accepted']], [4, 5, 0]);
  assert.deepEqual(JSON.parse(JSON.stringify(snapshot)), snapshot);
  assert.deepEqual(
    Object.keys(counters).filter((name) => snapshot[name] === undefined),
    [],
  );
});

test('counters: are added up by name and by reason, and left as they are', () => {
  const a = { in: 1, closed: { Kicked: 1, Idle: 2 }, onlyA: 5 };
  const b = { in: 2, closed: { Kicked: 10, Stale: 1 }, onlyB: { x: 1 } };
  const total = { in: 3, closed: { Kicked: 11, Idle: 2, Stale: 1 }, onlyA: 5, onlyB: { x: 1 } };
  assert.deepEqual(sumOf([a, b]), total);
  assert.deepEqual(sumOf([a, b]), total);
  assert.deepEqual(sumOf([]), {});
});

test('overview: sums over workers, which stay visible', () => {
  const worker = (number: number): WorkerStatus => ({
    worker: number,
    pid: 100 + number,
    uptimeMs: 5,
    restarts: number,
    isCurrent: true,
    connections: number,
    subscriptions: { plain: number, queue: 1 },
    upstream: { clients: number, sessions: 2 * number, filters: 3, unacknowledged: 0, waiting: 1 },
    pendingBytes: 10,
    process: {
      cpuSeconds: number,
      residentBytes: 100,
      heapUsedBytes: 50,
      eventLoop: { p50Ms: 1, p99Ms: 10 - number, maxMs: 10 * number },
    },
    counters: { clientMessagesIn: number },
  });
  const workers = [worker(1), worker(2)];
  assert.deepEqual(overviewOf(workers), {
    connections: 3,
    subscriptions: { plain: 3, queue: 2 },
    upstream: { clients: 3, sessions: 6, filters: 6, unacknowledged: 0, waiting: 2 },
    pendingBytes: 20,
    process: {
      cpuSeconds: 3,
      residentBytes: 200,
      heapUsedBytes: 100,
      eventLoop: { p50Ms: 1, p99Ms: 9, maxMs: 20 },
    },
    counters: { clientMessagesIn: 3 },
    restarts: 3,
    workers,
  });
});
