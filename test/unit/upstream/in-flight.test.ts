import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { PendingAck } from '../../../src/upstream/ack-timer.ts';
import { InFlight } from '../../../src/upstream/in-flight.ts';

const ack = (): PendingAck => ({ done: () => {} });

test('in flight: numbers are unique while in use, however acknowledgements come', () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.nat(200), { nil: null }), { maxLength: 400 }), (steps) => {
      const inFlight = new InFlight(1_000);
      const model = new Map<number, PendingAck>();
      for (const step of steps) {
        if (step === null || model.size === 0) {
          const one = ack();
          const place = inFlight.add(one);
          assert.ok(!model.has(place) && place >= 0);
          model.set(place, one);
        } else {
          const [place, one] = [...model][step % model.size] ?? [0, null];
          assert.equal(inFlight.take(place), one);
          assert.equal(inFlight.take(place), undefined);
          model.delete(place);
        }
        assert.equal(inFlight.oldest === null, model.size === 0);
      }
    }),
  );
});

test('in flight: the ring is no larger than what was under way at once', () => {
  const inFlight = new InFlight(1_000);
  let highest = 0;
  for (let i = 0; i < 10_000; i++) {
    const places = [0, 1, 2, 3].map(() => inFlight.add(ack()));
    highest = Math.max(highest, ...places);
    for (const place of places) inFlight.take(place);
  }
  assert.ok(highest < 16, String(highest));
});

test('in flight: the oldest is the oldest, also when the ring has gone round', () => {
  const inFlight = new InFlight(1_000);
  const open: [place: number, ack: PendingAck][] = [];
  for (let i = 0; i < 1_000; i++) {
    while (open.length < 10) {
      const one = ack();
      open.push([inFlight.add(one), one]);
    }
    assert.equal(inFlight.oldest, open[0]?.[1]);
    // The second one first, every third time.
    const [taken] = open.splice(i % 3 === 0 ? 1 : 0, 1);
    inFlight.take(taken?.[0] ?? -1);
  }
});

test('in flight: one that is never acknowledged becomes the oldest', () => {
  const inFlight = new InFlight(1_000);
  for (let i = 0; i < 5; i++) inFlight.take(inFlight.add(ack()));
  const forgotten = ack();
  inFlight.add(forgotten);
  for (let i = 0; i < 300; i++) {
    const places = Array.from({ length: 20 }, () => inFlight.add(ack()));
    for (const place of places) inFlight.take(place);
  }
  assert.equal(inFlight.oldest, forgotten);
});

test('in flight: numbers stay below the limit, down to the last one', () => {
  const inFlight = new InFlight(100);
  const places = Array.from({ length: 100 }, () => inFlight.add(ack()));
  assert.deepEqual(
    [...places].sort((a, b) => a - b),
    Array.from({ length: 100 }, (_, i) => i),
  );
  inFlight.take(57);
  assert.equal(inFlight.add(ack()), 57);
});
