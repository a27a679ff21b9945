/**
 * The first eight bytes of every payload: which stream a message belongs to and its number in it. A receiver that
 * checks them notices the first message that is lost, doubled or out of order.
 */

/** Bytes at the start of a payload that {@link writeSequence} fills. */
const SEQUENCE_BYTES = 8;

/** Writes the number of a message; the four bytes of the stream follow it and stay. */
export function writeSequence(buffer: Buffer, at: number, sequence: number): void {
  buffer[at] = sequence & 0xff;
  buffer[at + 1] = (sequence >>> 8) & 0xff;
  buffer[at + 2] = (sequence >>> 16) & 0xff;
  buffer[at + 3] = sequence >>> 24;
}

/** Writes the stream that a message belongs to. */
export function writeStream(buffer: Buffer, at: number, stream: number): void {
  buffer.writeUInt32LE(stream, at + 4);
}

function readNumber(buffer: Buffer, at: number): number {
  const low = (buffer[at] ?? 0) | ((buffer[at + 1] ?? 0) << 8) | ((buffer[at + 2] ?? 0) << 16);
  return (low | ((buffer[at + 3] ?? 0) << 24)) >>> 0;
}

/** What has arrived of one stream. */
export class SequenceCheck {
  /** Messages in order and complete so far. */
  received = 0;
  /** The first message out of place; null while there is none. */
  fault: string | null = null;
  #stream = 0;

  /** Forgets everything and waits for message 0 of this stream. */
  expect(stream: number): void {
    this.#stream = stream;
    this.received = 0;
    this.fault = null;
  }

  /** Takes the message whose payload begins at `at`. */
  take(buffer: Buffer, at: number, end: number): void {
    const isNext =
      end - at >= SEQUENCE_BYTES &&
      readNumber(buffer, at) === this.received &&
      readNumber(buffer, at + 4) === this.#stream;
    if (isNext) this.received++;
    else this.#complain(buffer, at, end);
  }

  #complain(buffer: Buffer, at: number, end: number): void {
    if (this.fault !== null) return;
    const expected = `message ${this.received} of stream ${this.#stream}`;
    if (end - at < SEQUENCE_BYTES) {
      this.fault = `${end - at} bytes of payload in place of ${expected}`;
      return;
    }
    const number = readNumber(buffer, at);
    const stream = readNumber(buffer, at + 4);
    if (stream !== this.#stream) this.fault = `message ${number} of stream ${stream} in place of ${expected}`;
    else if (number < this.received) this.fault = `message ${number} again in place of ${expected}`;
    else this.fault = `message ${number} in place of ${expected}: lost or overtaken`;
  }
}
