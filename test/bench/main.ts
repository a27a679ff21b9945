/**
 * The benchmark: measures cells and prints what came out, with PASS or FAIL per target. `--help` says more.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Cell } from './cell.ts';
import { CONNECTION_CELLS } from './cells/connections.ts';
import { LATENCY_CELLS } from './cells/latency.ts';
import { SUBSCRIPTION_CELLS } from './cells/subscriptions.ts';
import { THROUGHPUT_CELLS } from './cells/throughput.ts';
import { type BenchOptions, HELP, parseOptions } from './options.ts';
import { describeMachine } from './report/machine.ts';
import { performanceText } from './report/markdown.ts';
import { topFunctions } from './report/profile.ts';
import { type JudgedCell, readReport, writeReport } from './report/report.ts';
import { cellTable } from './report/table.ts';
import { judge } from './report/verdicts.ts';
import { runCell } from './run-cell.ts';
import { profileInto } from './systems/gateway.ts';

const DOCUMENT = fileURLToPath(new URL('../../docs/performance.md', import.meta.url));

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

async function measure(options: BenchOptions): Promise<number> {
  const machine = describeMachine();
  print(JSON.stringify(machine));
  if (options.cpuProf !== null) profileInto(resolve(options.cpuProf));
  const cells: JudgedCell[] = [];
  for (const cell of chosenCells(options)) {
    const result = await runCell(cell, { ...options, only: options.variants, log: (line) => print(line) });
    const verdicts = judge(cell, result);
    print(...cellTable(cell, result, verdicts));
    cells.push({ ...result, verdicts });
    // After each cell: a long run that is cut short leaves what it has.
    const { rounds, windowMs, warmUpMs } = options;
    if (options.json !== null) writeReport(options.json, { machine, rounds, windowMs, warmUpMs, cells });
  }
  if (cells.some(({ failures }) => failures.length > 0)) return 1;
  const isMissed = cells.some(({ verdicts }) => verdicts.some((verdict) => verdict.isMissed));
  return options.gate && isMissed ? 1 : 0;
}

function writeDocument(reportFile: string): void {
  mkdirSync(dirname(DOCUMENT), { recursive: true });
  writeFileSync(DOCUMENT, performanceText(readReport(reportFile), CELLS));
}

/** Ends the process with a hint when the command line cannot be understood. */
function readOptions(): BenchOptions | null {
  try {
    const options = parseOptions(process.argv.slice(2));
    if (options !== null) chosenCells(options);
    return options;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : error}\nTry: npm run bench -- --help\n`);
    process.exit(2);
  }
}

async function run(): Promise<number> {
  const options = readOptions();
  if (options === null) print(HELP);
  else if (options.list) print(...CELLS.map(({ name, title }) => `${name.padEnd(24)} ${title}`));
  else if (options.profile !== null) print(...topFunctions(options.profile));
  else if (options.docs !== null) writeDocument(options.docs);
  else return await measure(options);
  return 0;
}

process.exitCode = await run();
