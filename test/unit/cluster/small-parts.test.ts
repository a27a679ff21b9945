/** The parts of the cluster that need neither processes nor sockets. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { deserialize, serialize } from 'node:v8';
import { ConnectionLedger } from '../../../src/cluster/connection-ledger.ts';
import {
  failedMessage,
  readPrimaryMessage,
  readWorkerMessage,
  type WorkerMessage,
} from '../../../src/cluster/messages.ts';
import { OutageBoard } from '../../../src/cluster/outage-board.ts';
import { RemoteAdmission } from '../../../src/cluster/remote-admission.ts';
import { RestartPolicy } from '../../../src/cluster/restart-policy.ts';
import { WholeLines } from '../../../src/cluster/whole-lines.ts';
import { partOf } from '../../../src/cluster/worker-config.ts';
import { WorkerFigures } from '../../../src/cluster/worker-figures.ts';
import { takeOver } from '../../../src/config/changes.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { GatewayError } from '../../../src/errors.ts';
import { IDLE_STATUS } from '../../../src/metrics/gateway-view.ts';
import { NO_USAGE } from '../../../src/metrics/upstream-usage.ts';
import { FakeClock } from '../../support/fake-clock.ts';

describe('connection ledger', () => {
  const ledger = (maxConnections: number, perListener: [string, number][] = []) =>
    new ConnectionLedger({ maxConnections, perListener: new Map(perListener) });

  test('ledger: counts the clients of all workers together', () => {
    const all = ledger(3);
    assert.deepEqual(
      [all.admit(1, 11, 'a'), all.admit(2, 21, 'a'), all.admit(1, 12, 'b')],
      [true, true, true],
    );
    assert.equal(all.admit(2, 22, 'b'), false);
    all.leave(1, 11);
    assert.equal(all.admit(2, 23, 'b'), true);
    assert.equal(all.size, 3);
  });

  test('ledger: the limit of a listener is for this listener only', () => {
    const all = ledger(10, [['a', 2]]);
    assert.deepEqual(
      [all.admit(1, 11, 'a'), all.admit(2, 21, 'a'), all.admit(1, 12, 'a')],
      [true, true, false],
    );
    assert.equal(all.admit(1, 13, 'b'), true);
    all.leave(2, 21);
    assert.equal(all.admit(1, 14, 'a'), true);
    assert.equal(all.admit(1, 15, 'a'), false);
  });

  test('ledger: whoever was not admitted, or has left already, changes nothing by leaving', () => {
    const all = ledger(1);
    all.admit(1, 11, 'a');
    assert.equal(all.admit(2, 21, 'a'), false);
    all.leave(2, 21);
    all.leave(2, 11);
    assert.equal(all.size, 1);
    all.leave(1, 11);
    all.leave(1, 11);
    assert.equal(all.size, 0);
  });

  test('ledger: a worker goes with all its clients, and its ids stay used', () => {
    const all = ledger(4, [['a', 4]]);
    for (const cid of [11, 12, 13]) all.admit(1, cid, 'a');
    all.admit(2, 21, 'a');
    assert.equal(all.admit(1, 14, 'a'), false);
    all.forget(1);
    all.forget(3);
    assert.deepEqual([all.size, all.lastCid(1), all.lastCid(2), all.lastCid(3)], [1, 14, 21, 0]);
    for (const cid of [15, 16, 17]) assert.equal(all.admit(1, cid, 'a'), true);
    assert.equal(all.admit(1, 18, 'a'), false);
  });
});

describe('messages between processes', () => {
  const config = loadConfig({ env: {}, flags: {} });
  const status = { ...IDLE_STATUS, connections: 1, counters: { a: 1, b: { c: 2 } } };
  const address = { name: 'tcp', type: 'tcp', host: '127.0.0.1', port: 1 };
  const fromPrimary = [
    { type: 'start', worker: 1, config, serverId: 'N', cidBase: 2 ** 32 },
    { type: 'decision', cid: 1, isAdmitted: false },
    { type: 'others', areAway: true },
    { type: 'answered' },
    { type: 'report' },
    { type: 'open-tap', id: 1, request: { durationMs: 1, maxPerSecond: 2, payloadBytes: 0 } },
    { type: 'close-tap', id: 1 },
    { type: 'ask-control', id: 1, question: { kind: 'kick', about: { cid: 7 } } },
    {
      type: 'ask-control',
      id: 1,
      question: { kind: 'clients', about: { offset: 0, limit: 9, sort: 'cid' } },
    },
    { type: 'ask-control', id: 1, question: { kind: 'listeners', about: null } },
    { type: 'reload', id: 1, config },
    { type: 'surplus', cids: [1] },
    { type: 'lameDuck' },
    { type: 'stop', isDrain: true },
  ];
  const fromWorker = [
    { type: 'loaded' },
    { type: 'ready', addresses: [address] },
    { type: 'failed', code: 'GW_LISTEN', message: 'm', context: { key: 'k' } },
    { type: 'ask', cid: 1, listener: 'tcp' },
    { type: 'left', cid: 1 },
    { type: 'away', areAway: false },
    { type: 'answered' },
    { type: 'reloaded', id: 1, isTaken: false, reason: 'r', addresses: [] },
    { type: 'retired' },
    { type: 'status', status },
    { type: 'tap', id: 1, message: { type: 'skipped', count: 3 } },
    { type: 'tap', id: 1, message: { type: 'event', event: { subject: 'a' } } },
    { type: 'control-answer', id: 1, kind: 'kick', isKnown: true, answer: 3 },
    { type: 'control-answer', id: 1, kind: 'clients', isKnown: true, answer: { total: 1, clients: [{}] } },
    { type: 'control-answer', id: 1, kind: 'listeners', isKnown: true, answer: [{ name: 'tcp' }] },
    { type: 'stopped', status },
  ];

  test('messages: come out of the channel as they went in', () => {
    const copy = (value: unknown): unknown => deserialize(serialize(value));
    for (const each of fromPrimary) assert.deepEqual(readPrimaryMessage(copy(each)), each);
    for (const each of fromWorker) assert.deepEqual(readWorkerMessage(copy(each)), each);
  });

  test('messages: without one of their fields, or with it wrong, they are refused', () => {
    for (const [read, all] of [
      [readPrimaryMessage, fromPrimary],
      [readWorkerMessage, fromWorker],
    ] as const) {
      for (const each of all) {
        for (const name of Object.keys(each)) {
          for (const wrong of [undefined, null, -1, {}.toString]) {
            assert.throws(
              () => read({ ...each, [name]: wrong }),
              { code: 'GW_INTERNAL' },
              `${each.type} ${name}`,
            );
          }
        }
      }
    }
  });

  test('messages: questions and answers must be those of their kind', () => {
    const questions = [
      { kind: 'clients', about: null },
      { kind: 'clients', about: { offset: -1, limit: 1 } },
      { kind: 'subscriptions', about: { offset: 0, limit: 0.5 } },
      { kind: 'kick', about: { cid: '7' } },
      { kind: 'kick', about: {} },
      { kind: 'listeners', about: {} },
      { kind: 'toString', about: null },
      { kind: 'stop', about: null },
    ];
    for (const question of questions) {
      const message = { type: 'ask-control', id: 1, question };
      assert.throws(() => readPrimaryMessage(message), { code: 'GW_INTERNAL' }, JSON.stringify(question));
    }
    const answers = [
      { kind: 'clients', isKnown: true, answer: { total: 1, subscriptions: [] } },
      { kind: 'clients', isKnown: true, answer: { total: 1, clients: [null] } },
      { kind: 'subscriptions', isKnown: true, answer: [] },
      { kind: 'kick', isKnown: true, answer: 1.5 },
      { kind: 'upstream', isKnown: true, answer: {} },
      { kind: 'readiness', isKnown: true, answer: { reasons: 'none' } },
      { kind: 'kick', isKnown: false, answer: 1 },
      { kind: 'stop', isKnown: true, answer: null },
    ];
    for (const answer of answers) {
      const message = { type: 'control-answer', id: 1, ...answer };
      assert.throws(() => readWorkerMessage(message), { code: 'GW_INTERNAL' }, JSON.stringify(answer));
    }
    const unknown = { type: 'control-answer', id: 1, kind: 'kick', isKnown: false, answer: null };
    assert.deepEqual(readWorkerMessage(unknown), unknown);
  });

  const NONSENSE = [
    null,
    undefined,
    1,
    'ready',
    [],
    {},
    { type: 'toString' },
    { type: 'nothing' },
    { type: 1 },
  ];
  for (const value of NONSENSE) {
    test(`messages: ${JSON.stringify(value)} is none, in either direction`, () => {
      assert.throws(() => readPrimaryMessage(value), { code: 'GW_INTERNAL' });
      assert.throws(() => readWorkerMessage(value), { code: 'GW_INTERNAL' });
    });
  }

  test('messages: a refusal does not quote what may be a secret', () => {
    const bad = { type: 'start', config: { password: 'hunter2' } };
    assert.throws(
      () => readPrimaryMessage(bad),
      (error) =>
        error instanceof GatewayError && !JSON.stringify([error.message, error.context]).includes('hunter'),
    );
  });

  test('messages: an error keeps its code and what is plain in its context', () => {
    const error = new GatewayError('GW_LISTEN', 'taken', {
      cause: new Error('x'),
      context: { code: 'EADDRINUSE', port: 5, nested: { a: 1 }, key: undefined },
    });
    assert.deepEqual(readWorkerMessage(failedMessage(error)), {
      type: 'failed',
      code: 'GW_LISTEN',
      message: 'taken',
      context: { code: 'EADDRINUSE', port: 5 },
    });
  });
});

describe('remote admission', () => {
  function desk() {
    const sent: WorkerMessage[] = [];
    const decided: [number, boolean][] = [];
    const admission = new RemoteAdmission((message) => sent.push(message));
    const ask = (cid: number) =>
      admission.ask({ cid, listener: 'tcp' }, (isAdmitted) => decided.push([cid, isAdmitted]));
    return { admission, sent, decided, ask };
  }

  test('admission: each question gets its own answer, once', () => {
    const { admission, sent, decided, ask } = desk();
    ask(1);
    ask(2);
    admission.onDecision(2, false);
    admission.onDecision(1, true);
    admission.onDecision(1, true);
    admission.onDecision(9, true);
    assert.deepEqual(decided, [
      [2, false],
      [1, true],
    ]);
    assert.deepEqual(
      sent.map((message) => message.type),
      ['ask', 'ask'],
    );
  });

  test('admission: who leaves before the answer takes the question back', () => {
    const { admission, sent, decided, ask } = desk();
    ask(1);
    admission.leave({ cid: 1, listener: 'tcp' });
    admission.onDecision(1, true);
    assert.deepEqual(decided, []);
    assert.deepEqual(sent, [
      { type: 'ask', cid: 1, listener: 'tcp' },
      { type: 'left', cid: 1 },
    ]);
  });

  test('admission: while the primary does not answer, a bounded number waits', async () => {
    const { sent, decided, ask } = desk();
    for (let cid = 1; cid <= 4097; cid++) ask(cid);
    assert.deepEqual([sent.length, decided], [4096, []]);
    await new Promise((done) => setImmediate(done));
    assert.deepEqual(decided, [[4097, false]]);
  });
});

describe('outage board', () => {
  function board(...ready: boolean[]) {
    const told: string[] = [];
    const readers = ready.map((isReady, index) => ({
      worker: index + 1,
      isReady,
      tell: ({ areAway }: { readonly areAway: boolean }) => {
        told.push(`${index + 1}: ${areAway ? 'others are away' : 'all are back'}`);
      },
    }));
    const outages = new OutageBoard();
    return {
      readers,
      outages,
      /** What was told since the last time. */
      tell: () => {
        outages.tell(readers);
        return told.splice(0);
      },
    };
  }

  test('board: tells each of the others only, and of changes only', () => {
    const { outages, tell } = board(true, true, true);
    assert.deepEqual(tell(), []);
    outages.set(1, true);
    assert.deepEqual(tell(), ['2: others are away', '3: others are away']);
    outages.set(2, true);
    outages.set(2, true);
    assert.deepEqual(tell(), ['1: others are away']);
    outages.set(1, false);
    assert.deepEqual(tell(), ['2: all are back']);
    outages.set(2, false);
    assert.deepEqual(tell(), ['1: all are back', '3: all are back']);
    assert.deepEqual(tell(), []);
  });

  test('board: a worker that is gone is not away, and the next one knows nothing', () => {
    const { outages, tell } = board(true, true);
    outages.set(1, true);
    outages.set(2, true);
    assert.deepEqual(tell(), ['1: others are away', '2: others are away']);
    outages.forget(2);
    assert.deepEqual(tell(), ['1: all are back', '2: others are away']);
  });

  test('board: who does not serve yet is told later', () => {
    const { outages, readers, tell } = board(true, false);
    outages.set(1, true);
    assert.deepEqual(tell(), []);
    readers[1] = { ...readers[1]!, isReady: true };
    assert.deepEqual(tell(), ['2: others are away']);
  });
});

