/**
 * Bytes that arrive in pieces and are needed in one.
 * Must not know what they are.
 */

const EMPTY = Buffer.alloc(0);

/** Grows in proportion to what has really arrived: announcing a large body costs nothing, and many small pieces stay linear. */
export class GatheredBytes {
  /** Holds the bytes from 0 to `length`; what is behind them is not initialised. */
  buffer: Buffer = EMPTY;
  length = 0;

  /**
   * Appends `source[start, end)`.
   * @param minBytes smallest allocation
   * @param maxBytes largest allocation, at least the length afterwards
   */
  append(source: Buffer, start: number, end: number, minBytes: number, maxBytes: number): void {
    const length = this.length + end - start;
    if (length > this.buffer.length) {
      const size = Math.max(minBytes, length, this.buffer.length * 2);
      const grown = Buffer.allocUnsafe(Math.min(size, maxBytes));
      this.buffer.copy(grown, 0, 0, this.length);
      this.buffer = grown;
    }
    source.copy(this.buffer, this.length, start, end);
    this.length = length;
  }

  /** Starts again without the memory, which others may hold on to. */
  clear(): void {
    if (this.buffer === EMPTY) return;
    this.buffer = EMPTY;
    this.length = 0;
  }
}
