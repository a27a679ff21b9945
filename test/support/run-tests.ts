/**
 * Runs the test suites named on the command line (all of them without a name). node's own runner passes when it finds
 * no file, and when tests are skipped; this one does not. Knows nothing of what the tests do.
 */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join, relative, resolve as resolvePath } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const SUITES = ['unit', 'property', 'integration', 'fault'] as const;
const MINUTE_MS = 60_000;
const TOTAL_LIMIT_MS = 15 * MINUTE_MS;
/** One file, and each test in it. */
const FILE_LIMIT_MS = 5 * MINUTE_MS;
/** From SIGTERM to SIGKILL when the limit is reached. */
const GRACE_MS = 5_000;

/** Counts from the end of a TAP stream. */
interface Totals {
  readonly tests: number;
  readonly pass: number;
  readonly fail: number;
  readonly cancelled: number;
  readonly skipped: number;
  readonly todo: number;
}

function testFiles(suite: string): string[] {
  const folder = join(ROOT, 'test', suite);
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => join(folder, name))
    .sort();
}

function readTotals(summary: string): Totals {
  const count = (name: string): number =>
    Number(new RegExp(`^\\S+ ${name} (\\d+)$`, 'm').exec(summary)?.[1] ?? 0);
  return {
    tests: count('tests'),
    pass: count('pass'),
    fail: count('fail'),
    cancelled: count('cancelled'),
    skipped: count('skipped'),
    todo: count('todo'),
  };
}

/** What one run of node's runner came to. */
interface Run {
  readonly exitCode: number | null;
  /** Last part of the output. */
  readonly tail: string;
  readonly isLate: boolean;
  /** Files without a single test. */
  readonly emptyFiles: readonly string[];
}

/** @returns what is wrong with a run, or null */
function verdict(totals: Totals, { exitCode, isLate, emptyFiles }: Run): string | null {
  if (isLate) return `not finished after ${TOTAL_LIMIT_MS / MINUTE_MS} minutes`;
  if (emptyFiles.length > 0) return `no tests in ${emptyFiles.join(', ')}`;
  if (totals.tests === 0) return 'no tests were run';
  if (totals.fail + totals.cancelled > 0) return `${totals.fail} failed, ${totals.cancelled} cancelled`;
  if (totals.skipped + totals.todo > 0) return `${totals.skipped} skipped, ${totals.todo} todo: not allowed`;
  if (exitCode !== 0) return `the runner ended with ${exitCode}`;
  return null;
}

function runnerArguments(files: readonly string[], passedOn: readonly string[]): string[] {
  return [
    '--import',
    'tsx',
    '--test',
    '--test-concurrency=2',
    `--test-timeout=${FILE_LIMIT_MS}`,
    '--test-reporter=spec',
    '--test-reporter-destination=stdout',
    ...passedOn,
    ...files.map((file) => relative(ROOT, file)),
  ];
}

/** Passes the runner's output on and keeps its end, where the summary stands. */
function run(args: readonly string[]): Promise<Run> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] });
    let tail = '';
    let isLate = false;
    let line = '';
    const emptyFiles: string[] = [];
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      process.stdout.write(text);
      const plain = stripVTControlCharacters(text);
      tail = (tail + plain).slice(-1024 * 1024);
      const lines = (line + plain).split('\n');
      line = lines.pop() ?? '';
      // A file that ran no test is itself reported as one that has passed.
      for (const each of lines) {
        const file = /^✔ (\S+\.test\.ts) \(/.exec(each)?.[1];
        if (file !== undefined) emptyFiles.push(relative(ROOT, resolvePath(ROOT, file)));
      }
    });
    const limit = setTimeout(() => {
      isLate = true;
      child.kill('SIGTERM');
      setTimeout(() => child.kill('SIGKILL'), GRACE_MS).unref();
    }, TOTAL_LIMIT_MS);
    const passOn = (signal: NodeJS.Signals): boolean => child.kill(signal);
    process.on('SIGINT', passOn);
    process.on('SIGTERM', passOn);
    child.on('close', (exitCode) => {
      clearTimeout(limit);
      resolve({ exitCode, tail, isLate, emptyFiles });
    });
  });
}

const names = process.argv.slice(2).filter((argument) => !argument.startsWith('-'));
const passedOn = process.argv.slice(2).filter((argument) => argument.startsWith('-'));
const unknown = names.filter((name) => !(SUITES as readonly string[]).includes(name));
if (unknown.length > 0) {
  console.error(`unknown suite ${unknown.join(', ')}; there are ${SUITES.join(', ')}`);
  process.exit(2);
}
const suites = names.length > 0 ? names : SUITES;
const startedAt = performance.now();
const files = suites.flatMap(testFiles);
if (files.length === 0) {
  console.error(`FAILED: no test files in ${suites.join(', ')}`);
  process.exit(1);
}
const finished = await run(runnerArguments(files, passedOn));
const totals = readTotals(finished.tail);
const problem = verdict(totals, finished);
const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
const scope = `${suites.join(', ')}: ${totals.pass} of ${totals.tests} tests passed in ${files.length} files, ${seconds} s`;
console.log(problem === null ? `PASSED ${scope}` : `FAILED ${scope} (${problem})`);
process.exitCode = problem === null ? 0 : 1;
