/** How many may connect at a time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConnectGate } from '../../../src/upstream/connect-gate.ts';

test('connect gate: no more than the limit are inside, and places go to who waits longest', () => {
  const gate = new ConnectGate(2);
  const order: string[] = [];
  const visitors = ['a', 'b', 'c', 'd', 'e'].map((name) => () => {
    order.push(name);
  });
  const [a, , c, d] = visitors as [() => void, () => void, () => void, () => void];
  for (const visitor of visitors) gate.enter(visitor);
  assert.deepEqual(order, ['a', 'b']);
  gate.leave(c);
  gate.leave(a);
  gate.leave(a);
  assert.deepEqual(order, ['a', 'b', 'd'], 'c has given up, and a place is given back once');
  gate.leave(d);
  assert.deepEqual(order, ['a', 'b', 'd', 'e']);
});

test('connect gate: who leaves at once makes room for the next', () => {
  const gate = new ConnectGate(1);
  let passed = 0;
  for (let i = 0; i < 1000; i++) {
    const go = (): void => {
      passed++;
      gate.leave(go);
    };
    gate.enter(go);
  }
  assert.equal(passed, 1000);
});
