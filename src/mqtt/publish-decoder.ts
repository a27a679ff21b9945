/**
 * Bytes to PUBLISH: where topic, payload and Subscription Identifiers are, without making strings of them. Properties
 * are decoded when somebody asks. Must not know where the bytes come from.
 */
import type { ByteRange } from '../util/byte-range.ts';
import type { InboundPublication, PublicationProperties } from './publication.ts';
import { PROPERTY } from './wire.ts';

const EMPTY = Buffer.alloc(0);
const NO_IDENTIFIERS: readonly number[] = [];

/** A message as {@link PublishDecoder.decode} has found it; one object per decoder. */
class WirePublication implements InboundPublication {
  sequence = 0;
  topicBuffer: Buffer = EMPTY;
  topicStart = 0;
  topicEnd = 0;
  body: Buffer = EMPTY;
  payloadStart = 0;
  payloadEnd = 0;
  qos: 0 | 1 = 0;
  retain = false;
  /** The property section. */
  readonly section: ByteRange = { buffer: EMPTY, start: 0, end: 0 };
  hasUserProperties = false;
  /** Properties that cross the gateway and are no user properties. */
  hasOthers = false;
  #decoded: PublicationProperties | null = null;
  #decodedSequence = -1;

  get properties(): PublicationProperties | null {
    if (!this.hasUserProperties && !this.hasOthers) return null;
    if (this.#decodedSequence !== this.sequence) {
      this.#decoded = decodeProperties(this.section);
      this.#decodedSequence = this.sequence;
    }
    return this.#decoded;
  }

  get wireUserProperties(): Readonly<ByteRange> | null {
    return this.hasUserProperties && !this.hasOthers ? this.section : null;
  }
}

/** Decodes one PUBLISH after the other into the same objects. */
export class PublishDecoder {
  /** Subscription Identifiers of the last message, in its order. */
  identifiers: readonly number[] = NO_IDENTIFIERS;
  /** Nearly every message has one: no array is made for it. */
  readonly #one: [number] = [0];
  /** Of the last message; 0 with QoS 0. */
  packetId = 0;
  readonly #message = new WirePublication();
  readonly #isV5: boolean;

  constructor(protocolVersion: 4 | 5) {
    this.#isV5 = protocolVersion === 5;
  }

  /**
   * Reads what stands behind the fixed header of a PUBLISH with QoS 0 or 1.
   * @param flags first byte of the packet
   * @returns the message, valid until the next call; null when the packet is malformed
   * @see MQTT 5.0 §3.3
   */
  decode(buffer: Buffer, flags: number, start: number, end: number): InboundPublication | null {
    const message = this.#message;
    const topicStart = start + 2;
    const topicEnd = topicStart + uint16(buffer, start);
    const qos = (flags >> 1) & 1;
    let pos = topicEnd + (qos === 0 ? 0 : 2);
    // An empty topic needs a Topic Alias, which we have not allowed.
    if (pos > end || topicEnd === topicStart) return null;
    this.packetId = qos === 0 ? 0 : uint16(buffer, topicEnd);
    message.sequence++;
    this.identifiers = NO_IDENTIFIERS;
    message.hasUserProperties = false;
    message.hasOthers = false;
    if (this.#isV5) {
      pos = this.#readSection(buffer, pos, end);
      if (pos < 0) return null;
    }
    message.topicBuffer = buffer;
    message.topicStart = topicStart;
    message.topicEnd = topicEnd;
    message.body = buffer;
    message.payloadStart = pos;
    message.payloadEnd = end;
    message.qos = qos === 0 ? 0 : 1;
    message.retain = (flags & 1) !== 0;
    return message;
  }

  /** The last message no longer keeps its buffer alive. */
  release(): void {
    const message = this.#message;
    message.topicBuffer = EMPTY;
    message.body = EMPTY;
    message.section.buffer = EMPTY;
  }

