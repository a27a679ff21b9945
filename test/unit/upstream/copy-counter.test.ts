import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CopyCounter } from '../../../src/upstream/copy-counter.ts';
import { inbound } from './harness.ts';

/** Of these copies, those that pass. */
function passed(copies: readonly string[], filters: number): string[] {
  const counter = new CopyCounter();
  return copies.filter((payload) => !counter.isFurtherCopy('t', inbound('t', payload), filters));
}

for (const [what, copies, filters, expected] of [
  ['a single filter has no further copies', ['a', 'a', 'a'], 1, ['a', 'a', 'a']],
  ['copies in a row', ['a', 'a', 'b', 'b', 'b', 'b'], 2, ['a', 'b', 'b']],
  ['copies of several messages mixed', ['a', 'b', 'a', 'c', 'b', 'c'], 2, ['a', 'b', 'c']],
  ['equal messages mixed with others', ['a', 'b', 'a', 'a', 'b', 'a'], 2, ['a', 'b', 'a']],
  ['three filters', ['a', 'b', 'a', 'b', 'a', 'b', 'a'], 3, ['a', 'b', 'a']],
] as const) {
  test(`copy counter: ${what}`, () => assert.deepEqual(passed(copies, filters), expected));
}

test('copy counter: whatever the order between filters, each message passes once', () => {
  const messages = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 20 });
  const turns = fc.array(fc.nat({ max: 2 }), { minLength: 80, maxLength: 80 });
  fc.assert(
    fc.property(messages, fc.integer({ min: 1, max: 3 }), turns, (sent, filters, choice) => {
      const queues = Array.from({ length: filters }, () => [...sent]);
      const copies: string[] = [];
      for (const turn of choice) {
        const queue = queues[turn % filters];
        const next = queue?.shift();
        if (next !== undefined) copies.push(next);
      }
      copies.push(...queues.flat());
      assert.deepEqual(passed(copies, filters).sort(), [...sent].sort());
    }),
    { numRuns: 2_000 },
  );
});

test('copy counter: topic, payload and retain flag make a message; QoS does not', () => {
  const counter = new CopyCounter();
  const isFurther = (topic: string, payload: string, options = {}): boolean =>
    counter.isFurtherCopy(topic, inbound(topic, payload, options), 2);
  assert.equal(isFurther('t', 'x', { qos: 0 }), false);
  assert.equal(isFurther('u', 'x'), false);
  assert.equal(isFurther('t', 'y'), false);
  assert.equal(isFurther('t', 'x', { retain: true }), false);
  assert.equal(isFurther('t', 'x', { qos: 1 }), true);
});

test('copy counter: long payloads are told apart, too', () => {
  const counter = new CopyCounter();
  const long = 'x'.repeat(100_000);
  const isFurther = (payload: string): boolean => counter.isFurtherCopy('t', inbound('t', payload), 2);
  assert.deepEqual([isFurther(long), isFurther(`${long}y`), isFurther(long)], [false, false, true]);
});

test('copy counter: forgets with its session, and the oldest of very many', () => {
  const counter = new CopyCounter();
  const isFurther = (payload: string): boolean => counter.isFurtherCopy('t', inbound('t', payload), 2);
  isFurther('first');
  for (let index = 0; index < 10_000; index++) isFurther(String(index));
  assert.equal(isFurther('first'), false);
  assert.equal(isFurther('9999'), true);
  counter.clear();
  assert.equal(isFurther('9998'), false);
});
