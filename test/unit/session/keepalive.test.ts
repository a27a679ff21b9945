import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Keepalive } from '../../../src/session/keepalive.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const INTERVAL_MS = 60_000;
const TIMEOUT_MS = 5_000;

function setUp() {
  const clock = new FakeClock();
  const state = { pings: 0, stale: 0, isPaused: false, isWritable: true };
  let onWritten: () => void = () => {};
  const keepalive = new Keepalive(
    { intervalMs: INTERVAL_MS, timeoutMs: TIMEOUT_MS },
    {
      sendPing: (written) => {
        state.pings++;
        onWritten = written;
        if (state.isWritable) written();
      },
      onStale: () => {
        state.stale++;
      },
      isReadingPaused: () => state.isPaused,
    },
    clock,
  );
  keepalive.start();
  return { clock, state, keepalive, written: () => onWritten() };
}

test('keepalive: the first PING comes 2.0 to 2.4 s after the first PONG, active or not', () => {
  for (let run = 0; run < 50; run++) {
    const { clock, state, keepalive } = setUp();
    keepalive.onFirstPong();
    clock.advance(1_999);
    keepalive.onActivity();
    assert.equal(state.pings, 0);
    clock.advance(401);
    assert.equal(state.pings, 1);
  }
});

test('keepalive: a client that never asked for a PONG gets its first PING after the interval', () => {
  const { clock, state } = setUp();
  clock.advance(INTERVAL_MS - 1);
  assert.equal(state.pings, 0);
  clock.advance(1);
  assert.equal(state.pings, 1);
});

test('keepalive: an active client is left alone', () => {
  const { clock, state, keepalive } = setUp();
  for (let minute = 0; minute < 10; minute++) {
    clock.advance(INTERVAL_MS / 2);
    keepalive.onActivity();
    clock.advance(INTERVAL_MS / 2);
  }
  assert.deepEqual([state.pings, state.stale], [0, 0]);
});

test('keepalive: one PING without an answer is stale, any byte is an answer', () => {
  const { clock, state, keepalive } = setUp();
  clock.advance(INTERVAL_MS + TIMEOUT_MS - 1);
  keepalive.onActivity();
  clock.advance(1_000);
  assert.equal(state.stale, 0);
  clock.advance(2 * INTERVAL_MS);
  assert.equal(state.stale, 1);
});

test('keepalive: the time-out runs from when the PING’s bytes were written', () => {
  const { clock, state, written } = setUp();
  state.isWritable = false;
  clock.advance(INTERVAL_MS + 2 * TIMEOUT_MS);
  assert.deepEqual([state.pings, state.stale], [1, 0]);
  written();
  clock.advance(TIMEOUT_MS - 1);
  assert.equal(state.stale, 0);
  clock.advance(1);
  assert.equal(state.stale, 1);
});

test('keepalive: stands still while we do not read from the client', () => {
  const { clock, state } = setUp();
  clock.advance(INTERVAL_MS);
  state.isPaused = true;
  clock.advance(10 * TIMEOUT_MS);
  assert.equal(state.stale, 0);
  state.isPaused = false;
  clock.advance(TIMEOUT_MS);
  assert.equal(state.stale, 1);
});

test('keepalive: no PING while we do not read', () => {
  const { clock, state } = setUp();
  state.isPaused = true;
  clock.advance(5 * INTERVAL_MS);
  assert.equal(state.pings, 0);
});

test('keepalive: stopped, it leaves no timer, also when a PING is written later', () => {
  const { clock, state, keepalive, written } = setUp();
  state.isWritable = false;
  clock.advance(INTERVAL_MS);
  keepalive.stop();
  written();
  assert.equal(clock.pendingTimers, 0);
});

test('keepalive: the round trip is from the PING that has left to its PONG, and to no other', () => {
  const { clock, state, keepalive, written } = setUp();
  keepalive.onPong();
  assert.equal(keepalive.rttMs, null, 'nobody has asked for it');
  state.isWritable = false;
  clock.advance(INTERVAL_MS);
  clock.advance(40);
  written();
  clock.advance(7);
  keepalive.onPong();
  assert.equal(keepalive.rttMs, 7, 'waiting for the socket is no part of it');
  clock.advance(5);
  keepalive.onPong();
  assert.equal(keepalive.rttMs, 7);
});
