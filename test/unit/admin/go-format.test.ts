/** Values as Go programs write and read them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { durationText, goJson, Parameters, uptimeText } from '../../../src/admin/monitoring/go-format.ts';

const DURATIONS: [ms: number, text: string][] = [
  [0, '0s'],
  [0.0005, '500ns'],
  [0.444, '444µs'],
  [0.0015, '1.5µs'],
  [3.837911, '3.837911ms'],
  [301.263, '301.263ms'],
  [1_000, '1s'],
  [2_500, '2.5s'],
];
for (const [ms, text] of DURATIONS) {
  test(`go: a duration of ${ms} ms is ${text}`, () => assert.equal(durationText(ms), text));
}

const UPTIMES: [seconds: number, text: string][] = [
  [0, '0s'],
  [59, '59s'],
  [60, '1m0s'],
  [3_661, '1h1m1s'],
  [86_400, '1d0h0m0s'],
  [31_536_000 + 2 * 86_400 + 3, '1y2d0h0m3s'],
  [-5, '0s'],
];
for (const [seconds, text] of UPTIMES) {
  test(`go: an uptime of ${seconds} s is ${text}`, () => assert.equal(uptimeText(seconds * 1000 + 1), text));
}

test('go: JSON is indented by two blanks, and holds nothing that HTML could take for markup', () => {
  assert.equal(
    goJson({ a: 'x.>', b: [], c: '<&' }),
    '{\n  "a": "x.\\u003e",\n  "b": [],\n  "c": "\\u003c\\u0026"\n}',
  );
});

const WRONG: [read: (parameters: Parameters) => unknown, value: string, message: string][] = [
  [(p) => p.integer('n'), 'a', `Error decoding int for 'n': strconv.Atoi: parsing "a": invalid syntax`],
  [(p) => p.integer('n'), '1.5', `Error decoding int for 'n': strconv.Atoi: parsing "1.5": invalid syntax`],
  [
    (p) => p.integer('n'),
    '9999999999999999999',
    `Error decoding int for 'n': strconv.Atoi: parsing "9999999999999999999": value out of range`,
  ],
  [
    (p) => p.unsigned('n'),
    '-1',
    `Error decoding uint64 for 'n': strconv.ParseUint: parsing "-1": invalid syntax`,
  ],
  [
    (p) => p.boolean('n'),
    'yes',
    `Error decoding boolean for 'n': strconv.ParseBool: parsing "yes": invalid syntax`,
  ],
];
for (const [read, value, message] of WRONG) {
  test(`go: refuses the parameter ${value} (${message})`, () => {
    assert.throws(() => read(new Parameters({ n: value })), { message, status: 400 });
  });
}

test('go: parameters that are left out or empty have their defaults', () => {
  const parameters = new Parameters({ n: '', limit: '-3', offset: '-1', twice: ['1', '2'] });
  assert.deepEqual(
    [parameters.integer('n'), parameters.boolean('n'), parameters.unsigned('x')],
    [0, false, 0],
  );
  assert.deepEqual(parameters.page(), { offset: 0, limit: 1024 });
  assert.deepEqual([parameters.integer('twice'), new Parameters({ n: '+5' }).integer('n')], [1, 5]);
});
