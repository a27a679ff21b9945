/** Recovery and shared byte bound of all clients of one upstream. */
import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { ByteAccount } from '../../../src/upstream/byte-account.ts';
import { type PeersListener, Recovery, type RecoveryPeers } from '../../../src/upstream/recovery.ts';

/** A port that writes down what it is told. */
function portNamed(name: string, log: string[]) {
  return {
    hurry: (spreadMs: number) => {
      log.push(`${name} hurries within ${spreadMs}`);
    },
    resume: () => {
      log.push(`${name} resumes`);
    },
  };
}

test('recovery: nobody resumes before all are back', () => {
  const log: string[] = [];
  const recovery = new Recovery();
  const [a, b, c] = ['a', 'b', 'c'].map((name) => portNamed(name, log)) as [never, never, never];
  for (const port of [a, b, c]) recovery.lost(port);
  recovery.restored(b);
  recovery.restored(a);
  assert.deepEqual(log, []);
  recovery.restored(c);
  assert.deepEqual(log, ['b resumes', 'a resumes', 'c resumes']);
});

test('recovery: one who was away alone resumes at once', () => {
  const log: string[] = [];
  const recovery = new Recovery();
  const a = portNamed('a', log);
  recovery.lost(a);
  recovery.restored(a);
  assert.deepEqual(log, ['a resumes']);
});

test('recovery: one who leaves for good is not waited for', () => {
  const log: string[] = [];
  const recovery = new Recovery();
  const [a, b] = [portNamed('a', log), portNamed('b', log)];
  recovery.lost(a);
  recovery.lost(b);
  recovery.restored(a);
  recovery.forget(b);
  assert.deepEqual(log, ['a resumes']);
});

test('recovery: one who is lost again while waiting does not resume with the others', () => {
  const log: string[] = [];
  const recovery = new Recovery();
  const [a, b] = [portNamed('a', log), portNamed('b', log)];
  recovery.lost(a);
  recovery.lost(b);
  recovery.restored(a);
  recovery.lost(a);
  recovery.restored(b);
  assert.deepEqual(log, []);
  recovery.restored(a);
  assert.deepEqual(log.sort(), ['a resumes', 'b resumes']);
});

test('recovery: the first answer hurries all who are away, spread by their number', () => {
  const log: string[] = [];
  const recovery = new Recovery();
  recovery.lost(portNamed('a', log));
  recovery.answered();
  assert.deepEqual(log, ['a hurries within 250']);
  log.length = 0;
  for (let i = 0; i < 999; i++) recovery.lost(portNamed('x', log));
  recovery.answered();
  assert.equal(log[0], 'a hurries within 500');
});

test('recovery: patience has an end', () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  try {
    const log: string[] = [];
    const recovery = new Recovery();
    const [a, b] = [portNamed('a', log), portNamed('b', log)];
    recovery.lost(a);
    recovery.lost(b);
    recovery.restored(a);
    mock.timers.tick(4_999);
    assert.deepEqual(log, []);
    mock.timers.tick(1);
    assert.deepEqual(log, ['a resumes']);
    recovery.restored(b);
    assert.deepEqual(log, ['a resumes', 'b resumes']);
  } finally {
    mock.timers.reset();
  }
});

/** Other processes, as the test wants them. */
class Peers implements RecoveryPeers {
  readonly told: string[] = [];
  listener: PeersListener | null = null;

  announce(areAway: boolean): void {
    this.told.push(areAway ? 'away' : 'back');
  }

  answered(): void {
    this.told.push('answered');
  }

  listen(listener: PeersListener): void {
    this.listener = listener;
  }
}

test('recovery: other processes are told of changes, and of the first answer of each outage', () => {
  const peers = new Peers();
  const recovery = new Recovery(peers);
  const [a, b] = [portNamed('a', []), portNamed('b', [])];
  for (let outage = 0; outage < 2; outage++) {
    recovery.lost(a);
    recovery.lost(b);
    recovery.lost(a);
    recovery.answered();
    recovery.answered();
    recovery.restored(a);
    recovery.forget(b);
  }
  assert.deepEqual(peers.told, ['away', 'answered', 'back', 'away', 'answered', 'back']);
});

test('recovery: nobody resumes before the clients of other processes are back', () => {
  const log: string[] = [];
  const peers = new Peers();
  const recovery = new Recovery(peers);
  const a = portNamed('a', log);
  recovery.lost(a);
  peers.listener?.onOthers(true);
  recovery.restored(a);
  assert.deepEqual(log, []);
  peers.listener?.onOthers(false);
  assert.deepEqual(log, ['a resumes']);
});

test('recovery: that the others are back does not help who is away, but hurries them', () => {
  const log: string[] = [];
  const peers = new Peers();
  const recovery = new Recovery(peers);
  const [a, b] = [portNamed('a', log), portNamed('b', log)];
  recovery.lost(a);
  recovery.lost(b);
  peers.listener?.onOthers(true);
  peers.listener?.onAnswered();
  assert.deepEqual(log, ['a hurries within 250', 'b hurries within 250']);
  assert.deepEqual(peers.told, ['away'], 'what came from others is not sent back');
  recovery.restored(a);
  peers.listener?.onOthers(false);
  assert.equal(log.length, 2);
  recovery.restored(b);
  assert.deepEqual(log.slice(2), ['a resumes', 'b resumes']);
});

test('recovery: patience with other processes has an end, too', () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  try {
    const log: string[] = [];
    const peers = new Peers();
    const recovery = new Recovery(peers);
    const a = portNamed('a', log);
    peers.listener?.onOthers(true);
    recovery.lost(a);
    recovery.restored(a);
    mock.timers.tick(4_999);
    assert.deepEqual(log, []);
    mock.timers.tick(1);
    assert.deepEqual(log, ['a resumes']);
  } finally {
    mock.timers.reset();
  }
});

test('byte account: whoever waits is called once there is room, and only once', () => {
  const account = new ByteAccount(100);
  let calls = 0;
  const callback = () => {
    calls++;
  };
  account.add(99);
  assert.equal(account.isFull, false);
  account.add(1);
  assert.equal(account.isFull, true);
  account.wait(callback);
  account.wait(callback);
  account.remove(0);
  assert.equal(calls, 0);
  account.remove(1);
  assert.equal(calls, 1);
  account.remove(50);
  assert.equal(calls, 1);
  account.wait(callback);
  account.forget(callback);
  account.remove(10);
  assert.equal(calls, 1);
  assert.equal(account.total, 39);
});
