/** The order of rounds, void rounds, and what becomes of figures; with variants that measure nothing. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type Cell,
  type Round,
  type Subject,
  type Target,
  Unavailable,
  type Variant,
} from '../../bench/cell.ts';
import { median, percentile } from '../../bench/measure/statistics.ts';
import { performanceText } from '../../bench/report/markdown.ts';
import { cellTable } from '../../bench/report/table.ts';
import { judge } from '../../bench/report/verdicts.ts';
import { type CellResult, runCell } from '../../bench/run-cell.ts';

/** Rounds in the order in which they were asked for. */
type Script = readonly (number | 'void' | Error)[];

class ScriptedSubject implements Subject {
  isStopped = false;
  readonly #name: string;
  readonly #script: Script;
  readonly #log: string[];
  #next = 0;

  constructor(name: string, script: Script, log: string[]) {
    this.#name = name;
    this.#script = script;
    this.#log = log;
  }

  async round(): Promise<Round> {
    this.#log.push(this.#name);
    const step = this.#script[this.#next++];
    if (step instanceof Error) throw step;
    const isVoid = typeof step !== 'number';
    return { figures: { us: isVoid ? -1 : step }, voidReason: isVoid ? 'too busy' : null };
  }

  async stop(): Promise<void> {
    this.isStopped = true;
  }
}

interface Bench {
  readonly cell: Cell;
  readonly log: string[];
  readonly subjects: ScriptedSubject[];
}

function bench(scripts: Readonly<Record<string, Script | Error>>, targets: readonly Target[] = []): Bench {
  const log: string[] = [];
  const subjects: ScriptedSubject[] = [];
  const variants = Object.entries(scripts).map(
    ([name, script]): Variant => ({
      name,
      open: async () => {
        if (script instanceof Error) throw script;
        const subject = new ScriptedSubject(name, script, log);
        subjects.push(subject);
        return subject;
      },
    }),
  );
  const columns = [{ figure: 'us', title: 'µs', digits: 2 }];
  return { cell: { name: 'cell', title: 'A cell', columns, variants, targets }, log, subjects };
}

function run({ cell }: Bench, rounds: number, only: readonly string[] = []): Promise<CellResult> {
  return runCell(cell, { rounds, only, warmUpMs: 1, windowMs: 1, log: () => {} });
}

const valuesOf = (result: CellResult, name: string): (number | null)[] | undefined =>
  result.variants.find((variant) => variant.name === name)?.rounds.map((figures) => figures?.us ?? null);

test('run cell: variants take turns, and each begins a round once', async () => {
  const scripted = bench({ a: [1, 2, 3], b: [4, 5, 6], c: [7, 8, 9] });
  const result = await run(scripted, 3);
  assert.deepEqual(scripted.log.join(''), 'abcbcacab');
  assert.deepEqual(valuesOf(result, 'b'), [4, 5, 6]);
  assert.ok(scripted.subjects.every(({ isStopped }) => isStopped));
});

test('run cell: repeats a void round, but not for ever', async () => {
  const result = await run(bench({ a: ['void', 1, 'void', 'void', 'void', 2] }), 3);
  assert.deepEqual(valuesOf(result, 'a'), [1, null, 2]);
  assert.equal(result.variants[0]?.voids.length, 4);
});

test('run cell: a broken sequence is a failure, and everything is stopped', async () => {
  const scripted = bench({ a: [1, 1], b: [1, new Error('sequence broken: message 7 again')] });
  const result = await run(scripted, 2);
  assert.deepEqual(result.failures, ['b: sequence broken: message 7 again']);
  assert.ok(scripted.subjects.every(({ isStopped }) => isStopped));
});

test('run cell: a variant that cannot run here is skipped, one that breaks is a failure', async () => {
  const skipped = await run(bench({ a: [1], b: new Unavailable('not installed') }), 1);
  assert.deepEqual([skipped.skipped, skipped.failures], [[{ name: 'b', reason: 'not installed' }], []]);
  const broken = bench({ a: [1], b: new Error('no port') });
  assert.deepEqual((await run(broken, 1)).failures, ['no port']);
  assert.ok(broken.subjects[0]?.isStopped);
});

