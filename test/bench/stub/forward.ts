/**
 * Copies a PUBLISH from one client's buffer into another client's outbox, with the receiver's QoS, packet id and
 * Subscription Identifiers.
 */
import type { PublishFrame } from '../wire/frame-splitter.ts';
import type { Outbox } from './outbox.ts';

const SUBSCRIPTION_IDENTIFIER = 0x0b;
const PUBLISH = 0x30;
/** Fixed header, packet id and length of the properties. */
const HEAD_BYTES = 12;

/** What the copy is to look like. */
export interface CopyOptions {
  readonly protocolVersion: 4 | 5;
  /** Null at QoS 0. */
  readonly packetId: number | null;
  /** Properties in front of those of the message, see {@link identifierProperties}. */
  readonly prefix: Buffer;
}

/** @returns the encoded Subscription Identifier properties */
export function identifierProperties(identifiers: readonly number[]): Buffer {
  return Buffer.concat(
    identifiers.map((identifier) => {
      const bytes = Buffer.alloc(5);
      bytes[0] = SUBSCRIPTION_IDENTIFIER;
      return bytes.subarray(0, writeVariableInteger(bytes, 1, identifier));
    }),
  );
}

function writeVariableInteger(buffer: Buffer, start: number, number: number): number {
  let at = start;
  let rest = number;
  do {
    const byte = rest & 0x7f;
    rest >>>= 7;
    buffer[at++] = rest > 0 ? byte | 0x80 : byte;
  } while (rest > 0);
  return at;
}

function sizeOfVariableInteger(number: number): number {
  if (number < 128) return 1;
  if (number < 16_384) return 2;
  return number < 2_097_152 ? 3 : 4;
}

/** Appends a copy. */
export function appendCopy(outbox: Outbox, frame: PublishFrame, options: CopyOptions): void {
  const { buffer, topicStart, topicEnd, propertiesStart, payloadStart, end } = frame;
  const isV5 = options.protocolVersion === 5;
  const properties = isV5 ? options.prefix.length + payloadStart - propertiesStart : 0;
  const propertyHead = isV5 ? sizeOfVariableInteger(properties) : 0;
  const idBytes = options.packetId === null ? 0 : 2;
  const remaining = 2 + (topicEnd - topicStart) + idBytes + propertyHead + properties + (end - payloadStart);
  const slab = outbox.reserve(remaining + HEAD_BYTES);
  let at = outbox.position;
  slab[at] = PUBLISH | (options.packetId === null ? 0 : 2);
  at = writeVariableInteger(slab, at + 1, remaining);
  at += buffer.copy(slab, at, topicStart - 2, topicEnd);
  if (options.packetId !== null) at = slab.writeUInt16BE(options.packetId, at);
  if (isV5) {
    at = writeVariableInteger(slab, at, properties);
    at += options.prefix.copy(slab, at);
    at += buffer.copy(slab, at, propertiesStart, payloadStart);
  }
  outbox.advance(at + buffer.copy(slab, at, payloadStart, end));
}
