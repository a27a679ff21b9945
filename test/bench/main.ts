/**
 * The benchmark: measures cells and prints what came out, with PASS or FAIL per target. `--help` says more.
 */

import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Cell } from './cell.ts';
import { CONNECTION_CELLS } from './cells/connections.ts';
import { LATENCY_CELLS } from './cells/latency.ts';
import { SUBSCRIPTION_CELLS } from './cells/subscriptions.ts';
import { THROUGHPUT_CELLS } from './cells/throughput.ts';
import { type BenchOptions, HELP, parseOptions } from './options.ts';
import { describeMachine } from './report/machine.ts';
import { topFunctions } from './report/profile.ts';
import { cellTable } from './report/table.ts';
import { judge, type Verdict } from './report/verdicts.ts';
import { type CellResult, runCell } from './run-cell.ts';
import { profileInto } from './systems/gateway.ts';

const CELLS: readonly Cell[] = [
  ...THROUGHPUT_CELLS,
  ...LATENCY_CELLS,
  ...CONNECTION_CELLS,
  ...SUBSCRIPTION_CELLS,
];

function print(...lines: string[]): void {
  process.stdout.write(`${lines.join('\n')}\n`);
}

/** @throws {Error} for a name that no cell has */
function chosenCells(options: BenchOptions): readonly Cell[] {
  const unknown = options.cells.find((name) => !CELLS.some((cell) => cell.name === name));
  if (unknown !== undefined) throw new Error(`no cell ${unknown}; --list names them`);
  return options.cells.length === 0 ? CELLS : CELLS.filter(({ name }) => options.cells.includes(name));
}

interface Judged {
  readonly result: CellResult;
  readonly verdicts: readonly Verdict[];
}

async function runAll(cells: readonly Cell[], options: BenchOptions): Promise<Judged[]> {
  const judged: Judged[] = [];
  for (const cell of cells) {
    const result = await runCell(cell, { ...options, only: options.variants, log: (line) => print(line) });
    const verdicts = judge(cell, result);
    print(...cellTable(cell, result, verdicts));
    judged.push({ result, verdicts });
  }
  return judged;
}

async function measure(options: BenchOptions): Promise<number> {
  const machine = describeMachine();
  print(JSON.stringify(machine));
  if (options.cpuProf !== null) profileInto(resolve(options.cpuProf));
  const judged = await runAll(chosenCells(options), options);
  if (options.json !== null) {
    const cells = judged.map(({ result, verdicts }) => ({ ...result, verdicts }));
    const { rounds, windowMs, warmUpMs } = options;
    writeFileSync(
      options.json,
      `${JSON.stringify({ machine, rounds, windowMs, warmUpMs, cells }, null, 2)}\n`,
    );
  }
  if (judged.some(({ result }) => result.failures.length > 0)) return 1;
  const isMissed = judged.some(({ verdicts }) => verdicts.some(({ isMissed }) => isMissed));
  return options.gate && isMissed ? 1 : 0;
}

async function run(): Promise<number> {
  const options = parseOptions(process.argv.slice(2));
  if (options === null) print(HELP);
  else if (options.list) print(...CELLS.map(({ name, title }) => `${name.padEnd(24)} ${title}`));
  else if (options.profile !== null) print(...topFunctions(options.profile));
  else return await measure(options);
  return 0;
}

process.exitCode = await run();
