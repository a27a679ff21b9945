/** The metrics keep to the conventions of Prometheus. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { METRICS } from '../../../src/admin/metrics/table.ts';

/** One per client, user, name or address would be as many series as there are of those. */
const UNBOUNDED = /^(?:cid|client|client_id|user|subject|topic|address|ip|name|queue)$/;
/** Prometheus gives these a meaning of its own. */
const RESERVED = new Set(['le', 'quantile', 'job', 'instance']);

for (const { name, type, help, labels } of METRICS) {
  test(`metrics: ${name} keeps to the conventions`, () => {
    assert.match(name, /^natsmqtt_[a-z][a-z0-9_]*$/);
    assert.equal(name.endsWith('_total'), type === 'counter');
    assert.doesNotMatch(name, /_(?:milliseconds|ms|kb|mb|count|bucket|sum)(?:_|$)/, 'base units only');
    assert.match(help, /^[A-Z].{10,}\.$/, 'one sentence that ends in a full stop');
    assert.doesNotMatch(help, /\n|\|/);
    for (const label of labels) {
      assert.match(label, /^[a-z][a-z_]*$/);
      assert.ok(!RESERVED.has(label), label);
      assert.doesNotMatch(label, UNBOUNDED);
    }
  });
}

test('metrics: no name is given twice', () => {
  const names = METRICS.map(({ name }) => name);
  assert.equal(new Set(names).size, names.length);
});
