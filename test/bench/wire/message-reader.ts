/**
 * Reads what a NATS server sends, without making a string of a message: only the sizes at the end of its line matter.
 */

/** Who takes the operations. */
export interface MessageHandler {
  /** One MSG or HMSG, whose line begins at `lineStart`; the payload without its headers. */
  onMessage(buffer: Buffer, payloadStart: number, payloadEnd: number, lineStart: number): void;
  /** Any other line but `+OK`, such as `PONG`, without its end. */
  onLine(line: string): void;
}

const LF = 0x0a;
const CR = 0x0d;
const BLANK = 0x20;
const M = 0x4d;
const H = 0x48;
const PLUS = 0x2b;
/** Shorter than `MSG s 1 0`: the end of a line need not be looked for in it. */
const SHORTEST_LINE = 9;
const OK_BYTES = 5;

/** See the head of the file. */
export class MessageReader {
  /** `+OK` lines so far. */
  confirmed = 0;
  readonly #handler: MessageHandler;
  #rest: Buffer | null = null;
  /** Where {@link MessageReader.#number} has found the blank in front of a number. */
  #before = 0;

  constructor(handler: MessageHandler) {
    this.#handler = handler;
  }

  /** Takes what has arrived; hands out everything that is complete. */
  push(chunk: Buffer): void {
    const buffer = this.#rest === null ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    for (;;) {
      const next = this.#operation(buffer, at);
      if (next < 0) break;
      at = next;
    }
    this.#rest = at === buffer.length ? null : Buffer.from(buffer.subarray(at));
  }

  /** @returns where the next operation begins, or -1 when this one is not complete */
  #operation(buffer: Buffer, at: number): number {
    const first = buffer[at];
    if (first === M || first === H) return this.#message(buffer, at, first === H);
    if (first === PLUS && at + OK_BYTES <= buffer.length) {
      this.confirmed++;
      return at + OK_BYTES;
    }
    const lineEnd = buffer.indexOf(LF, at);
    if (lineEnd < 0) return -1;
    this.#handler.onLine(buffer.toString('latin1', at, lineEnd - 1));
    return lineEnd + 1;
  }

  #message(buffer: Buffer, at: number, hasHeaders: boolean): number {
    let lineEnd = at + SHORTEST_LINE;
    while (lineEnd < buffer.length && buffer[lineEnd] !== LF) lineEnd++;
    if (lineEnd >= buffer.length) return -1;
    const total = this.#number(buffer, lineEnd - 2);
    const headers = hasHeaders ? this.#number(buffer, this.#before - 1) : 0;
    const end = lineEnd + 1 + total;
    if (end + 2 > buffer.length) return -1;
    if (buffer[end] !== CR || buffer[end + 1] !== LF) throw new Error('a payload does not end in CR LF');
    this.#handler.onMessage(buffer, lineEnd + 1 + headers, end, at);
    return end + 2;
  }

  /** Reads a decimal number from its last digit. */
  #number(buffer: Buffer, lastDigit: number): number {
    let value = 0;
    let weight = 1;
    let at = lastDigit;
    for (; buffer[at] !== BLANK; at--) {
      value += ((buffer[at] ?? 0) - 0x30) * weight;
      weight *= 10;
    }
    this.#before = at;
    return value;
  }
}
