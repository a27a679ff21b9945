/** Bytes as text of as many characters. */

/** Undocumented but stable part of Buffer: `toString('latin1')` without its argument handling. */
interface Latin1Slicer {
  latin1Slice(start: number, end: number): string;
}

/** `buffer[start, end)` with one character per byte: cheap to make and to keep, and no byte is lost. */
export function latin1(buffer: Buffer, start: number, end: number): string {
  return (buffer as Buffer & Latin1Slicer).latin1Slice(start, end);
}
