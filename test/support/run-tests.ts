/**
 * Runs the test suites named on the command line (all of them without a name), in the variant named by `--variant`.
 * Without one, suites of the whole gateway run in every variant of {@link VARIANTS}. node's own runner passes when it
 * finds no file, and when tests are skipped; this one does not. Knows nothing of what the tests do.
 */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join, relative, resolve as resolvePath, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { parseVariant } from './variants.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const SUITES = ['unit', 'property', 'browser', 'integration', 'fault'] as const;
/** Suites of the whole gateway, which run in every variant; see variants.ts. */
const VARIED_SUITES: readonly string[] = ['integration', 'fault'];
const VARIANTS = ['per_client', 'pooled', 'per_client,documented_api'] as const;
/** Folders whose tests meet no message path, or no mode: in those variants they run only when asked for by name. */
const PATH_INDEPENDENT = ['admin', 'auth', 'live', 'packaging'];
const MODE_INDEPENDENT = ['packaging'];
/**
 * Most tests wait for something: with one file per core the machine would idle half of the time. Those of faults hold
 * times and memory against limits, and get more of the machine.
 */
const FILES_AT_A_TIME = 4;
const FAULT_FILES_AT_A_TIME = 2;
const MINUTE_MS = 60_000;
const TOTAL_LIMIT_MS = 15 * MINUTE_MS;
/** Time for one file, and for each test in it. */
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

/**
 * @param variant folders named after a mode belong to variants of that mode only
 * @param isNamed it was asked for on the command line
 */
function testFiles(suite: string, variant: string, isNamed: boolean): string[] {
  const folder = join(ROOT, 'test', suite);
  if (!existsSync(folder)) return [];
  const { mode, fastPath } = parseVariant(variant);
  const elsewhere = [
    ...(fastPath === false ? PATH_INDEPENDENT : []),
    ...(mode === 'pooled' ? MODE_INDEPENDENT : []),
  ];
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.ts'))
    .filter((name) => !name.startsWith(`pooled${sep}`) || mode === 'pooled')
    .filter((name) => isNamed || !elsewhere.some((folder) => name.startsWith(folder + sep)))
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

function runnerArguments(
  suites: readonly string[],
  files: readonly string[],
  passedOn: readonly string[],
): string[] {
  const filesAtATime = suites.includes('fault') ? FAULT_FILES_AT_A_TIME : FILES_AT_A_TIME;
  return [
    '--import',
    'tsx',
    '--test',
    `--test-concurrency=${filesAtATime}`,
    `--test-timeout=${FILE_LIMIT_MS}`,
    '--test-reporter=spec',
    '--test-reporter-destination=stdout',
    ...passedOn,
    ...files.map((file) => relative(ROOT, file)),
  ];
}

/** Passes the runner's output on and keeps its end, where the summary stands. */
function run(args: readonly string[], variant: string): Promise<Run> {
  return new Promise((resolve) => {
    const env = { ...process.env, NMG_TEST_VARIANT: variant };
    const child = spawn(process.execPath, args, { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'inherit'] });
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

/** @returns whether all is well */
async function runSuites(
  suites: readonly string[],
  variant: string,
  options: { readonly passedOn: readonly string[]; readonly isNamed: boolean },
): Promise<boolean> {
  const startedAt = performance.now();
  const scope = `${suites.join(', ')}${variant === '' ? '' : ` (${variant})`}`;
  const files = suites.flatMap((suite) => testFiles(suite, variant, options.isNamed));
  if (files.length === 0) {
    console.error(`FAILED: no test files in ${scope}`);
    return false;
  }
  const finished = await run(runnerArguments(suites, files, options.passedOn), variant);
  const totals = readTotals(finished.tail);
  const problem = verdict(totals, finished);
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
  const summary = `${scope}: ${totals.pass} of ${totals.tests} tests passed in ${files.length} files, ${seconds} s`;
  console.log(problem === null ? `PASSED ${summary}` : `FAILED ${summary} (${problem})`);
  return problem === null;
}

/** What the command line asks for; options that are not ours go to node's runner. */
function readArguments(args: readonly string[]) {
  const names: string[] = [];
  const variants: string[] = [];
  const passedOn: string[] = [];
  for (const [i, argument] of args.entries()) {
    if (argument.startsWith('--variant=')) variants.push(argument.slice('--variant='.length));
    else if (args[i - 1] === '--variant') variants.push(argument);
    else if (argument.startsWith('-') && argument !== '--variant') passedOn.push(argument);
    else if (argument !== '--variant') names.push(argument);
  }
  const unknown = names.filter((name) => !(SUITES as readonly string[]).includes(name));
  if (unknown.length > 0)
    throw new Error(`unknown suite ${unknown.join(', ')}; there are ${SUITES.join(', ')}`);
  for (const variant of variants) parseVariant(variant);
  return { suites: names.length > 0 ? names : SUITES, variants, passedOn };
}

const { suites, variants, passedOn } = readArguments(process.argv.slice(2));
const invariable = suites.filter((suite) => !VARIED_SUITES.includes(suite));
const varied = suites.filter((suite) => VARIED_SUITES.includes(suite));
let isFine = true;
if (invariable.length > 0) isFine = await runSuites(invariable, '', { passedOn, isNamed: true });
if (varied.length > 0) {
  const isNamed = variants.length > 0;
  for (const variant of isNamed ? variants : VARIANTS) {
    for (const suite of varied) isFine = (await runSuites([suite], variant, { passedOn, isNamed })) && isFine;
  }
}
process.exitCode = isFine ? 0 : 1;
