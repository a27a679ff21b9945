/** Starts worker processes through node:cluster, which gives them all the same listening sockets. */
import type { ChildProcess } from 'node:child_process';
import cluster from 'node:cluster';
import { GatewayError } from '../errors.ts';
import type { PrimaryMessage } from './messages.ts';
import { WholeLines } from './whole-lines.ts';

/** A running worker process. */
export interface WorkerHandle {
  readonly pid: number;
  /** What cannot be sent any more is dropped: `onEnd` follows. */
  send(message: PrimaryMessage): void;
  /** SIGKILL. */
  kill(): void;
}

/** What happens to a worker process. */
export interface WorkerEvents {
  /** A message, unchecked. */
  onMessage(value: unknown): void;
  /** The process is gone, and all its output has been passed on. Called once. */
  onEnd(code: number | null, signal: string | null): void;
}

/** Starts one worker process. */
export type Spawn = (events: WorkerEvents) => WorkerHandle;

/** Settings of {@link createSpawn}. */
export interface SpawnOptions {
  /** The program of a worker. */
  readonly file: string;
  /** Variables of our environment that workers do not get: settings reach them as messages. */
  readonly hiddenVariables: readonly string[];
  /** How many sockets workers listen on at the moment. */
  readonly listeners: () => number;
  /** Takes what workers write to standard output, in whole lines. */
  readonly onLines: (lines: string) => void;
}

/** @throws {GatewayError} `GW_CONFIG` in a process that is itself a worker of node:cluster */
export function createSpawn({ file, hiddenVariables, listeners, onLines }: SpawnOptions): Spawn {
  if (!cluster.isPrimary) {
    throw new GatewayError(
      'GW_CONFIG',
      'workers must be 1 in a process that is itself a worker of node:cluster (pm2 calls that cluster mode)',
    );
  }
  // What node:cluster takes over from the environment is not for a stranger to choose.
  cluster.schedulingPolicy = cluster.SCHED_RR;
  cluster.setupPrimary({
    exec: file,
    args: [],
    // A configuration may hold Infinity, of which JSON would make null.
    serialization: 'advanced',
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  const hidden = Object.fromEntries(hiddenVariables.map((name) => [name, undefined]));
  return (events) => {
    const worker = cluster.fork(hidden);
    const child = worker.process;
    const closeUntaken = watchHandover(child, listeners);
    let hasEnded = false;
    const end = (code: number | null, signal: string | null): void => {
      if (hasEnded) return;
      hasEnded = true;
      closeUntaken();
      const rest = lines.end();
      if (rest !== '') onLines(rest);
      events.onEnd(code, signal);
    };
    const lines = new WholeLines();
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      const complete = lines.push(text);
      if (complete !== '') onLines(complete);
    });
    worker.on('message', (value: unknown) => events.onMessage(value));
    // Comes after the last output; without a process there is no more than the error.
    child.once('close', end);
    worker.on('error', () => {
      if (child.pid === undefined) end(null, null);
    });
    return {
      pid: child.pid ?? 0,
      send: (message) => {
        if (worker.isConnected()) worker.send(message, () => {});
      },
      kill: () => {
        child.kill('SIGKILL');
      },
    };
  };
}

/** What node:cluster hands over: a socket without an owner. */
interface Handover {
  close(): void;
}

/**
 * A client that was handed to a process which died before it took it would belong to nobody: node:cluster closes its
 * own copy of the socket only when it is taken, and the client would wait for ever.
 * @param listeners each has at most one client under way, and they are taken in order
 * @returns closes what may not have been taken; harmless for what was
 */
function watchHandover(child: ChildProcess, listeners: () => number): () => void {
  const latest: Handover[] = [];
  const send = child.send.bind(child) as (...args: unknown[]) => boolean;
  child.send = (...args: unknown[]): boolean => {
    const handle = args[1];
    if (isHandover(handle) && latest.push(handle) > listeners()) latest.shift();
    return send(...args);
  };
  return () => {
    for (const handle of latest) handle.close();
  };
}

function isHandover(value: unknown): value is Handover {
  return typeof value === 'object' && value !== null && 'close' in value && typeof value.close === 'function';
}
