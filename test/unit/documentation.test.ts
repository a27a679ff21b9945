/** Generated text in README.md is the text that would be generated now. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { metricsReference } from '../../src/admin/metrics/reference.ts';
import { METRICS } from '../../src/admin/metrics/table.ts';
import { keysOf } from '../../src/config/key.ts';
import { loadConfig } from '../../src/config/load.ts';
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

test('docs/http.md: names every setting of the HTTP server that says who may do what', () => {
  const page = readFileSync(new URL('../../docs/http.md', import.meta.url), 'utf8');
  for (const name of [
    'users',
    'tokens',
    'open',
    'allowed_hosts',
    'session_idle_timeout',
    'session_timeout',
    'ready_without_broker',
  ])
    assert.match(page, new RegExp(`http\\.${name}\\b`), name);
  const example = /```json\n([\s\S]*?)```/.exec(page)?.[1] ?? '';
  const { http } = loadConfig({
    env: {},
    flags: withoutFiles(JSON.parse(example) as Record<string, unknown>),
  });
  assert.deepEqual([http.users.length, http.tokens.length, http.open], [1, 1, ['probes']]);
});

/** The files of an example are on nobody's disk. */
function withoutFiles(example: Record<string, unknown>): Record<string, unknown> {
  const text = JSON.stringify(example).replace(/"token_file":"[^"]*"/, '"token":"x"');
  return JSON.parse(text) as Record<string, unknown>;
}
