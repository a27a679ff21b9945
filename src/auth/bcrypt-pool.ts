/**
 * bcrypt in threads of its own: one comparison takes some 50 ms of processor time, during which the main thread would
 * serve nobody. The threads start with the first job.
 */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';

/** Beyond it a job is refused: its client would have given up before its turn. */
const MAX_WAITING = 1024;

/**
 * The thread's program. A text, because a file would need another name as source than as built program; the library is
 * named by its URL, because a text has no place from which to look for packages.
 */
const PROGRAM = `
  const { parentPort, workerData } = require('node:worker_threads');
  import(workerData.library).then(({ default: bcrypt }) => {
    parentPort.on('message', ({ id, kind, password, extra }) => {
      try {
        const result = kind === 'hash' ? bcrypt.hashSync(password, extra) : bcrypt.compareSync(password, extra);
        parentPort.postMessage({ id, result });
      } catch (error) {
        parentPort.postMessage({ id, error: String(error.message) });
      }
    });
  });
`;

type Request =
  | { readonly kind: 'compare'; readonly password: string; readonly extra: string }
  | { readonly kind: 'hash'; readonly password: string; readonly extra: number };

interface Answer {
  readonly id: number;
  readonly result?: boolean | string;
  readonly error?: string;
}

interface Job {
  readonly id: number;
  readonly request: Request;
  readonly resolve: (result: boolean | string) => void;
  readonly reject: (error: unknown) => void;
}

/** A few threads and the jobs that wait for one. */
export class BcryptPool {
  readonly #size = Math.max(1, Math.min(4, availableParallelism() - 1));
  readonly #waiting: Job[] = [];
  readonly #running = new Map<Worker, Job | null>();
  #lastId = 0;
  #isClosed = false;

  /** Whether the password is the one of the hash. @throws {Error} when too many jobs wait, or on abort */
  async compare(password: string, hash: string, signal: AbortSignal): Promise<boolean> {
    return (await this.#run({ kind: 'compare', password, extra: hash }, signal)) === true;
  }

  async hash(password: string, cost: number, signal: AbortSignal): Promise<string> {
    return String(await this.#run({ kind: 'hash', password, extra: cost }, signal));
  }

  /** Jobs that wait or run are refused. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const error = new Error('the password check was stopped');
    for (const job of this.#waiting.splice(0)) job.reject(error);
    const workers = [...this.#running];
    this.#running.clear();
    for (const [, job] of workers) job?.reject(error);
    await Promise.all(workers.map(([worker]) => worker.terminate()));
  }

  #run(request: Request, signal: AbortSignal): Promise<boolean | string> {
    if (this.#isClosed) return Promise.reject(new Error('the password check was stopped'));
    if (signal.aborted) return Promise.reject(signal.reason);
    if (this.#waiting.length >= MAX_WAITING) {
      return Promise.reject(new Error('too many passwords wait to be checked'));
    }
    let onAbort = (): void => {};
    const done = new Promise<boolean | string>((resolve, reject) => {
      const job: Job = { id: ++this.#lastId, request, resolve, reject };
      this.#waiting.push(job);
      onAbort = () => {
        const place = this.#waiting.indexOf(job);
        if (place >= 0) this.#waiting.splice(place, 1);
        reject(signal.reason);
      };
      signal.addEventListener('abort', onAbort, { once: true });
      this.#assign();
    });
    return done.finally(() => signal.removeEventListener('abort', onAbort));
  }

  #assign(): void {
    const free = [...this.#running].find(([, job]) => job === null)?.[0];
    const worker = free ?? (this.#running.size < this.#size ? this.#start() : null);
    if (worker === null) return;
    const job = this.#waiting.shift();
    if (job === undefined) return;
    this.#running.set(worker, job);
    // A thread without work must not keep the process alive, one with work may.
    worker.ref();
    worker.postMessage({ id: job.id, ...job.request });
  }

  #start(): Worker {
    const library = import.meta.resolve('bcryptjs');
    const worker = new Worker(PROGRAM, { eval: true, workerData: { library }, execArgv: [] });
    this.#running.set(worker, null);
    worker.unref();
    worker.on('message', (answer: Answer) => this.#onAnswer(worker, answer));
    worker.on('error', (error) => this.#onFailure(worker, error));
    return worker;
  }

  #onAnswer(worker: Worker, { id, result, error }: Answer): void {
    const job = this.#running.get(worker);
    if (job?.id !== id) return;
    this.#running.set(worker, null);
    worker.unref();
    if (result === undefined) job.reject(new Error(error ?? 'no result'));
    else job.resolve(result);
    this.#assign();
  }

  /** Another thread takes its place with the next job. */
  #onFailure(worker: Worker, error: Error): void {
    this.#running.get(worker)?.reject(error);
    this.#running.delete(worker);
    this.#assign();
  }
}
