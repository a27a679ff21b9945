import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isTimeZone, parseTimeOfDay, remainingMs } from '../../../src/auth/time-ranges.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const at = (text: string): number => Date.parse(text);

const CASES: [
  name: string,
  start: string,
  end: string,
  zone: string,
  now: string,
  expected: number | null,
][] = [
  ['inside', '08:00:00', '16:00:00', 'UTC', '2026-06-01T12:00:00Z', 4 * HOUR],
  ['at the start', '08:00:00', '16:00:00', 'UTC', '2026-06-01T08:00:00Z', 8 * HOUR],
  ['a second before the start', '08:00:00', '16:00:00', 'UTC', '2026-06-01T07:59:59Z', null],
  ['a second before the end', '08:00:00', '16:00:00', 'UTC', '2026-06-01T15:59:59Z', 1000],
  ['half a second before the end', '08:00:00', '16:00:00', 'UTC', '2026-06-01T15:59:59.5Z', 500],
  ['at the end', '08:00:00', '16:00:00', 'UTC', '2026-06-01T16:00:00Z', null],
  ['over midnight, before it', '22:00:00', '06:00:00', 'UTC', '2026-06-01T23:00:00Z', 7 * HOUR],
  ['over midnight, after it', '22:00:00', '06:00:00', 'UTC', '2026-06-01T05:00:00Z', HOUR],
  ['over midnight, outside', '22:00:00', '06:00:00', 'UTC', '2026-06-01T12:00:00Z', null],
  ['an empty range', '12:00:00', '12:00:00', 'UTC', '2026-06-01T12:00:00Z', null],
  ['in the zone of the range', '08:00:00', '16:00:00', 'Asia/Tokyo', '2026-06-01T00:00:00Z', 7 * HOUR],
  ['outside in the zone of the range', '08:00:00', '16:00:00', 'Asia/Tokyo', '2026-06-01T12:00:00Z', null],
  ['half hours of a zone', '08:00:00', '16:00:00', 'Asia/Kolkata', '2026-06-01T02:30:00Z', 8 * HOUR],
  // On 29 March 2026 the clock in Berlin goes from 2 to 3, on 25 October from 3 back to 2.
  [
    'a night that is an hour short',
    '22:00:00',
    '06:00:00',
    'Europe/Berlin',
    '2026-03-28T22:00:00Z',
    6 * HOUR,
  ],
  ['a night that is an hour long', '22:00:00', '06:00:00', 'Europe/Berlin', '2026-10-24T21:00:00Z', 8 * HOUR],
];
for (const [name, start, end, zone, now, expected] of CASES) {
  test(`time ranges: ${name}`, () => {
    assert.equal(remainingMs([{ start, end }], zone, at(now)), expected);
  });
}

test('time ranges: no ranges never end', () => {
  assert.equal(remainingMs([], '', 0), Number.POSITIVE_INFINITY);
});

test('time ranges: of several the one that ends last counts', () => {
  const ranges = [
    { start: '08:00:00', end: '16:00:00' },
    { start: '10:00:00', end: '18:00:00' },
    { start: '20:00:00', end: '21:00:00' },
  ];
  assert.equal(remainingMs(ranges, 'UTC', at('2026-06-01T12:00:00Z')), 6 * HOUR);
});

const TIMES: [text: string, expected: number | null][] = [
  ['00:00:00', 0],
  ['23:59:59', 86_399],
  ['8:00:00', 28_800],
  ['24:00:00', null],
  ['12:60:00', null],
  ['12:00:60', null],
  ['12:00', null],
  [' 12:00:00', null],
  ['', null],
];
for (const [text, expected] of TIMES) {
  test(`time ranges: "${text}" is ${expected === null ? 'no time of day' : `second ${expected}`}`, () => {
    assert.equal(parseTimeOfDay(text), expected);
  });
}

test('time ranges: knows time zones', () => {
  assert.deepEqual(['', 'UTC', 'Europe/Berlin', 'Mars/Olympus'].map(isTimeZone), [true, true, true, false]);
});
