/**
 * Taps of a gateway of several processes: every worker shows what it sees, and here it becomes one stream with the limits of
 * one. Lives in the primary; knows of workers only what they are told.
 */
import { workerOf } from '../control/client-pages.ts';
import type { TapHandle, TapMessage, TapRequest } from '../control/tap.ts';
import { checkTap } from '../session/tap-hub.ts';
import { TapStream } from '../session/tap-stream.ts';
import type { Clock } from '../util/clock.ts';

/** What a worker is told. */
export type TapOrder =
  | { readonly type: 'open-tap'; readonly id: number; readonly request: TapRequest }
  | { readonly type: 'close-tap'; readonly id: number };

/** A worker that shows messages. */
export interface TappedWorker {
  readonly worker: number;
  readonly isReady: boolean;
  tell(order: TapOrder): void;
}

interface RunningTap {
  readonly request: TapRequest;
  readonly stream: TapStream;
}

/** See the head of the file. */
export class ClusterTaps {
  readonly #workers: readonly TappedWorker[];
  readonly #clock: Clock;
  readonly #running = new Map<number, RunningTap>();
  #lastId = 0;

  constructor(workers: readonly TappedWorker[], clock: Clock) {
    this.#workers = workers;
    this.#clock = clock;
  }

  /** @throws {GatewayError} as with one process */
  open(request: TapRequest, onMessage: (message: TapMessage) => void): TapHandle {
    checkTap(request, this.#running.size);
    const id = ++this.#lastId;
    const stream = new TapStream(request, this.#clock, { onMessage, onEnded: () => this.#onEnded(id) });
    this.#running.set(id, { request, stream });
    for (const worker of this.#workers) this.#begin(worker, id, request);
    return { close: () => stream.end('closed') };
  }

  /** A worker serves clients from now on. */
  onReady(worker: TappedWorker): void {
    for (const [id, { request }] of this.#running) this.#begin(worker, id, request);
  }

  /** A worker has seen something. That its part has ended says nothing about the others'. */
  onMessage(id: number, message: TapMessage): void {
    const stream = this.#running.get(id)?.stream;
    if (message.type === 'event') stream?.push(() => message.event);
    else if (message.type === 'skipped') stream?.skip(message.count);
  }

  /** The gateway stops. */
  close(): void {
    for (const { stream } of [...this.#running.values()]) stream.end('shutdown');
  }

  #begin(worker: TappedWorker, id: number, request: TapRequest): void {
    const hasClient = request.cid === undefined || workerOf(request.cid) === worker.worker;
    if (hasClient && worker.isReady) worker.tell({ type: 'open-tap', id, request });
  }

  #onEnded(id: number): void {
    this.#running.delete(id);
    for (const worker of this.#workers) if (worker.isReady) worker.tell({ type: 'close-tap', id });
  }
}
