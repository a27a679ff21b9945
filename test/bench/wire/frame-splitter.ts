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
    const buffer = this.#rest === null ? chunk : Buffer.concat([this.#rest, chunk]);
    let start = 0;
    for (;;) {
      if (!this.#readVariableInteger(buffer, start + 1)) break;
      const end = this.#at + this.#value;
      if (end > buffer.length) break;
      const first = buffer[start] ?? 0;
      if (first >> 4 === PUBLISH) this.#publish(buffer, start, this.#at, end);
      else this.#handler.onPacket(buffer, start, end);
      start = end;
    }
    this.#rest = start === buffer.length ? null : Buffer.from(buffer.subarray(start));
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
