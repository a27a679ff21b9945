/** How many changes of filters are under way, and who waits for whom. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FilterWindow } from '../../../src/upstream/filter-window.ts';
import { ScriptedWire } from './harness.ts';

const OPTIONS = { qos: 0, identifier: null, retainHandling: 2 } as const;

test('filter window: at most 256 changes are under way, and they keep their order', () => {
  const wire = new ScriptedWire();
  const window = new FilterWindow(wire);
  const done: string[] = [];
  for (let i = 0; i < 300; i++) window.subscribe(`s/${i}`, OPTIONS, () => done.push(`s/${i}`));
  window.unsubscribe('s/0', () => done.push('end'));
  assert.equal(wire.asked.length, 256);
  wire.answer();
  assert.deepEqual([wire.asked.length, done], [257, ['s/0']]);
  wire.answerAll();
  assert.deepEqual([wire.asked.length, done.length, done.at(-1)], [301, 301, 'end']);
});

test('filter window: what nobody waits for goes last, a few at a time', () => {
  const wire = new ScriptedWire();
  const window = new FilterWindow(wire);
  for (let i = 0; i < 300; i++) window.subscribe(`s/${i}`, OPTIONS, () => {});
  let needless = 0;
  for (let i = 0; i < 100; i++) {
    window.later(() => window.unsubscribe(`old/${i}`, () => {}));
    window.later(() => needless++);
  }
  const released = (): number => wire.asked.filter((text) => text.startsWith('unsub')).length;
  for (let i = 0; i < 44; i++) wire.answer();
  assert.deepEqual([wire.asked.length, released()], [300, 0]);
  while (released() === 0) wire.answer();
  assert.equal(wire.unanswered, 32);
  window.subscribe('urgent', OPTIONS, () => {});
  assert.equal(wire.asked.at(-1), 'sub urgent qos0 rh2 idnull', 'not behind the other 99');
  wire.answerAll();
  assert.deepEqual([released(), needless], [100, 100]);
});
