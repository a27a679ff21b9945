/**
 * Cuts a stream of MQTT packets into packets, whatever way it arrives. Knows the fixed header only.
 * @see MQTT 5.0 §2.1
 */
import { varint, varintLength } from '../mqtt/publish-decoder.ts';

/** Who gets the packets. */
export interface FrameSplitterEvents {
  /**
   * One whole packet `buffer[start, end)`; what follows its fixed header begins at `bodyStart`. The buffer is never
   * written to again.
   * @returns false: pass it on
   */
  onFrame(buffer: Buffer, start: number, bodyStart: number, end: number): boolean;
  /** Packets in a row that `onFrame` has not taken. */
  onPassed(bytes: Buffer): void;
  /** This is no MQTT; nothing more is to be pushed. */
  onMalformed(detail: string): void;
}

/** A fixed header has at most this many bytes. */
const MAX_HEADER_BYTES = 5;
/** First allocation for a packet that has not come in one piece. */
const MIN_GATHER_BYTES = 1024;

/** See the head of this file. */
export class FrameSplitter {
  readonly #events: FrameSplitterEvents;
  /** The beginning of a packet whose end has not come. */
  #partial: Buffer = EMPTY;
  #partialLength = 0;
  /** Length of the partial packet, fixed header included; 0 while that is not known. */
  #partialTotal = 0;
  #isDead = false;

  constructor(events: FrameSplitterEvents) {
    this.#events = events;
  }

  /** Takes the next bytes; they must not be written to again. */
  push(chunk: Buffer): void {
    if (this.#isDead) return;
    const start = this.#partialLength === 0 ? 0 : this.#complete(chunk);
    if (start >= 0) this.#split(chunk, start);
  }

  #split(chunk: Buffer, from: number): void {
    let at = from;
    let passedFrom = from;
    while (at < chunk.length) {
      const size = varintLength(chunk, at + 1, chunk.length);
      const bodyStart = at + 1 + size;
      const end = size === 0 ? Number.POSITIVE_INFINITY : bodyStart + varint(chunk, at + 1);
      if (end > chunk.length) break;
      if (this.#events.onFrame(chunk, at, bodyStart, end)) {
        this.#pass(chunk, passedFrom, at);
        passedFrom = end;
      }
      at = end;
    }
    this.#pass(chunk, passedFrom, at);
    if (at < chunk.length) this.#keep(chunk, at);
  }

  #pass(chunk: Buffer, start: number, end: number): void {
    if (end > start) this.#events.onPassed(chunk.subarray(start, end));
  }

  /** @param start of a packet that is not whole */
  #keep(chunk: Buffer, start: number): void {
    const end = Math.min(chunk.length, start + MAX_HEADER_BYTES);
    const size = varintLength(chunk, start + 1, end);
    if (size > 0) this.#partialTotal = 1 + size + varint(chunk, start + 1);
    else if (end - start === MAX_HEADER_BYTES) {
      this.#fail();
      return;
    }
    this.#append(chunk, start, chunk.length);
  }

  /** @returns where the packet behind the partial one begins in `chunk`; -1 when there is nothing more to split */
  #complete(chunk: Buffer): number {
    let at = 0;
    while (this.#partialTotal === 0) {
      if (at === chunk.length) return -1;
      this.#append(chunk, at, at + 1);
      at++;
      this.#readTotal();
      if (this.#isDead) return -1;
    }
    const missing = this.#partialTotal - this.#partialLength;
    const end = Math.min(chunk.length, at + missing);
    this.#append(chunk, at, end);
    if (this.#partialLength < this.#partialTotal) return -1;
    const buffer = this.#partial;
    const total = this.#partialTotal;
    this.#partial = EMPTY;
    this.#partialLength = 0;
    this.#partialTotal = 0;
    const bodyStart = 1 + varintLength(buffer, 1, total);
    if (!this.#events.onFrame(buffer, 0, bodyStart, total)) this.#events.onPassed(buffer.subarray(0, total));
    return end;
  }

  #readTotal(): void {
    const size = varintLength(this.#partial, 1, this.#partialLength);
    if (size > 0) this.#partialTotal = 1 + size + varint(this.#partial, 1);
    else if (this.#partialLength >= MAX_HEADER_BYTES) this.#fail();
  }

  /** Grows in proportion to what has really arrived: announcing a large packet costs nothing. */
  #append(chunk: Buffer, start: number, end: number): void {
    const length = this.#partialLength + end - start;
    if (length > this.#partial.length) {
      const size = Math.max(MIN_GATHER_BYTES, length, this.#partial.length * 2);
      const limit = this.#partialTotal === 0 ? size : Math.max(length, this.#partialTotal);
      const grown = Buffer.allocUnsafe(Math.min(size, limit));
      this.#partial.copy(grown, 0, 0, this.#partialLength);
      this.#partial = grown;
    }
    chunk.copy(this.#partial, this.#partialLength, start, end);
    this.#partialLength = length;
  }

  #fail(): void {
    this.#isDead = true;
    this.#events.onMalformed('a packet length of more than four bytes');
  }
}

const EMPTY = Buffer.alloc(0);
