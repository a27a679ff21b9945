/**
 * MSG for one message and any number of clients. What differs from client to client is the sid, and most have the same
 * one: then what was written for the one before is copied as a whole. Must not know where a message comes from.
 */
import type { OutputBuffer } from '../util/output-buffer.ts';
import { SMALL_BYTES, writeMsg } from './encoder.ts';

/** A message without headers and reply. The same object with the same `sequence` is the same message. */
export interface PlainMessage {
  readonly body: Buffer;
  readonly payloadStart: number;
  readonly payloadEnd: number;
  readonly sequence: number;
}

const EMPTY = Buffer.alloc(0);

/**
 * See the head of the file. All clients of one message have to be written to in one go: the bytes that are copied are
 * those in the output of the client before, which may be sent and overwritten afterwards.
 */
export class MessageWriter {
  #message: PlainMessage | null = null;
  #sequence = -1;
  /** From the second client on: most messages have but one, and nothing is to be paid for those. */
  #isKept = false;
  #subject: Buffer = EMPTY;
  #sid: Buffer = EMPTY;
  /** Where it was written; a view of it is made when it is copied for the first time. */
  #slab: Buffer = EMPTY;
  #start = 0;
  #end = 0;
  #written: Uint8Array | null = null;

  /** As `writeMsg` without a reply. @param subject the same object for all clients that see the same name */
  write(out: OutputBuffer, subject: Buffer, sid: Buffer, message: PlainMessage): void {
    const { body, payloadStart, payloadEnd } = message;
    if (message !== this.#message || message.sequence !== this.#sequence) {
      this.#message = message;
      this.#sequence = message.sequence;
      this.#isKept = false;
      writeMsg(out, subject, sid, null, body, payloadStart, payloadEnd);
    } else if (this.#isKept && subject === this.#subject && isSame(sid, this.#sid)) {
      this.#repeat(out);
    } else {
      const lengthBefore = out.length;
      writeMsg(out, subject, sid, null, body, payloadStart, payloadEnd);
      if (payloadEnd - payloadStart <= SMALL_BYTES) this.#keep(out, lengthBefore, subject, sid);
    }
  }

  #keep(out: OutputBuffer, lengthBefore: number, subject: Buffer, sid: Buffer): void {
    this.#isKept = true;
    this.#subject = subject;
    this.#sid = sid;
    this.#slab = out.buf;
    this.#start = out.pos - (out.length - lengthBefore);
    this.#end = out.pos;
    this.#written = null;
  }

  #repeat(out: OutputBuffer): void {
    let written = this.#written;
    if (written === null) {
      const { buffer, byteOffset } = this.#slab;
      written = new Uint8Array(buffer, byteOffset + this.#start, this.#end - this.#start);
      this.#written = written;
    }
    out.ensure(written.length);
    out.buf.set(written, out.pos);
    out.pos += written.length;
  }
}

function isSame(one: Buffer, other: Buffer): boolean {
  if (one === other) return true;
  const size = one.length;
  if (other.length !== size) return false;
  for (let i = 0; i < size; i++) if (one[i] !== other[i]) return false;
  return true;
}