  /** @returns where the payload begins, or -1 when the section is malformed */
  #readSection(buffer: Buffer, start: number, end: number): number {
    const sectionStart = start + varintLength(buffer, start, end);
    if (sectionStart <= start) return -1;
    const sectionEnd = sectionStart + varint(buffer, start);
    if (sectionEnd > end) return -1;
    let pos = sectionStart;
    while (pos < sectionEnd) {
      pos = this.#readProperty(buffer, pos, sectionEnd);
      if (pos < 0) return -1;
    }
    const { section } = this.#message;
    section.buffer = buffer;
    section.start = sectionStart;
    section.end = sectionEnd;
    return sectionEnd;
  }

  #addIdentifier(identifier: number): void {
    if (this.identifiers === NO_IDENTIFIERS) {
      this.#one[0] = identifier;
      this.identifiers = this.#one;
    } else this.identifiers = [...this.identifiers, identifier];
  }

  /** @returns where the next property begins, or -1 */
  #readProperty(buffer: Buffer, at: number, end: number): number {
    const id = buffer[at] ?? 0;
    if (id === PROPERTY.SUBSCRIPTION_IDENTIFIER) {
      const size = varintLength(buffer, at + 1, end);
      if (size === 0) return -1;
      this.#addIdentifier(varint(buffer, at + 1));
      return at + 1 + size;
    }
    const next = propertyEnd(buffer, at, end);
    if (next < 0) return -1;
    if (id === PROPERTY.USER_PROPERTY) this.#message.hasUserProperties = true;
    else if (id !== PROPERTY.PAYLOAD_FORMAT) this.#message.hasOthers = true;
    return next;
  }
}

/** @returns position behind the property at `at`, or -1 when it is unknown in a PUBLISH or does not fit */
function propertyEnd(buffer: Buffer, at: number, end: number): number {
  const next = unboundedEnd(buffer, at);
  return next > end ? -1 : next;
}

function unboundedEnd(buffer: Buffer, at: number): number {
  switch (buffer[at]) {
    case PROPERTY.PAYLOAD_FORMAT:
      return at + 2;
    case PROPERTY.MESSAGE_EXPIRY:
      return at + 5;
    case PROPERTY.CONTENT_TYPE:
    case PROPERTY.RESPONSE_TOPIC:
    case PROPERTY.CORRELATION_DATA:
      return stringEnd(buffer, at + 1);
    case PROPERTY.USER_PROPERTY:
      return stringEnd(buffer, stringEnd(buffer, at + 1));
    default:
      // A Topic Alias among them: we have allowed none.
      return -1;
  }
}

function decodeProperties({ buffer, start, end }: ByteRange): PublicationProperties {
  const properties: PublicationProperties = {};
  const userProperties: string[] = [];
  for (let at = start; at < end; ) {
    if (buffer[at] === PROPERTY.SUBSCRIPTION_IDENTIFIER) at += 1 + varintLength(buffer, at + 1, end);
    else {
      decodeProperty(buffer, at, properties, userProperties);
      at = unboundedEnd(buffer, at);
    }
  }
  if (userProperties.length > 0) properties.userProperties = userProperties;
  return properties;
}

function decodeProperty(
  buffer: Buffer,
  at: number,
  properties: PublicationProperties,
  userProperties: string[],
): void {
  switch (buffer[at]) {
    case PROPERTY.MESSAGE_EXPIRY:
      properties.messageExpiry = buffer.readUInt32BE(at + 1);
      break;
    case PROPERTY.CONTENT_TYPE:
      properties.contentType = text(buffer, at + 1);
      break;
    case PROPERTY.RESPONSE_TOPIC:
      properties.responseTopic = text(buffer, at + 1);
      break;
    case PROPERTY.CORRELATION_DATA:
      // A copy: it may outlive the buffer, which is reused or large.
      properties.correlationData = Buffer.from(buffer.subarray(at + 3, stringEnd(buffer, at + 1)));
      break;
    case PROPERTY.USER_PROPERTY:
      userProperties.push(text(buffer, at + 1), text(buffer, stringEnd(buffer, at + 1)));
      break;
    default:
  }
}

function text(buffer: Buffer, at: number): string {
  return buffer.toString('utf8', at + 2, stringEnd(buffer, at));
}

function stringEnd(buffer: Buffer, at: number): number {
  return at + 2 + uint16(buffer, at);
}

function uint16(buffer: Buffer, at: number): number {
  return ((buffer[at] ?? 0) << 8) | (buffer[at + 1] ?? 0);
}

/** Bytes of the Variable Byte Integer at `at`; 0 when it has no end before `end` or within four bytes. */
export function varintLength(buffer: Buffer, at: number, end: number): number {
  for (let i = 0; i < 4 && at + i < end; i++) if ((buffer[at + i] ?? 0) < 128) return i + 1;
  return 0;
}

/** Value of the Variable Byte Integer at `at`, which {@link varintLength} has found to be one. */
export function varint(buffer: Buffer, at: number): number {
  let value = 0;
  for (let i = 0, shift = 0; ; i++, shift += 7) {
    const byte = buffer[at + i] ?? 0;
    value += (byte & 127) << shift;
    if (byte < 128) return value;
  }
}
