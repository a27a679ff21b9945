/**
 * The everyday header block straight to user properties on the wire, and back: lines of printable ASCII, nothing of the
 * gateway's own. For everything else both functions say so, and `headers-properties.ts` does it by strings; where both
 * do it, they agree.
 */
import { varintLength } from '../mqtt/publish-decoder.ts';
import { PROPERTY } from '../mqtt/wire.ts';
import type { ByteRange } from '../util/byte-range.ts';
import { copyBytes } from '../util/output-buffer.ts';
import { MAX_LINES, RESERVED_PREFIX } from './headers-properties.ts';

const CR = 0x0d;
const LF = 0x0a;
const SPACE = 0x20;
const COLON = 0x3a;

const FIRST_LINE = Buffer.from('NATS/1.0\r\n');
const RESERVED = Buffer.from(RESERVED_PREFIX);
const CONTROL_PREFIX = Buffer.from('mqtt-');

/** Larger blocks take the other way, where lengths are looked at one by one. */
const MAX_BYTES = 16_384;

/** Printable ASCII without blank and colon; printable ASCII. */
const NAME = 1;
const VALUE = 2;
const CLASS = new Uint8Array(256);
for (let byte = 0x20; byte < 0x7f; byte++)
  CLASS[byte] = byte === SPACE || byte === COLON ? VALUE : NAME | VALUE;

/** Room for one message; what it gives is valid until the next call. */
export class WireHeaders {
  readonly #scratch = Buffer.allocUnsafe(MAX_BYTES * 2);
  readonly #range: ByteRange = { buffer: this.#scratch, start: 0, end: 0 };
  /** Bytes written to the scratch. */
  #length = 0;
  #stamp = 0;

  /** Changes with each call: what was given under another one is gone. Never 0 after the first. */
  get stamp(): number {
    return this.#stamp;
  }

  /**
   * @param hasControls whether `Mqtt-…` headers mean something
   * @returns null when the block `body[start, end)` must be read as text
   */
  toProperties(body: Buffer, start: number, end: number, hasControls: boolean): Readonly<ByteRange> | null {
    this.#stamp++;
    if (end - start > MAX_BYTES || !startsWith(body, start, FIRST_LINE)) return null;
    this.#length = 0;
    let at = start + FIRST_LINE.length;
    for (let lines = 0; body[at] !== CR; lines++) {
      if (lines === MAX_LINES) return null;
      at = this.#putProperty(body, at, end, hasControls);
      if (at < 0) return null;
    }
    const isWhole = this.#length > 0 && body[at + 1] === LF && at + 2 === end;
    return isWhole ? this.#taken() : null;
  }

  /** @returns null when the properties must be read as text */
  toBlock({ buffer, start, end }: Readonly<ByteRange>): Readonly<ByteRange> | null {
    this.#stamp++;
    if (end - start > MAX_BYTES) return null;
    this.#length = copyBytes(FIRST_LINE, 0, FIRST_LINE.length, this.#scratch, 0);
    for (let at = start; at < end; ) {
      const id = buffer[at];
      if (id === PROPERTY.SUBSCRIPTION_IDENTIFIER) at += 1 + varintLength(buffer, at + 1, end);
      else if (id === PROPERTY.PAYLOAD_FORMAT) at += 2;
      else at = this.#putLine(buffer, at + 1);
      if (at < 0) return null;
    }
    this.#length = putLineEnd(this.#scratch, this.#length);
    return this.#taken();
  }

  #taken(): Readonly<ByteRange> {
    this.#range.end = this.#length;
    return this.#range;
  }

  /** Takes the line at `at`. @returns where the next one begins, or -1 */
  #putProperty(body: Buffer, at: number, end: number, hasControls: boolean): number {
    if (startsWith(body, at, RESERVED) || (hasControls && isControl(body, at))) return -1;
    const out = this.#scratch;
    const nameTo = this.#length + 3;
    const nameSize = copyWhile(NAME, body, at, end, out, nameTo);
    const colon = at + nameSize;
    if (nameSize === 0 || body[colon] !== COLON || body[colon + 1] !== SPACE) return -1;
    const valueTo = nameTo + nameSize + 2;
    const valueSize = copyWhile(VALUE, body, colon + 2, end, out, valueTo);
    const eol = colon + 2 + valueSize;
    if (body[eol] !== CR || body[eol + 1] !== LF || eol + 2 > end) return -1;
    out[this.#length] = PROPERTY.USER_PROPERTY;
    putUint16(out, this.#length + 1, nameSize);
    putUint16(out, valueTo - 2, valueSize);
    this.#length = valueTo + valueSize;
    return eol + 2;
  }

  /** Takes the name and the value at `at`. @returns where the next property begins, or -1 */
  #putLine(buffer: Buffer, at: number): number {
    const nameAt = at + 2;
    const nameEnd = nameAt + uint16(buffer, at);
    if (nameEnd === nameAt || startsWith(buffer, nameAt, RESERVED)) return -1;
    const out = this.#scratch;
    let to = this.#length + copyWhile(NAME, buffer, nameAt, nameEnd, out, this.#length);
    if (to - this.#length < nameEnd - nameAt) return -1;
    out[to] = COLON;
    out[to + 1] = SPACE;
    to += 2;
    const valueAt = nameEnd + 2;
    const valueEnd = valueAt + uint16(buffer, nameEnd);
    const valueSize = copyWhile(VALUE, buffer, valueAt, valueEnd, out, to);
    if (valueSize < valueEnd - valueAt) return -1;
    this.#length = putLineEnd(out, to + valueSize);
    return valueEnd;
  }
}

/** Copies as long as the bytes are of a class: looking and copying in one go. @returns how many there were */
function copyWhile(
  wanted: number,
  source: Buffer,
  start: number,
  end: number,
  out: Buffer,
  to: number,
): number {
  let at = start;
  for (let shift = to - start; at < end; at++) {
    const byte = source[at] ?? 0;
    if (((CLASS[byte] ?? 0) & wanted) === 0) break;
    out[at + shift] = byte;
  }
  return at - start;
}

function startsWith(bytes: Buffer, at: number, prefix: Buffer): boolean {
  for (let i = 0; i < prefix.length; i++) if (bytes[at + i] !== prefix[i]) return false;
  return true;
}

/** Header names are compared without regard to case. */
function isControl(bytes: Buffer, at: number): boolean {
  for (let i = 0; i < CONTROL_PREFIX.length; i++) {
    if (((bytes[at + i] ?? 0) | 0x20) !== ((CONTROL_PREFIX[i] ?? 0) | 0x20)) return false;
  }
  return true;
}

function putUint16(out: Buffer, to: number, value: number): void {
  out[to] = value >> 8;
  out[to + 1] = value & 255;
}

function putLineEnd(out: Buffer, to: number): number {
  out[to] = CR;
  out[to + 1] = LF;
  return to + 2;
}

function uint16(bytes: Buffer, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}
