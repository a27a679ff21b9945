/**
 * Writes one stream of numbered messages in large pre-encoded batches, as fast as the other end takes them, and never
 * further ahead of the receiver than its window. Knows no protocol.
 */
import { writeSequence, writeStream } from './sequence.ts';
import type { Template } from './templates.ts';

const BATCH_BYTES = 64 * 1024;
const PACE_MS = 2;

/** How a stream is to be sent. */
export interface StreamOptions {
  readonly stream: number;
  /** Most messages that may be under way. */
  readonly window: number;
  /** Messages per second; 0: as fast as possible. */
  readonly rate: number;
}

/** Hands bytes to a socket; `done` comes when they may be changed again. */
export type WriteBytes = (bytes: Buffer, done: () => void) => void;

/** See the head of the file. One stream at a time. */
export class BatchSource {
  sent = 0;
  readonly #write: WriteBytes;
  #batch: Buffer = Buffer.alloc(0);
  #payloads: number[] = [];
  #ends: number[] = [];
  #received = 0;
  #window = 0;
  #isRunning = false;
  #isWriting = false;
  #pace: NodeJS.Timeout | null = null;
  #allowance = Number.POSITIVE_INFINITY;
  #onIdle: () => void = () => {};

  constructor(write: WriteBytes) {
    this.#write = write;
  }

  /** Starts a stream with message 0; the templates are sent in turn. */
  start(templates: readonly Template[], { stream, window, rate }: StreamOptions): void {
    if (this.#isRunning || this.#isWriting) throw new Error('the last stream has not been stopped');
    this.#encode(templates, stream);
    this.sent = 0;
    this.#received = 0;
    this.#window = window;
    this.#isRunning = true;
    this.#allowance = rate === 0 ? Number.POSITIVE_INFINITY : 0;
    if (rate > 0) this.#keepPace(rate);
    this.#pump();
  }

  /** The receiver has got this many messages of the stream. */
  credit(received: number): void {
    this.#received = received;
    this.#pump();
  }

  /** @returns how many messages the stream has had, once the last one has been handed over */
  async stop(): Promise<number> {
    this.#isRunning = false;
    if (this.#pace !== null) clearInterval(this.#pace);
    this.#pace = null;
    if (this.#isWriting) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
    }
    return this.sent;
  }

  #encode(templates: readonly Template[], stream: number): void {
    const parts: Buffer[] = [];
    this.#payloads = [];
    this.#ends = [];
    let length = 0;
    for (let index = 0; index < templates.length || length < BATCH_BYTES; index++) {
      const template = templates[index % templates.length];
      if (template === undefined) throw new Error('no template');
      this.#payloads.push(length + template.payloadAt);
      length += template.bytes.length;
      this.#ends.push(length);
      parts.push(template.bytes);
    }
    this.#batch = Buffer.concat(parts);
    for (const at of this.#payloads) writeStream(this.#batch, at, stream);
  }

  #keepPace(rate: number): void {
    let last = performance.now();
    this.#pace = setInterval(() => {
      const now = performance.now();
      // A late timer does not make up for more than a few periods: the flood is to be even.
      this.#allowance = Math.min(this.#allowance + ((now - last) * rate) / 1000, (rate * 20) / 1000);
      last = now;
      this.#pump();
    }, PACE_MS);
  }

  #pump(): void {
    if (!this.#isRunning || this.#isWriting) return;
    const room = Math.min(this.#window - (this.sent - this.#received), Math.floor(this.#allowance));
    const count = Math.min(room, this.#payloads.length);
    if (count <= 0) return;
    for (let index = 0; index < count; index++) {
      writeSequence(this.#batch, this.#payloads[index] ?? 0, this.sent + index);
    }
    this.sent += count;
    this.#allowance -= count;
    this.#isWriting = true;
    this.#write(this.#batch.subarray(0, this.#ends[count - 1]), this.#onWritten);
  }

  #onWritten = (): void => {
    // Node calls back in the same turn when the kernel took everything: commands must get a turn, too.
    setImmediate(() => {
      this.#isWriting = false;
      if (this.#isRunning) this.#pump();
      else this.#onIdle();
    });
  };
}
