/** From two answers of /status to rates. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StatusBody } from '../../../src/admin/api-types.ts';
import { counter, countsByReason, sampleOf } from '../../../src/dashboard/state/rates.ts';
import { NO_FIGURES } from '../../../src/metrics/process-figures.ts';

function statusAt(nowMs: number, counters: StatusBody['overview']['counters'], startMs = 1): StatusBody {
  const usage = { clients: 0, sessions: 0, filters: 0, unacknowledged: 0, waiting: 0 };
  return {
    identity: { serverId: 'N', serverName: 'n', version: '1', natsVersion: '2', startMs },
    readiness: { isReady: true, reasons: [], isLameDuck: false },
    nowMs,
    overview: {
      connections: 3,
      subscriptions: { plain: 0, queue: 0 },
      upstream: usage,
      pendingBytes: 0,
      process: NO_FIGURES,
      counters,
      restarts: 0,
      workers: [],
    },
    memoryBytes: 1,
    cpuPercent: 2,
    latency: { eventLoopP50: null, eventLoopP99: null, publishP50: 0.5, publishP99: null },
    warnings: [],
  };
}

test('dashboard, rates: are the difference of two answers, per second', () => {
  const before = statusAt(1000, { clientMessagesIn: 100, clientBytesOut: 5000 });
  const sample = sampleOf(before, statusAt(3000, { clientMessagesIn: 300, clientBytesOut: 5000 }));
  assert.equal(sample.messagesIn, 100);
  assert.equal(sample.bytesOut, 0);
  assert.equal(sample.connections, 3);
  assert.equal(sample.publishP50, 0.5);
});

test('dashboard, rates: are unknown at first, and when the gateway has been started anew', () => {
  const now = statusAt(3000, { clientMessagesIn: 300 });
  assert.equal(sampleOf(null, now).messagesIn, null);
  assert.equal(sampleOf(statusAt(1000, { clientMessagesIn: 100 }, 0), now).messagesIn, null);
  assert.equal(sampleOf(statusAt(1000, { clientMessagesIn: 301 }), now).messagesIn, null);
  assert.equal(sampleOf(now, now).messagesIn, null);
});

test('dashboard, rates: counts by reason come largest first, without zeros', () => {
  const status = statusAt(1, { closed: { Kicked: 1, 'Client Closed': 7, 'Read Error': 0 }, noResponders: 4 });
  assert.deepEqual(countsByReason(status, 'closed'), [
    ['Client Closed', 7],
    ['Kicked', 1],
  ]);
  assert.deepEqual(countsByReason(status, 'noResponders'), []);
  assert.equal(counter(status, 'noResponders'), 4);
  assert.equal(counter(status, 'closed'), 0);
});
