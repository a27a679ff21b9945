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
const FIRST_KEPT_BYTES = 64;

/** See the head of the file. */
export class FrameSplitter {
  /** 5 where packets carry properties. */
  protocolVersion: 4 | 5 = 5;
  readonly #handler: FrameHandler;
  /** The beginning of a packet whose end has not come yet. */
  #kept = Buffer.allocUnsafeSlow(FIRST_KEPT_BYTES);
  #have = 0;
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
    let start = this.#have === 0 ? 0 : this.#complete(chunk);
    while (start < chunk.length && this.#readVariableInteger(chunk, start + 1)) {
      const end = this.#at + this.#value;
      if (end > chunk.length) break;
      this.#handOut(chunk, start, end);
      start = end;
    }
    if (start < chunk.length) this.#keep(chunk, start, chunk.length);
  }

  /** Continues the packet that began in an earlier chunk; @returns where the next one begins in this chunk */
  #complete(chunk: Buffer): number {
    let at = 0;
    while (!this.#readVariableInteger(this.#kept.subarray(0, this.#have), 1)) {
      if (at === chunk.length) return at;
      this.#keep(chunk, at, ++at);
    }
    const size = this.#at + this.#value;
    const end = Math.min(chunk.length, at + size - this.#have);
    this.#keep(chunk, at, end);
    if (this.#have < size) return end;
    this.#have = 0;
    this.#handOut(this.#kept, 0, size);
    return end;
  }

  /** Every byte of a packet in parts is copied once, however many parts there are. */
  #keep(chunk: Buffer, start: number, end: number): void {
    const needed = this.#have + end - start;
    if (needed > this.#kept.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#kept.length));
      this.#kept.copy(larger, 0, 0, this.#have);
      this.#kept = larger;
    }
    chunk.copy(this.#kept, this.#have, start, end);
    this.#have = needed;
  }

  /** Precondition: the length of this packet was the last integer read. */
  #handOut(buffer: Buffer, start: number, end: number): void {
    if ((buffer[start] ?? 0) >> 4 === PUBLISH) this.#publish(buffer, start, this.#at, end);
    else this.#handler.onPacket(buffer, start, end);
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