describe('restart policy', () => {
  test('restarts: at once after a long life, later and later after short ones', () => {
    const policy = new RestartPolicy();
    const pauses = [60_000, 9_999, 0, 0, 0, 0, 0, 0, 10_000, 0].map((ms) => policy.onEnded(ms));
    assert.deepEqual(pauses, [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000, 100, 200]);
  });

  test('restarts: five failed starts in a row are enough, fewer are not', () => {
    const policy = new RestartPolicy();
    assert.deepEqual(
      [null, null, null, null, 5, null, null, null, null, null].map((ms) => policy.onEnded(ms)),
      [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000, 5_000, null],
    );
  });
});

describe('whole lines', () => {
  test('lines: come out whole, however they were cut', () => {
    const text = 'one\ntwo\n\nthree\n';
    for (let cut = 0; cut <= text.length; cut++) {
      const lines = new WholeLines();
      const parts = [lines.push(text.slice(0, cut)), lines.push(text.slice(cut))];
      assert.equal(parts.join(''), text);
      for (const part of parts) assert.match(part, /^$|\n$/);
      assert.equal(lines.end(), '');
    }
  });

  test('lines: the last one needs no end', () => {
    const lines = new WholeLines();
    assert.equal(lines.push('a\nb'), 'a\n');
    assert.equal(lines.end(), 'b\n');
    assert.equal(lines.end(), '');
  });

  test('lines: one that never ends is cut', () => {
    const lines = new WholeLines();
    const mebibyte = 'x'.repeat(1024 * 1024);
    assert.equal(lines.push(mebibyte), '');
    assert.equal(lines.push('y'), `${mebibyte}y\n`);
    assert.equal(lines.push('z\n'), 'z\n');
  });
});

