/**
 * The built program as a child process, for what only a process of its own shows: signals, exit codes, memory,
 * start-up time.
 */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type GatewaySettings, type LogLine, parseLogLines, writeSettings } from './gateway.ts';
import { type Exit, ManagedProcess } from './processes.ts';
import { waitFor } from './wait-for.ts';

const PROGRAM = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const START_LIMIT_MS = 15_000;

/** Options of {@link startGatewayProcess}. */
export interface GatewayProcessOptions {
  /** Written to a configuration file and passed with `-c`. */
  readonly settings?: GatewaySettings;
  /** Further arguments. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Options of node itself, such as `--max-old-space-size=64`. */
  readonly nodeArgs?: readonly string[];
}

/** A gateway in a process of its own that listens. */
export interface GatewayProcess {
  readonly host: string;
  /** Port of the `tcp` or `tls` listener. */
  readonly port: number;
  readonly url: string;
  /** `ws://host:port`; empty without a `ws` listener. */
  readonly wsUrl: string;
  readonly pid: number;
  /** From the start of the process to the first listener's log line, in milliseconds. */
  readonly startUpMs: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly exit: Exit | null;
  logLines(event?: string): LogLine[];
  /** Resident memory in bytes, from the kernel. */
  residentBytes(): number;
  /** Sends a signal and returns at once. */
  signal(signal: NodeJS.Signals): void;
  /** Settles when the process has ended. */
  exited(): Promise<Exit>;
  /** SIGTERM, SIGKILL after 5 s. */
  stop(): Promise<Exit>;
}

/** What one run of the program left behind. */
export interface CommandResult {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

function builtProgram(): string {
  if (existsSync(PROGRAM)) return PROGRAM;
  throw new Error('dist/main.js is missing; run: npm run build');
}

/**
 * Runs a subcommand to its end.
 * @throws {Error} when it has not ended after `limitMs`
 */
export async function runCommand(
  args: readonly string[],
  options: { env?: Readonly<Record<string, string>>; cwd?: string; limitMs?: number } = {},
): Promise<CommandResult> {
  const run = new ManagedProcess({
    path: process.execPath,
    args: [builtProgram(), ...args],
    env: { PATH: process.env.PATH ?? '', ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  try {
    await waitFor(() => run.exit !== null, options.limitMs ?? START_LIMIT_MS, `the end of ${args.join(' ')}`);
  } finally {
    await run.end('SIGKILL');
  }
  const exit = await run.exited;
  return { ...exit, stdout: run.stdout, stderr: run.stderr };
}

/**
 * Starts the built program and waits until all its listeners are up.
 * @throws {Error} with its output when it ends first
 */
export async function startGatewayProcess(options: GatewayProcessOptions = {}): Promise<GatewayProcess> {
  const { file, remove } = await writeSettings(options.settings ?? {});
  const startedAtMs = Date.now();
  const run = new ManagedProcess({
    path: process.execPath,
    args: [...(options.nodeArgs ?? []), builtProgram(), 'serve', '-c', file, ...(options.args ?? [])],
    env: { PATH: process.env.PATH ?? '', ...options.env },
  });
  const logLines = (event?: string): LogLine[] =>
    parseLogLines(run.stdout).filter((line) => event === undefined || line.event === event);
  try {
    await run.untilOutput(/"event":"listener\.started"/, START_LIMIT_MS);
    // By the line's own time: when this process has come to read it says little.
    const startUpMs = Date.parse(String(logLines('listener.started')[0]?.time)) - startedAtMs;
    await waitFor(
      () => run.exit !== null || logLines('process.ready').length > 0,
      START_LIMIT_MS,
      'process.ready',
    );
    const port = portOf(logLines('listener.started'), 'tcp', 'tls');
    const wsPort = portOf(logLines('listener.started'), 'ws');
    return {
      host: '127.0.0.1',
      port,
      url: `nats://127.0.0.1:${port}`,
      wsUrl: wsPort === 0 ? '' : `ws://127.0.0.1:${wsPort}`,
      pid: run.pid,
      startUpMs,
      get stdout() {
        return run.stdout;
      },
      get stderr() {
        return run.stderr;
      },
      get exit() {
        return run.exit;
      },
      logLines,
      residentBytes: () => residentBytes(run.pid),
      signal: (signal) => run.signal(signal),
      exited: () => run.exited,
      stop: () => run.end(),
    };
  } catch (error) {
    await run.end('SIGKILL');
    throw error;
  } finally {
    await remove();
  }
}

function portOf(lines: LogLine[], ...types: string[]): number {
  const line = lines.find(({ type }) => types.includes(String(type)));
  return typeof line?.port === 'number' ? line.port : 0;
}

/** @returns resident set size of a process in bytes */
function residentBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024;
}
