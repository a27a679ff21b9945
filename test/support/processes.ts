/**
 * Child processes of the tests: started, watched, stopped, and never left behind. Knows nothing of the programs.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants, existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { waitFor } from './wait-for.ts';

const LOG_LIMIT = 256 * 1024;
const STOP_LIMIT_MS = 5_000;
/** From the end of a process to the end of its output. */
const OUTPUT_LIMIT_MS = 500;

/** A program that tests start, and the Debian package it comes from. */
export interface Program {
  readonly name: string;
  readonly aptPackage: string;
  /** Looked in before PATH. */
  readonly folder?: string;
}

/** Programs that the tests need besides Node.js. */
export const PROGRAMS = {
  mosquitto: { name: 'mosquitto', aptPackage: 'mosquitto' },
  mosquittoPasswd: { name: 'mosquitto_passwd', aptPackage: 'mosquitto' },
  mosquittoPub: { name: 'mosquitto_pub', aptPackage: 'mosquitto-clients' },
  natsServer: { name: 'nats-server', aptPackage: 'nats-server' },
  // The one in PATH is Debian's wrapper for its own service: it changes to another user and another folder.
  rabbitmq: { name: 'rabbitmq-server', aptPackage: 'rabbitmq-server', folder: '/usr/lib/rabbitmq/bin' },
  epmd: { name: 'epmd', aptPackage: 'rabbitmq-server' },
  mariadb: { name: 'mariadbd', aptPackage: 'mariadb-server-core' },
  initdb: { name: 'initdb', aptPackage: 'postgresql' },
  postgres: { name: 'postgres', aptPackage: 'postgresql' },
  redis: { name: 'redis-server', aptPackage: 'redis-server' },
  chromium: { name: 'chromium', aptPackage: 'chromium' },
  openssl: { name: 'openssl', aptPackage: 'openssl' },
  haproxy: { name: 'haproxy', aptPackage: 'haproxy' },
  promtool: { name: 'promtool', aptPackage: 'prometheus' },
} as const satisfies Record<string, Program>;

const DAEMON_FOLDERS = ['/usr/local/sbin', '/usr/sbin', '/usr/local/bin'];
const POSTGRESQL_FOLDER = '/usr/lib/postgresql';

/** Debian keeps each version of PostgreSQL in a folder that is in nobody's PATH; the newest comes first. */
function postgresqlFolders(): string[] {
  if (!existsSync(POSTGRESQL_FOLDER)) return [];
  const versions = readdirSync(POSTGRESQL_FOLDER).sort((a, b) => Number(b) - Number(a));
  return versions.map((version) => join(POSTGRESQL_FOLDER, version, 'bin'));
}

/**
 * Where a program is. Daemons live in sbin on Debian, which an ordinary user does not have in PATH.
 * @returns null when it is not installed
 */
function findProgram(name: string, ownFolder = ''): string | null {
  const listed = (process.env.PATH ?? '').split(':');
  const folders = [ownFolder, ...listed, ...DAEMON_FOLDERS, ...postgresqlFolders()];
  for (const folder of folders) {
    if (folder === '') continue;
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // not here: look in the next folder
    }
  }
  return null;
}

/**
 * @returns the path of an installed program
 * @throws {Error} one line that names the command which installs it
 */
export function requireProgram(program: Program): string {
  const path = findProgram(program.name, program.folder);
  if (path !== null) return path;
  throw new Error(`${program.name} is not installed; run: sudo apt-get install -y ${program.aptPackage}`);
}

/** Exit of a child process, as node reports it. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** Whom a program runs as. Only root can choose somebody else. */
export interface ProcessUser {
  readonly uid: number;
  readonly gid: number;
}

/** How a program is started. */
export interface ProcessOptions {
  readonly path: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Whoever runs the tests when left out. */
  readonly user?: ProcessUser | undefined;
}

const running = new Set<ChildProcess>();

function killAll(): void {
  for (const child of running) child.kill('SIGKILL');
}

let areHooksInstalled = false;

function installExitHooks(): void {
  if (areHooksInstalled) return;
  areHooksInstalled = true;
  process.on('exit', killAll);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      killAll();
      process.kill(process.pid, signal);
    });
  }
}

/**
 * Lets the kernel end the child when this process dies in a way that runs no hook (SIGKILL, abort).
 * `setpriv` replaces itself with the program, so the process id is the program's.
 */
function withDeathSignal(options: ProcessOptions): [path: string, args: string[]] {
  const setpriv = findProgram('setpriv');
  if (setpriv === null) return [options.path, [...options.args]];
  return [setpriv, ['--pdeathsig', 'KILL', '--', options.path, ...options.args]];
}

/** One run of a child process with its output (the last 256 KiB of it). */
export class ManagedProcess {
  readonly #child: ChildProcess;
  readonly #exited: Promise<Exit>;
  #exit: Exit | null = null;
  #stdout = '';
  #stderr = '';

  constructor(options: ProcessOptions) {
    installExitHooks();
    const [path, args] = withDeathSignal(options);
    const child = spawn(path, args, {
      cwd: options.cwd,
      env: options.env ?? process.env,
      ...options.user,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    running.add(child);
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout = (this.#stdout + text).slice(-LOG_LIMIT);
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-LOG_LIMIT);
    });
    this.#exited = new Promise((resolve) => {
      // `close` comes after the last output, so that a reader of the log sees all of it.
      child.once('close', (code, signal) => this.#onExit({ code, signal }, resolve));
      // A grandchild may hold the pipes open for as long as it likes.
      child.once('exit', (code, signal) => {
        setTimeout(() => this.#onExit({ code, signal }, resolve), OUTPUT_LIMIT_MS);
      });
      child.once('error', (error) => {
        this.#stderr += `${error.message}\n`;
        if (child.pid === undefined) this.#onExit({ code: 127, signal: null }, resolve);
      });
    });
  }

  #onExit(exit: Exit, resolve: (exit: Exit) => void): void {
    if (this.#exit !== null) return;
    running.delete(this.#child);
    this.#child.stdout?.destroy();
    this.#child.stderr?.destroy();
    this.#exit = exit;
    resolve(exit);
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  /** Null while the process runs. */
  get exit(): Exit | null {
    return this.#exit;
  }

  get stdout(): string {
    return this.#stdout;
  }

  get stderr(): string {
    return this.#stderr;
  }

  /** Settles when the process has ended and all its output is in. */
  get exited(): Promise<Exit> {
    return this.#exited;
  }

  /** Sends a signal and returns at once. */
  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Ends the process with this signal; SIGKILL follows when it takes longer than 5 s. */
  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<Exit> {
    if (this.#exit !== null) return this.#exit;
    this.#child.kill(signal);
    this.#child.kill('SIGCONT'); // a stopped process would take nothing but SIGKILL
    const killTimer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_LIMIT_MS);
    const exit = await this.#exited;
    clearTimeout(killTimer);
    return exit;
  }

  /**
   * Waits for a line of output.
   * @throws {Error} with the output, when the process ends first or the limit is reached
   */
  async untilOutput(pattern: RegExp, limitMs = 10_000): Promise<void> {
    const output = (): string => this.#stdout + this.#stderr;
    try {
      await waitFor(() => this.#exit !== null || pattern.test(output()), limitMs, String(pattern));
    } catch (error) {
      throw new Error(`process ${this.pid} did not say ${pattern}:\n${output()}`, { cause: error });
    }
    if (!pattern.test(output())) {
      throw new Error(`process ended (${JSON.stringify(this.#exit)}) before ${pattern}:\n${output()}`);
    }
  }
}
