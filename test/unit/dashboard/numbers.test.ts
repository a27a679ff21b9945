/** Numbers of the dashboard, as operators read them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  formatAgo,
  formatBytes,
  formatCount,
  formatDuration,
  formatLatency,
  formatRate,
  plural,
  UNKNOWN,
} from '../../../src/dashboard/format/numbers.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const ROWS: readonly (readonly [name: string, shown: string, expected: string])[] = [
  ['a count', formatCount(12_345), '12,345'],
  ['a large count', formatCount(12_345_678), '12.3 M'],
  ['a very large count', formatCount(12_345_678_901), '12.3 G'],
  ['an unknown rate', formatRate(null), UNKNOWN],
  ['no rate', formatRate(0), '0'],
  ['a small rate', formatRate(0.52), '0.5'],
  ['a rate', formatRate(8386.7), '8,387'],
  ['no bytes', formatBytes(0), '0 B'],
  ['bytes', formatBytes(999), '999 B'],
  ['1 KB of 1,024 bytes', formatBytes(1024), '1 KB'],
  ['1 MB', formatBytes(1024 ** 2), '1 MB'],
  ['megabytes', formatBytes(145 * 1024 ** 2), '145 MB'],
  ['unknown bytes', formatBytes(null), UNKNOWN],
  ['no latency', formatLatency(0), '0 ms'],
  ['a tiny latency', formatLatency(0.042), '0.04 ms'],
  ['a latency', formatLatency(4.567), '4.57 ms'],
  ['a long latency', formatLatency(1234), '1.23 s'],
  ['seconds', formatDuration(12 * SECOND), '12 s'],
  ['minutes', formatDuration(4 * MINUTE + 10 * SECOND), '4 min 10 s'],
  ['a round number of minutes', formatDuration(4 * MINUTE), '4 min'],
  ['hours', formatDuration(3 * HOUR + 20 * MINUTE), '3 h 20 min'],
  ['days', formatDuration(12 * DAY + 4 * HOUR), '12 d 4 h'],
  ['a time that is over', formatDuration(-5), '0 s'],
  ['just now', formatAgo(1000, 1500), 'now'],
  ['seconds ago', formatAgo(0, 15 * SECOND), '15 s ago'],
  ['hours ago', formatAgo(0, 3 * HOUR), '3 h ago'],
  ['one', plural(1, 'client'), '1 client'],
  ['many', plural(2, 'client'), '2 clients'],
];
for (const [name, shown, expected] of ROWS) {
  test(`dashboard, numbers: shows ${name} as ${expected}`, () => assert.equal(shown, expected));
}
