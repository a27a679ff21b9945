/** A piece of a buffer, without the object that a slice of it would be. */

/** Bytes `[start, end)` of a buffer. */
export interface ByteRange {
  buffer: Buffer;
  start: number;
  end: number;
}

/** All of a buffer. */
export function wholeRange(buffer: Buffer): ByteRange {
  return { buffer, start: 0, end: buffer.length };
}
