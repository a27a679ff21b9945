/** Quantiles of the last minute, from a histogram that only grows. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PublishLatency } from '../../../src/admin/api/publish-latency.ts';
import { Histogram } from '../../../src/metrics/histogram.ts';

test('publish latency: what was measured within the window counts, and nothing before', () => {
  const histogram = new Histogram();
  const latency = new PublishLatency();
  const look = (nowMs: number) => latency.look(histogram.snapshot(), nowMs);
  assert.deepEqual(look(0), { publishP50: null, publishP99: null });
  for (let i = 0; i < 100; i++) histogram.observe(i < 90 ? 0.8 : 200);
  const { publishP50, publishP99 } = look(10_000);
  assert.ok(publishP50 !== null && publishP50 > 0.5 && publishP50 <= 1, String(publishP50));
  assert.ok(publishP99 !== null && publishP99 > 100 && publishP99 <= 250, String(publishP99));
  for (let i = 0; i < 100; i++) histogram.observe(3);
  const later = look(75_000);
  assert.ok(later.publishP99 !== null && later.publishP99 <= 5, String(later.publishP99));
  assert.deepEqual(look(140_000), { publishP50: null, publishP99: null });
});

test('publish latency: what is beyond the last bound is told as that bound', () => {
  const histogram = new Histogram();
  const latency = new PublishLatency();
  latency.look(histogram.snapshot(), 0);
  histogram.observe(60_000);
  assert.equal(latency.look(histogram.snapshot(), 5_000).publishP50, 10_000);
});
