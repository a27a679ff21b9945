/** Generated text in README.md is the text that would be generated now. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { metricsReference } from '../../src/admin/metrics/reference.ts';
import { METRICS } from '../../src/admin/metrics/table.ts';
import { keysOf } from '../../src/config/key.ts';
import { configReference } from '../../src/config/reference.ts';
import { SCHEMA } from '../../src/config/schema.ts';
import { expectedSection, METRICS_PAGE, README, sectionOf } from '../support/write-docs.ts';

test('README: the table of settings equals the schema (npm run docs writes it)', () => {
  assert.equal(sectionOf(readFileSync(README, 'utf8')), expectedSection());
});

test('reference: has a row for every setting, also inside lists', () => {
  const reference = configReference();
  for (const [path, key] of keysOf(SCHEMA)) {
    assert.ok(reference.includes(`| \`${path}\` | `), path);
    for (const [inner] of key.items === undefined ? [] : keysOf(key.items)) {
      assert.ok(reference.includes(`| \`${path}[].${inner}\` | `), `${path}[].${inner}`);
    }
  }
});

test('reference: every row has four cells', () => {
  const rows = configReference()
    .split('\n')
    .filter((line) => line.startsWith('| `'));
  for (const row of rows) assert.equal(row.replaceAll('\\|', '').split('|').length, 6, row);
});

test('docs/metrics.md: says what the table of metrics says, and nothing else (npm run docs writes it)', () => {
  const page = readFileSync(METRICS_PAGE, 'utf8');
  assert.equal(page, metricsReference());
  const described = [...page.matchAll(/^\| `(natsmqtt_\w+)` \|/gm)].map(([, name]) => name);
  assert.deepEqual(
    described,
    METRICS.map(({ name }) => name),
  );
});