describe('configuration of a worker', () => {
  const flags = { workers: 3, max_total_pending: 100 * 2 ** 20, 'upstream.url': 'mqtt://b' };
  const config = loadConfig({ env: {}, flags });
  const none = { ports: null, broker: null };

  test('part: sums are divided, counts are not', () => {
    const part = partOf(config, none);
    assert.equal(part.maxTotalPendingBytes, Math.floor((100 * 2 ** 20) / 3));
    assert.equal(part.maxTotalInputBytes, Math.floor(config.maxTotalInputBytes / 3));
    const { maxTotalPendingBytes, maxTotalInputBytes, http } = config;
    assert.deepEqual({ ...part, maxTotalPendingBytes, maxTotalInputBytes, http }, config);
  });

  test('part: passwords of administrators stay with the primary, which serves them', () => {
    const users = [{ name: 'ann', password: 'hunter2' }];
    const administered = loadConfig({ env: {}, flags: { ...flags, http: { bind: '0.0.0.0:1', users } } });
    const part = partOf(administered, none);
    assert.ok(!JSON.stringify(part).includes('hunter2'));
    assert.equal(part.http.address, null);
    // Nor does a reload stumble over what is not there.
    assert.deepEqual(takeOver(part, partOf(administered, none)).changed, []);
  });

  test('part: ports that are known replace "any"', () => {
    const ports = partOf(config, { ...none, ports: [5] }).listeners.map(({ port }) => port);
    assert.deepEqual(ports, [5]);
  });

  test('part: the embedded broker is one like any other', () => {
    const embedded = loadConfig({ env: {}, flags: { workers: 2 } });
    const { upstream, mapping } = partOf(embedded, {
      ...none,
      broker: { url: 'mqtt://x:1', maxLevels: 100 },
    });
    assert.deepEqual([upstream.url, upstream.isEmbedded, mapping.maxLevels], ['mqtt://x:1', false, 100]);
  });
});

