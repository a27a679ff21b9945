/**
 * The output of one connection: what is queued, what the stream is writing, and how long that has taken.
 * Must not know about operations, sessions or why a connection ends.
 */

import type { Clock, TimerHandle } from '../util/clock.ts';
import { OutputBuffer } from '../util/output-buffer.ts';
import type { ByteStream } from './byte-stream.ts';

/**
 * Most bytes handed to the stream at once. Progress is only known when a whole write is
 * done, so this is also what a client has to take within one write deadline.
 */
const WRITE_BYTES = 1024 * 1024;

/** Sees all output in its order. */
export interface OutputObserver {
  push(chunk: Buffer): void;
}

/** Limits of a {@link WriteQueue}. */
export interface WriteLimits {
  /** A write older than this is stalled, in milliseconds. */
  readonly writeDeadlineMs: number;
}

/** What a write queue tells its connection. */
export interface WriteQueueOwner {
  /** A write has been taken by the kernel; `pendingBytes` is lower. */
  onWritten(): void;
  /** A write is older than the deadline. */
  onWriteStalled(): void;
}

interface FlushWaiter {
  /** Position in the output, counted from the start of the connection. */
  readonly afterBytes: number;
  readonly callback: () => void;
}

/** One write at a time: whatever is appended meanwhile goes out together in the next one. */
export class WriteQueue {
  readonly output = new OutputBuffer();
  readonly #stream: ByteStream;
  readonly #limits: WriteLimits;
  readonly #clock: Clock;
  readonly #owner: WriteQueueOwner;
  readonly #observer: OutputObserver | null;
  #queue: Buffer[] = [];
  #queuedBytes = 0;
  #inFlightBytes = 0;
  #writtenBytes = 0;
  #writeStartMs = 0;
  /** Tells one write from the next. */
  #writeNumber = 0;
  #timer: TimerHandle | undefined;
  #waiters: FlushWaiter[] = [];
  /** A flush was asked for during a write. */
  #wantsFlush = false;
  #isFinished = false;
  #isDead = false;
  readonly #done = (): void => this.#onDone();

  /**
   * @param limits looked up when they are needed: they may change
   * @param observer null: nobody looks
   */
  constructor(
    stream: ByteStream,
    limits: WriteLimits,
    clock: Clock,
    owner: WriteQueueOwner,
    observer: OutputObserver | null = null,
  ) {
    this.#observer = observer;
    this.#stream = stream;
    this.#limits = limits;
    this.#clock = clock;
    this.#owner = owner;
  }

  /** Bytes appended and not yet taken by the kernel. */
  get pendingBytes(): number {
    return this.output.length + this.#queuedBytes + this.#inFlightBytes;
  }

  /** Whether everything handed over by {@link flush} and {@link finish} has been taken by the kernel. */
  get isIdle(): boolean {
    return this.#queuedBytes === 0 && this.#inFlightBytes === 0;
  }

  /** Hands `output` to the stream, now or as soon as the write before it is done. */
  flush(): void {
    if (this.#isDead) return;
    if (this.#inFlightBytes > 0) {
      this.#wantsFlush = true;
      return;
    }
    // What is still queued goes first; the wish is kept until the output has had its turn.
    if (this.#queuedBytes === 0) {
      this.#wantsFlush = false;
      this.#seal();
    }
    if (this.#queuedBytes === 0) return;
    const chunks = this.#nextChunks();
    this.#writeNumber += 1;
    this.#writeStartMs = this.#clock.now();
    this.#timer ??= this.#clock.setTimeout(() => this.#checkDeadline(), this.#limits.writeDeadlineMs);
    this.#stream.write(chunks, this.#done);
  }

  /** The last flush: what is appended from now on is never sent, and no {@link onceFlushed} is called back. */
  finish(): void {
    this.#seal();
    this.#isFinished = true;
    this.#waiters = [];
    this.flush();
  }

  #seal(): void {
    if (this.#isFinished) return;
    this.#queuedBytes += this.output.length;
    const chunks = this.output.take();
    if (this.#observer !== null) for (const chunk of chunks) this.#observer.push(chunk);
    if (this.#queue.length === 0) this.#queue = chunks;
    else for (const chunk of chunks) this.#queue.push(chunk);
  }

  /** Calls back when everything appended so far has been taken by the kernel; never after {@link discard}. */
  onceFlushed(callback: () => void): void {
    if (this.#isDead || this.#isFinished) return;
    this.#waiters.push({ afterBytes: this.#writtenBytes + this.pendingBytes, callback });
    // Nothing to wait for; later all the same, because callers do not expect a call from within their own.
    if (this.pendingBytes === 0) setImmediate(() => this.#callWaiters());
  }

  /** Forgets everything, including what the stream is writing. Nothing is written from now on. */
  discard(): void {
    this.#isDead = true;
    this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    this.output.discard();
    this.#queue = [];
    this.#waiters = [];
    this.#queuedBytes = 0;
    this.#inFlightBytes = 0;
  }

  #nextChunks(): Buffer[] {
    let count = 0;
    let bytes = 0;
    for (const chunk of this.#queue) {
      if (bytes + chunk.length > WRITE_BYTES) break;
      bytes += chunk.length;
      count += 1;
    }
    let chunks = this.#queue;
    if (count < chunks.length) {
      chunks = this.#queue.splice(0, count);
      if (bytes === 0) bytes = this.#splitFirst(chunks);
    } else {
      this.#queue = [];
    }
    this.#queuedBytes -= bytes;
    this.#inFlightBytes = bytes;
    return chunks;
  }

  /** A single chunk may be a payload of many megabytes. */
  #splitFirst(chunks: Buffer[]): number {
    const [large] = this.#queue;
    if (large === undefined) return 0;
    chunks.push(large.subarray(0, WRITE_BYTES));
    this.#queue[0] = large.subarray(WRITE_BYTES);
    return WRITE_BYTES;
  }

  #onDone(): void {
    if (this.#isDead) return;
    this.output.release(this.#inFlightBytes);
    this.#writtenBytes += this.#inFlightBytes;
    this.#inFlightBytes = 0;
    if (this.#wantsFlush || this.#queuedBytes > 0) this.flush();
    if (this.#waiters.length > 0) this.#callWaiters();
    if (!this.#isDead) this.#owner.onWritten();
  }

  #callWaiters(): void {
    let ready = 0;
    while (this.#isReached(ready)) ready += 1;
    for (const { callback } of this.#waiters.splice(0, ready)) callback();
  }

  #isReached(index: number): boolean {
    const waiter = this.#waiters[index];
    return waiter !== undefined && waiter.afterBytes <= this.#writtenBytes;
  }

  /** One timer serves any number of writes: it only asks for the age of the one that is going on. */
  #checkDeadline(): void {
    this.#timer = undefined;
    if (this.#inFlightBytes === 0) return;
    const leftMs = this.#writeStartMs + this.#limits.writeDeadlineMs - this.#clock.now();
    if (leftMs > 0) {
      this.#timer = this.#clock.setTimeout(() => this.#checkDeadline(), Math.ceil(leftMs));
      return;
    }
    // After a standstill of this process every write looks old, because timers run before the sockets are looked
    // at. Only what is still unwritten after that look is really late.
    const writeNumber = this.#writeNumber;
    setImmediate(() => {
      if (this.#isDead) return;
      if (this.#inFlightBytes > 0 && this.#writeNumber === writeNumber) this.#owner.onWriteStalled();
      else if (this.#inFlightBytes > 0) this.#checkDeadline();
    });
  }
}
