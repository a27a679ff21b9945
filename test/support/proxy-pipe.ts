/**
 * One direction of one connection through the faulty proxy: what is read on one socket is written to the other, as
 * late and as slowly as the link says. Ends of connections travel in the same queue, so that they cannot overtake.
 */
import type { Socket } from 'node:net';
import type { Cut, LinkState } from './faulty-proxy.ts';

/** Beyond this the source is not read: the kernel's flow control reaches the sender. */
const QUEUE_LIMIT = 64 * 1024;
/** A throttled link moves in steps of this length. */
const THROTTLE_STEP_MS = 20;

interface Item {
  readonly arrivedAt: number;
  readonly content: Buffer | 'eof' | 'reset';
}

/** See the head of the file. */
export class ProxyPipe {
  readonly #source: Socket;
  readonly #sink: Socket;
  readonly #link: LinkState;
  readonly #cut: (how: Cut) => void;
  readonly #queue: Item[] = [];
  #queuedBytes = 0;
  #timer: NodeJS.Timeout | null = null;
  #nextWriteAt = 0;
  #isSinkFull = false;
  #isSinkEnded = false;

  /** @param cut ends both sockets of the connection */
  constructor(source: Socket, sink: Socket, link: LinkState, cut: (how: Cut) => void) {
    this.#source = source;
    this.#sink = sink;
    this.#link = link;
    this.#cut = cut;
    let hasEnded = false;
    source.on('data', (bytes) => {
      this.#queuedBytes += bytes.length;
      this.#enqueue(bytes);
    });
    source.on('end', () => {
      hasEnded = true;
      this.#enqueue('eof');
    });
    source.on('error', () => {}); // `close` follows
    source.on('close', () => {
      if (!hasEnded) this.#enqueue('reset');
    });
    sink.on('drain', () => {
      this.#isSinkFull = false;
      this.#pump();
    });
    this.#adjustReading();
  }

  /** The link's settings have changed. */
  onChange(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#nextWriteAt = 0;
    this.#pump();
  }

  /** FIN to the sink now; what comes from the source later is discarded. */
  endSink(): void {
    this.#isSinkEnded = true;
    this.#sink.end();
    this.#pump();
  }

  /** The connection is over: forgets the queue. */
  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#queue.length = 0;
    this.#isSinkEnded = true;
  }

  #enqueue(content: Item['content']): void {
    this.#queue.push({ arrivedAt: performance.now(), content });
    this.#pump();
  }

  #adjustReading(): void {
    const shouldRead = !this.#link.isStalled && this.#queuedBytes < QUEUE_LIMIT;
    if (shouldRead && this.#source.isPaused()) this.#source.resume();
    else if (!shouldRead && !this.#source.isPaused()) this.#source.pause();
  }

  #pump(): void {
    while (!this.#link.isStalled && !this.#isSinkFull && this.#timer === null) {
      const item = this.#queue[0];
      if (item === undefined) break;
      const now = performance.now();
      const waitMs = Math.max(item.arrivedAt + this.#link.delayMs, this.#nextWriteAt) - now;
      if (waitMs > 0) {
        this.#timer = setTimeout(() => {
          this.#timer = null;
          this.#pump();
        }, Math.ceil(waitMs));
        break;
      }
      this.#forward(item, now);
    }
    this.#adjustReading();
  }

  #forward(item: Item, now: number): void {
    this.#queue.shift();
    if (item.content === 'eof') {
      if (!this.#isSinkEnded) this.#sink.end();
      return;
    }
    if (item.content === 'reset') {
      this.#cut('reset');
      return;
    }
    const bytes = item.content.subarray(0, this.#portion(item.content.length));
    if (bytes.length < item.content.length) {
      this.#queue.unshift({ arrivedAt: item.arrivedAt, content: item.content.subarray(bytes.length) });
    }
    this.#queuedBytes -= bytes.length;
    if (this.#isSinkEnded) return;
    this.#write(bytes, now);
  }

  /** How many of the next bytes may go in one write. */
  #portion(length: number): number {
    const perStep = Math.max(1, Math.floor((this.#link.bytesPerSecond * THROTTLE_STEP_MS) / 1_000));
    return Math.min(length, perStep, Math.max(1, this.#link.bytesUntilCut));
  }

  #write(bytes: Buffer, now: number): void {
    const link = this.#link;
    const isLast = link.bytesUntilCut <= bytes.length;
    link.bytes += bytes.length;
    link.bytesUntilCut -= bytes.length;
    this.#nextWriteAt = now + (bytes.length / link.bytesPerSecond) * 1_000;
    if (isLast) {
      link.bytesUntilCut = Number.POSITIVE_INFINITY;
      // The bytes count as delivered, so they leave before the connection ends.
      this.#sink.write(bytes, () => this.#cut(link.cutBy));
      this.#isSinkEnded = true;
      return;
    }
    this.#isSinkFull = !this.#sink.write(bytes);
  }
}