describe('figures of a worker', () => {
  const status = (connections: number, count: number) => ({
    ...IDLE_STATUS,
    connections,
    upstream: { ...NO_USAGE, clients: 1 },
    pendingBytes: 1,
    counters: { in: count, closed: { Kicked: count } },
  });

  test('figures: counters go on when the process is replaced, the rest starts anew', () => {
    const figures = new WorkerFigures(new FakeClock());
    figures.update(status(5, 10));
    figures.update(status(6, 11));
    figures.retire();
    assert.deepEqual(figures.known, {
      ...IDLE_STATUS,
      counters: { in: 11, closed: { Kicked: 11 } },
    });
    figures.update(status(1, 2));
    assert.deepEqual(figures.known.counters, { in: 13, closed: { Kicked: 13 } });
    assert.equal(figures.known.connections, 1);
  });

  test('figures: a question is asked once, however many want to know, and answered for all', async () => {
    const clock = new FakeClock();
    const figures = new WorkerFigures(clock);
    let asked = 0;
    const ask = () => {
      asked += 1;
    };
    const answers = [figures.refresh(ask), figures.refresh(ask)];
    figures.update(status(1, 1));
    assert.deepEqual(await Promise.all(answers), [true, true]);
    assert.equal(asked, 1);
    const next = figures.refresh(ask);
    assert.equal(asked, 2);
    figures.retire();
    assert.equal(await next, false);
    assert.equal(clock.pendingTimers, 0);
  });

  test('figures: without an answer in time the last ones count', async () => {
    const clock = new FakeClock();
    const figures = new WorkerFigures(clock);
    figures.update(status(3, 1));
    const isAnswered = figures.refresh(() => {});
    clock.advance(1_000);
    assert.equal(await isAnswered, false);
    assert.equal(figures.known.connections, 3);
  });
});
