/**
 * Measures what connections cost that do nothing: memory of each, and how fast they come. Every round has a server of
 * its own, because memory once taken is not given back.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { type Round, type Subject, Unavailable } from '../cell.ts';
import { cpuMicroseconds, residentBytes } from '../measure/cpu.ts';
import type { IdleClientsCommands } from '../processes/idle-clients.ts';
import { Cleanup } from '../systems/cleanup.ts';
import { startWorker } from '../systems/ends.ts';
import type { Worker } from '../worker.ts';

/** A server for one round. */
export interface IdleServer {
  readonly pid: number;
  readonly port: number;
}

/** Prepares what all rounds share and returns how to start a server for one of them. */
export type PrepareServer = (cleanup: Cleanup) => Promise<(roundCleanup: Cleanup) => Promise<IdleServer>>;

/** How many clients there are. */
export interface IdleOptions {
  readonly clients: number;
  /** Sockets that the server needs for each. */
  readonly socketsPerClient: number;
}

/** Code and caches that the first clients bring into memory are not theirs. */
const FIRST_CLIENTS = 500;
const AT_ONCE = 100;
const SETTLE_MS = 1_500;
/** Files that a process has open besides the sockets of clients. */
const OTHER_FILES = 200;
const BYTES_PER_KB = 1_000;

/** @throws {Unavailable} when the system does not allow as many files in one process */
function requireFiles({ clients, socketsPerClient }: IdleOptions): void {
  const limits = readFileSync('/proc/self/limits', 'latin1');
  // node raises the limit of its processes to the hard one by itself.
  const hard = Number(/^Max open files\s+\d+\s+(\d+)/m.exec(limits)?.[1] ?? Number.POSITIVE_INFINITY);
  const needed = (clients + FIRST_CLIENTS) * socketsPerClient + OTHER_FILES;
  if (needed > hard)
    throw new Unavailable(`needs ${needed} open files, and the limit is ${hard} (ulimit -n)`);
}

/** See the head of the file. */
export class IdleSubject implements Subject {
  readonly #options: IdleOptions;
  readonly #cleanup: Cleanup;
  readonly #crowd: Worker<IdleClientsCommands>;
  readonly #start: (cleanup: Cleanup) => Promise<IdleServer>;

  private constructor(options: IdleOptions, cleanup: Cleanup, parts: Parts) {
    this.#options = options;
    this.#cleanup = cleanup;
    this.#crowd = parts.crowd;
    this.#start = parts.start;
  }

  static open(prepare: PrepareServer, options: IdleOptions): Promise<IdleSubject> {
    requireFiles(options);
    return Cleanup.guard(async (cleanup) => {
      const start = await prepare(cleanup);
      const crowd = await startWorker<IdleClientsCommands>(cleanup, 'idle-clients');
      return new IdleSubject(options, cleanup, { crowd, start });
    });
  }

  async round(): Promise<Round> {
    const cleanup = new Cleanup();
    try {
      return await this.#measure(await this.#start(cleanup));
    } finally {
      await this.#crowd.run('close', undefined);
      await cleanup.run();
    }
  }

  async stop(): Promise<void> {
    await this.#cleanup.run();
  }

  async #measure({ pid, port }: IdleServer): Promise<Round> {
    await this.#crowd.run('open', { port, clients: FIRST_CLIENTS, atOnce: AT_ONCE });
    await pause(SETTLE_MS);
    const { clients } = this.#options;
    const memoryBefore = residentBytes(pid);
    const timeBefore = cpuMicroseconds(pid);
    const milliseconds = await this.#crowd.run('open', { port, clients, atOnce: AT_ONCE });
    const connectUs = (cpuMicroseconds(pid) - timeBefore) / clients;
    await pause(SETTLE_MS);
    const kb = (residentBytes(pid) - memoryBefore) / clients / BYTES_PER_KB;
    return { figures: { kb, rate: (clients * 1_000) / milliseconds, connectUs }, voidReason: null };
  }
}

interface Parts {
  readonly crowd: Worker<IdleClientsCommands>;
  readonly start: (cleanup: Cleanup) => Promise<IdleServer>;
}
