/** Taps by their id, and who watches them. What nobody takes in time is counted and left out; nothing waits without bounds. */
import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { TapHandle, TapMessage } from '../../control/tap.ts';
import type { Clock, TimerHandle } from '../../util/clock.ts';
import { ProblemError } from '../problem.ts';

/** Proxies cut connections off on which nothing happens. */
const HEARTBEAT_MS = 15_000;
/** A tap that nobody watches for so long ends; a browser that was cut off comes back sooner. */
const UNWATCHED_MS = 30_000;
/** Messages that are kept for somebody who has not come yet. */
const MAX_WAITING = 500;

const HEADERS: Readonly<Record<string, string>> = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store',
  // nginx would hold events back.
  'x-accel-buffering': 'no',
};

/** See the head of the file. */
export class TapStreams {
  readonly #streams = new Map<string, TapStream>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @returns the id of the tap @throws what `open` throws */
  async begin(open: (onMessage: (message: TapMessage) => void) => Promise<TapHandle>): Promise<string> {
    const id = randomUUID();
    const stream = new TapStream(this.#clock, () => this.#streams.delete(id));
    stream.handle = await open((message) => stream.take(message));
    this.#streams.set(id, stream);
    return id;
  }

  /** @throws {ProblemError} 404 when there is no such tap, 409 when somebody watches it already */
  watch(id: string, respond: (headers: Readonly<Record<string, string>>) => ServerResponse): void {
    const stream = this.#get(id);
    if (stream.isWatched) throw new ProblemError(409, 'somebody watches this tap already');
    stream.watch(respond(HEADERS));
  }

  /** @throws {ProblemError} 404 when there is no such tap */
  end(id: string): void {
    const stream = this.#get(id);
    this.#streams.delete(id);
    stream.end();
  }

  close(): void {
    for (const stream of this.#streams.values()) stream.end();
    this.#streams.clear();
  }

  #get(id: string): TapStream {
    const stream = this.#streams.get(id);
    if (stream === undefined) throw new ProblemError(404, 'there is no such tap, or it has ended');
    return stream;
  }
}

/** One tap. */
class TapStream {
  handle: TapHandle | null = null;
  readonly #clock: Clock;
  readonly #onGone: () => void;
  #waiting: TapMessage[] = [];
  #skipped = 0;
  #response: ServerResponse | null = null;
  #hasEnded = false;
  #timer: TimerHandle | undefined;

  constructor(clock: Clock, onGone: () => void) {
    this.#clock = clock;
    this.#onGone = onGone;
    this.#awaitWatcher();
  }

  get isWatched(): boolean {
    return this.#response !== null;
  }

  take(message: TapMessage): void {
    if (message.type === 'ended') this.#hasEnded = true;
    const isFull = this.#response === null && this.#waiting.length >= MAX_WAITING;
    const isBusy = this.#response?.writableNeedDrain === true;
    if ((isFull || isBusy) && message.type !== 'ended') {
      this.#skipped += message.type === 'skipped' ? message.count : 1;
      return;
    }
    this.#waiting.push(message);
    this.#flush();
  }

  watch(response: ServerResponse): void {
    this.#clock.clearTimeout(this.#timer);
    this.#response = response;
    response.on('close', () => this.#onClose());
    response.on('drain', () => this.#flush());
    response.write(': open\n\n');
    this.#flush();
    if (this.#response !== null) this.#beat();
  }

  /** Who watches is told by the tap itself. */
  end(): void {
    if (this.#response === null) this.#clock.clearTimeout(this.#timer);
    this.handle?.close();
  }

  #flush(): void {
    const response = this.#response;
    if (response === null) return;
    if (this.#skipped > 0) {
      const skipped: TapMessage = { type: 'skipped', count: this.#skipped };
      this.#skipped = 0;
      response.write(eventOf(skipped));
    }
    for (const message of this.#waiting.splice(0)) response.write(eventOf(message));
    if (this.#hasEnded) response.end();
  }

  #beat(): void {
    this.#timer = this.#clock.setTimeout(() => {
      if (this.#response?.writableNeedDrain === false) this.#response.write(': still here\n\n');
      this.#beat();
    }, HEARTBEAT_MS);
  }

  #onClose(): void {
    this.#clock.clearTimeout(this.#timer);
    this.#response = null;
    if (this.#hasEnded) this.#onGone();
    else this.#awaitWatcher();
  }

  #awaitWatcher(): void {
    this.#timer = this.#clock.setTimeout(() => {
      this.handle?.close();
      this.#onGone();
    }, UNWATCHED_MS);
  }
}

function eventOf(message: TapMessage): string {
  return `data: ${JSON.stringify(message)}\n\n`;
}
