/** When a client was last active, found out from counters. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Activity } from '../../../src/session/activity.ts';

test('activity: is the time of the chunk that something came in, whenever one looks', () => {
  const activity = new Activity();
  assert.equal(activity.lastMs(0), 0);
  activity.onInput(0, 1_000);
  assert.equal(activity.lastMs(3), 1_000, 'three messages were in it');
  activity.onInput(3, 2_000);
  assert.equal(activity.lastMs(3), 1_000, 'a PONG is no activity');
  activity.onInput(3, 3_000);
  activity.onInput(4, 4_000);
  assert.equal(activity.lastMs(4), 3_000);
});

test('activity: is the time of the flush that a message went out with', () => {
  const activity = new Activity();
  activity.onOutput(0);
  assert.equal(activity.lastMs(0), 0, 'a PING is no activity');
  const beforeMs = Date.now();
  activity.onOutput(1);
  assert.ok(activity.lastMs(0) >= beforeMs);
});

test('activity: where nobody counts, all that passes is activity', () => {
  const activity = new Activity();
  activity.onInput(Number.NaN, 1_000);
  assert.equal(activity.lastMs(Number.NaN), 1_000);
  activity.onInput(Number.NaN, 2_000);
  assert.equal(activity.lastMs(Number.NaN), 2_000);
  activity.onOutput(Number.NaN);
  assert.ok(activity.lastMs(Number.NaN) > 2_000);
});