test('run cell: only the variants that were asked for', async () => {
  const scripted = bench({ a: [1], b: [1] });
  await run(scripted, 1, ['b']);
  assert.deepEqual(scripted.log, ['b']);
});

const A: readonly number[] = [2, 4, 30];
const TARGETS: readonly (readonly [target: Target, value: number, outcome: string, isMissed: boolean])[] = [
  [{ figure: 'us', of: 'a', atMost: 4 }, 4, 'PASS', false],
  [{ figure: 'us', of: 'a', atMost: 3.9 }, 4, 'FAIL', true],
  [{ figure: 'us', of: 'a', atLeast: 4 }, 4, 'PASS', false],
  [{ figure: 'us', of: 'a', atLeast: 5 }, 4, 'FAIL', true],
  // Ratios 2/1, 4/4 and 30/20: the median of the ratios, not the ratio of the medians.
  [{ figure: 'us', of: 'a', comparedTo: 'b', atMost: 1.5 }, 1.5, 'PASS', false],
  [{ figure: 'us', of: 'a', comparedTo: 'b', atMost: 1, isStretch: true }, 1.5, 'short', false],
  [{ figure: 'us', of: 'a', comparedTo: 'gone', atMost: 1 }, Number.NaN, 'none', true],
  [{ figure: 'us', of: 'gone', atMost: 1, isStretch: true }, Number.NaN, 'none', false],
];
for (const [target, value, outcome, isMissed] of TARGETS) {
  test(`verdicts: ${JSON.stringify(target)} is ${outcome}`, async () => {
    const scripted = bench({ a: A, b: [1, 4, 20] }, [target]);
    const [verdict] = judge(scripted.cell, await run(scripted, 3));
    assert.deepEqual([verdict?.value, verdict?.outcome, verdict?.isMissed], [value, outcome, isMissed]);
  });
}

test('verdicts: a ratio leaves out rounds in which either variant is void', async () => {
  const target = { figure: 'us', of: 'a', comparedTo: 'b', atMost: 1 };
  const scripted = bench({ a: [1, 'void', 'void', 'void', 3], b: [2, 4, 6] }, [target]);
  const [verdict] = judge(scripted.cell, await run(scripted, 3));
  assert.deepEqual(verdict?.values, [0.5, 0.5]);
});

test('reports: every figure, target, omission and failure is there', async () => {
  const scripted = bench({ a: [1.25, new Error('boom')], b: new Unavailable('not here') }, [
    { figure: 'us', of: 'a', atMost: 1 },
  ]);
  const result = await run(scripted, 2);
  const verdicts = judge(scripted.cell, result);
  const machine = { date: '2026-01-02', node: 'v1', mqttJs: '2', natsJs: '3', gateway: '4', mosquitto: '5' };
  const place = { natsServer: '6', cores: 2, processor: 'p', memoryGiB: 8, kernel: 'k', loadAverage: 0.5 };
  const report = { machine: { ...machine, ...place }, rounds: 2, windowMs: 1, warmUpMs: 1 };
  const texts = [
    cellTable(scripted.cell, result, verdicts).join('\n'),
    performanceText({ ...report, cells: [{ ...result, verdicts }] }, [scripted.cell]),
  ];
  for (const text of texts) {
    for (const part of [/A cell/, /1\.25/, /a µs ≤ 1/, /fail/i, /b.*not here/, /a: boom/])
      assert.match(text, part);
  }
});

test('statistics: medians and percentiles', () => {
  assert.deepEqual([median([3, 1, 2]), median([4, 1, 2, 3]), median([])], [2, 2.5, Number.NaN]);
  const hundred = Array.from({ length: 100 }, (_, index) => index + 1);
  assert.deepEqual(
    [0, 0.5, 0.99, 1].map((share) => percentile(hundred, share)),
    [1, 51, 100, 100],
  );
});
