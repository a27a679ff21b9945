/**
 * The flag `--signal`, as nats-server has it: sends a signal to a gateway that runs. Looks for it in the process table
 * when it is not told which one.
 */
import { readdirSync, readFileSync, readlinkSync, realpathSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Invocation } from './arguments.ts';
import { CommandFailure } from './command-failure.ts';
import { COMMANDS, UsageError } from './flags.ts';

const SIGNALS: Readonly<Record<string, NodeJS.Signals>> = {
  ldm: 'SIGUSR2',
  reload: 'SIGHUP',
  term: 'SIGTERM',
  quit: 'SIGINT',
  stop: 'SIGKILL',
};

/**
 * Sends the signal.
 * @returns what to say about it
 * @throws {UsageError} when there is no such signal, {@link CommandFailure} when it cannot be sent
 */
export function signalText({ signal = '', pidFile }: Pick<Invocation, 'signal' | 'pidFile'>): string {
  const [, word = '', target] = /^([^=]*)(?:=(.*))?$/s.exec(signal) ?? [];
  const name = Object.hasOwn(SIGNALS, word) ? SIGNALS[word] : undefined;
  if (name === undefined) throw new UsageError(unknownSignal(word));
  const pid = pidOf(target === undefined || target === '' ? pidFile : target);
  try {
    process.kill(pid, name);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ESRCH') throw new CommandFailure(`there is no process ${pid}`);
    if (code === 'EPERM') throw new CommandFailure(`process ${pid} belongs to another user`);
    throw error;
  }
  return `${word}: sent ${name} to process ${pid}\n`;
}

function unknownSignal(word: string): string {
  const known = Object.keys(SIGNALS).join(', ');
  if (word === 'reopen') return 'there is no signal "reopen"; reload opens the log file again';
  return `there is no signal "${word}"; it must be one of ${known}, with =PID or =PIDFILE behind it if need be`;
}

/** @param target a process id, a file that holds one, or undefined: the only one that runs */
function pidOf(target: string | undefined): number {
  if (target === undefined) return onlyGateway();
  if (/^\d+$/.test(target)) return Number(target);
  const pid = pidIn(target);
  // The file of a gateway that was killed stays, and its number may be somebody else's by now.
  const words = wordsOf(pid);
  if (words !== null && words.length > 0 && !words.some((word) => isThisProgram(word, pid)))
    throw new CommandFailure(`${target} names process ${pid}, which is no nats-mqtt-gateway`);
  return pid;
}

function pidIn(file: string): number {
  let text: string;
  try {
    text = readFileSync(file, 'utf8').trim();
  } catch (error) {
    throw new CommandFailure(`cannot read the PID file ${file} (${(error as NodeJS.ErrnoException).code})`);
  }
  if (/^[1-9]\d*$/.test(text)) return Number(text);
  throw new CommandFailure(`${file} holds no process id`);
}

function onlyGateway(): number {
  const found = runningGateways();
  const [pid] = found;
  if (pid !== undefined && found.length === 1) return pid;
  throw new CommandFailure(
    found.length === 0
      ? 'no nats-mqtt-gateway was found; name its process id or PID file, such as --signal reload=1234'
      : `several gateways run (${found.join(', ')}); name one, such as --signal reload=${pid}`,
  );
}

/** Gateways of this installation; none on systems without /proc. */
function runningGateways(): number[] {
  const pids = entriesOf('/proc').filter((name) => /^\d+$/.test(name));
  return pids
    .map(Number)
    .filter((pid) => pid !== process.pid && isGateway(wordsOf(pid) ?? [], pid))
    .sort((a, b) => a - b);
}

/** `node …/main.js serve …`; other commands of this program are not meant. */
function isGateway(words: readonly string[], pid: number): boolean {
  const position = words.findIndex((word, index) => index > 0 && isThisProgram(word, pid));
  if (position < 0) return false;
  const command = words.slice(position + 1).find((word) => (COMMANDS as readonly string[]).includes(word));
  return command === undefined || command === 'serve';
}

/** @param pid whose command line the word is from: it may be a path from where that process runs */
function isThisProgram(word: string, pid: number): boolean {
  const own = process.argv[1];
  if (own === undefined || word === '') return false;
  try {
    return realpathSync(resolve(readlinkSync(`/proc/${pid}/cwd`), word)) === realpathSync(own);
  } catch {
    // Most words of a command line are no files.
    return false;
  }
}

/** The command line of a process; null when it cannot be seen. */
function wordsOf(pid: number): string[] | null {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return null;
  }
}

function entriesOf(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
