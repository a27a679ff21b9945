/** Every row of the conformance checklist is a test or waits for a later version, and the lists say nothing untrue. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { INTENDED_DIFFERENCES, LATER_ROWS } from './intended-differences.ts';

const LAST_ROW = 116;
const FOLDER = new URL('.', import.meta.url);

/** Rows by the names of the tests in this folder. */
function testedRows(): Set<number> {
  const rows = new Set<number>();
  const files = readdirSync(FOLDER).filter(
    (name) => name.endsWith('.test.ts') && name !== 'coverage.test.ts',
  );
  for (const file of files) {
    const text = readFileSync(new URL(file, FOLDER), 'utf8');
    for (const [, row] of text.matchAll(/['"`]checklist (\d+): /g)) rows.add(Number(row));
  }
  return rows;
}

const sorted = (rows: Iterable<number>): number[] => [...rows].toSorted((a, b) => a - b);

test('checklist: every row is a test or is listed as later, never both', () => {
  const tested = testedRows();
  const later = LATER_ROWS.map((entry) => entry.row);
  assert.equal(new Set(later).size, later.length, 'a row is listed twice');
  assert.deepEqual(
    later.filter((row) => tested.has(row)),
    [],
    'tested rows are still listed as later',
  );
  assert.deepEqual(
    sorted([...tested, ...later]),
    Array.from({ length: LAST_ROW }, (_, index) => index + 1),
  );
});

test('checklist: every intended difference has a reason, and a test of its row', () => {
  const tested = testedRows();
  const rows = INTENDED_DIFFERENCES.flatMap(({ row }) => (row === null ? [] : [row]));
  assert.equal(new Set(rows).size, rows.length, 'a row is listed twice');
  assert.deepEqual(
    rows.filter((row) => !tested.has(row)),
    [],
    'differences without a test',
  );
  for (const { natsServer, gateway, reason } of INTENDED_DIFFERENCES) {
    for (const text of [natsServer, gateway, reason]) assert.ok(text.length > 10, text);
  }
});
