/**
 * Splits the arguments of one control line, without making strings of them.
 * Must not know which operation they belong to.
 */
import { MAX_NUMBER_DIGITS } from './limits.ts';

const TAB = 0x09;
const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const DIGIT_0 = 0x30;

/** One more than any operation takes, which is enough to see that there are too many. */
const MAX_ARGUMENTS = 5;

/** 1 for the bytes that end an argument; every other one, NUL and invalid UTF-8 included, may be part of it. */
const ENDS_ARGUMENT = new Uint8Array(256);
for (const byte of [TAB, LF, CR, SPACE]) ENDS_ARGUMENT[byte] = 1;

/** The comparison decides for nearly every byte there is. */
function isOfArgument(byte: number): boolean {
  return byte > SPACE || ENDS_ARGUMENT[byte] === 0;
}

/** Result of the last {@link ArgumentScanner.scan}; positions are those of the line it was given. */
export class ArgumentScanner {
  /** Arguments found, counted up to 5. */
  count = 0;
  /** A CR stood elsewhere than in front of the LF; it has been taken for a blank. */
  hasStrayCr = false;
  readonly #positions = new Int32Array(MAX_ARGUMENTS * 2);

  /**
   * Reads `line[start, end)` up to the first LF.
   * @returns position of the LF, or -1 if there is none; the result is then void
   */
  scan(line: Buffer, start: number, end: number): number {
    const positions = this.#positions;
    let count = 0;
    this.hasStrayCr = false;
    for (let at = start; at < end; at++) {
      const argumentStart = at;
      while (at < end && isOfArgument(line[at] ?? 0)) at++;
      if (at > argumentStart && count < MAX_ARGUMENTS) {
        positions[count * 2] = argumentStart;
        positions[count * 2 + 1] = at;
        count++;
      }
      if (line[at] === LF && at < end) {
        this.count = count;
        return at;
      }
      if (line[at] === CR && line[at + 1] !== LF) this.hasStrayCr = true;
    }
    return -1;
  }

  start(index: number): number {
    return this.#positions[index * 2] ?? 0;
  }

  end(index: number): number {
    return this.#positions[index * 2 + 1] ?? 0;
  }

  /** Value of an argument of the line that was scanned; -1 unless it is 1 to 9 digits. */
  number(line: Buffer, index: number): number {
    const start = this.start(index);
    const end = this.end(index);
    if (end - start > MAX_NUMBER_DIGITS) return -1;
    let value = 0;
    for (let at = start; at < end; at++) {
      const digit = (line[at] ?? 0) - DIGIT_0;
      if (digit < 0 || digit > 9) return -1;
      value = value * 10 + digit;
    }
    return value;
  }
}
