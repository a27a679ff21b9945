/**
 * Cuts a byte stream into MQTT packets. PUBLISH goes one way, with its parts located, everything else another.
 */

/** A PUBLISH inside a buffer; valid during the callback only. */
export interface PublishFrame {
  buffer: Buffer;
  /** Of the whole packet. */
  start: number;
  end: number;
  topicStart: number;
  topicEnd: number;
  /** Null at QoS 0. */
  packetId: number | null;
  propertiesStart: number;
  payloadStart: number;
  qos: number;
}

/** Who takes the packets. */
export interface FrameHandler {
  onPublish(frame: PublishFrame): void;
  /** Any other packet. */
  onPacket(buffer: Buffer, start: number, end: number): void;
}

const PUBLISH = 3;
/** First byte and length of a packet. */
const MOST_HEAD_BYTES = 5;

/** See the head of the file. */
export class FrameSplitter {
  /** 5 where packets carry properties. */
  protocolVersion: 4 | 5 = 5;
  readonly #handler: FrameHandler;
  #rest: Buffer | null = null;
  #value = 0;
  #at = 0;
  readonly #frame: PublishFrame = {
    buffer: Buffer.alloc(0),
    start: 0,
    end: 0,
    topicStart: 0,
    topicEnd: 0,
    packetId: null,
    propertiesStart: 0,
    payloadStart: 0,
    qos: 0,
  };

  constructor(handler: FrameHandler) {
    this.#handler = handler;
  }

  /** Takes what has arrived; hands out every packet that is complete. */
  push(chunk: Buffer): void {
    const start = this.#rest === null ? 0 : this.#complete(this.#rest, chunk);
    const end = this.#split(chunk, start);
    if (end < chunk.length) this.#rest = Buffer.from(chunk.subarray(end));
  }

  /** Hands out the packet that began in an earlier chunk; @returns where the next one begins in this chunk */
  #complete(rest: Buffer, chunk: Buffer): number {
    const head = Buffer.concat([rest, chunk.subarray(0, MOST_HEAD_BYTES)]);
    const isKnown = this.#readVariableInteger(head, 1);
    const size = this.#at + this.#value;
    if (!isKnown || rest.length + chunk.length < size) {
      this.#rest = Buffer.concat([rest, chunk]);
      return chunk.length;
    }
    this.#rest = null;
    const end = size - rest.length;
    this.#split(Buffer.concat([rest, chunk.subarray(0, end)]), 0);
    return end;
  }

  /** @returns where the first incomplete packet begins */
  #split(buffer: Buffer, from: number): number {
    let start = from;
    while (this.#readVariableInteger(buffer, start + 1)) {
      const end = this.#at + this.#value;
      if (end > buffer.length) break;
      if ((buffer[start] ?? 0) >> 4 === PUBLISH) this.#publish(buffer, start, this.#at, end);
      else this.#handler.onPacket(buffer, start, end);
      start = end;
    }
    return start;
  }

  #publish(buffer: Buffer, start: number, bodyStart: number, end: number): void {
    const frame = this.#frame;
    frame.buffer = buffer;
    frame.start = start;
    frame.end = end;
    frame.qos = ((buffer[start] ?? 0) >> 1) & 3;
    frame.topicStart = bodyStart + 2;
    frame.topicEnd = frame.topicStart + (((buffer[bodyStart] ?? 0) << 8) | (buffer[bodyStart + 1] ?? 0));
    let at = frame.topicEnd;
    frame.packetId = null;
    if (frame.qos > 0) {
      frame.packetId = ((buffer[at] ?? 0) << 8) | (buffer[at + 1] ?? 0);
      at += 2;
    }
    frame.propertiesStart = at;
    if (this.protocolVersion === 5) {
      this.#readVariableInteger(buffer, at);
      frame.propertiesStart = this.#at;
      at = this.#at + this.#value;
    }
    frame.payloadStart = at;
    this.#handler.onPublish(frame);
  }

  /** Leaves the value and the position behind it; @returns false when more bytes are needed */
  #readVariableInteger(buffer: Buffer, start: number): boolean {
    let value = 0;
    for (let index = 0; index < 4; index++) {
      const byte = buffer[start + index];
      if (byte === undefined) return false;
      value |= (byte & 0x7f) << (7 * index);
      if (byte < 0x80) {
        this.#value = value;
        this.#at = start + index + 1;
        return true;
      }
    }
    throw new Error('a packet length of more than four bytes');
  }
}
