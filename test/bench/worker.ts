/**
 * The bench's side of its worker processes: start, command, end. Which commands a worker has is its own affair.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Command, Commands, WorkerMessage } from './processes/commands.ts';

const COMMAND_LIMIT_MS = 30_000;
const END_LIMIT_MS = 2_000;

/** Argument and result of a command. */
type ArgumentOf<F> = F extends (argument: infer A) => unknown ? A : never;
type ResultOf<F> = F extends (argument: never) => infer R ? Awaited<R> : never;

interface Waiting {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

/** A running worker with the commands `T`. */
export class Worker<T extends Commands<T>> {
  /** Told how far the worker's receiver has got. */
  onProgress: (received: number) => void = () => {};
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 0;
  #end: string | null = null;

  private constructor(name: string) {
    this.name = name;
    const path = fileURLToPath(new URL(`./processes/${name}.ts`, import.meta.url));
    this.#child = fork(path, [], {
      execArgv: ['--import', 'tsx'],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#child.on('message', (message) => this.#onMessage(message as WorkerMessage));
    this.#child.on('exit', (code, signal) => this.#onEnd(`${name} ended with ${signal ?? code}`));
    this.#child.on('error', (error) => this.#onEnd(`${name}: ${error.message}`));
  }

  /**
   * Starts a program of the folder `processes`.
   * @returns the worker once it takes commands
   */
  static async start<T extends Commands<T>>(name: string): Promise<Worker<T>> {
    const worker = new Worker<T>(name);
    try {
      await worker.#wait(worker.#nextId++, 'to start');
    } catch (error) {
      await worker.end();
      throw error;
    }
    return worker;
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  /**
   * Runs a command.
   * @throws {Error} what the worker says, or that it has ended or does not answer
   */
  async run<N extends keyof T & string>(name: N, argument: ArgumentOf<T[N]>): Promise<ResultOf<T[N]>> {
    const id = this.#nextId++;
    const answered = this.#wait(id, name);
    this.#child.send({ id, name, argument } satisfies Command);
    return (await answered) as ResultOf<T[N]>;
  }

  /** Runs a command without waiting for an answer; if it fails, the worker ends. */
  tell<N extends keyof T & string>(name: N, argument: ArgumentOf<T[N]>): void {
    if (this.#child.connected) this.#child.send({ id: null, name, argument } satisfies Command);
  }

  /** Ends the worker; idempotent. */
  async end(): Promise<void> {
    if (this.#end !== null) return;
    const ended = new Promise<void>((resolve) => this.#child.once('exit', () => resolve()));
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), END_LIMIT_MS);
    this.#end = `${this.name} was ended`;
    if (this.#child.connected) this.#child.disconnect();
    await ended;
    clearTimeout(timer);
  }

  #wait(id: number, what: string): Promise<unknown> {
    if (this.#end !== null) return Promise.reject(new Error(this.#end));
    return new Promise((resolve, reject) => {
      const late = (): void => {
        this.#waiting.delete(id);
        reject(new Error(`waited ${COMMAND_LIMIT_MS} ms for ${this.name} ${what}`));
      };
      this.#waiting.set(id, { resolve, reject, timer: setTimeout(late, COMMAND_LIMIT_MS) });
    });
  }

  #onMessage(message: WorkerMessage): void {
    if ('progress' in message) {
      this.onProgress(message.progress);
      return;
    }
    const waiting = this.#waiting.get(message.id);
    if (waiting === undefined) return;
    this.#waiting.delete(message.id);
    clearTimeout(waiting.timer);
    if ('error' in message) waiting.reject(new Error(`${this.name}: ${message.error}`));
    else waiting.resolve(message.result);
  }

  #onEnd(what: string): void {
    this.#end ??= what;
    for (const { reject, timer } of this.#waiting.values()) {
      clearTimeout(timer);
      reject(new Error(what));
    }
    this.#waiting.clear();
  }
}
