/**
 * Copies a PUBLISH from one client's buffer into another client's outbox, with the receiver's QoS, packet id and
 * Subscription Identifiers. Messages of one stream have equal heads, so a head is made once and kept.
 */
import type { PublishFrame } from '../wire/frame-splitter.ts';
import type { Outbox } from './outbox.ts';

const SUBSCRIPTION_IDENTIFIER = 0x0b;
const PUBLISH = 0x30;
const QOS_1 = 0x02;

/** The bytes of a copy up to the properties of the message itself. */
export interface CopyHead {
  readonly bytes: Buffer;
  /** What these bytes hold for: properties and payload of this length. */
  readonly propertyBytes: number;
  readonly bodyBytes: number;
  readonly hasPacketId: boolean;
  /** Where the packet id goes. */
  readonly packetIdAt: number;
}

/** For whom a head is made. */
export interface HeadOptions {
  readonly topic: Buffer;
  readonly protocolVersion: 4 | 5;
  readonly identifiers: readonly number[];
  readonly hasPacketId: boolean;
}

/** Whether a head fits a message. */
export function fitsHead(head: CopyHead, frame: PublishFrame, hasPacketId: boolean): boolean {
  return (
    head.bodyBytes === frame.end - frame.payloadStart &&
    head.propertyBytes === frame.payloadStart - frame.propertiesStart &&
    head.hasPacketId === hasPacketId
  );
}

/** Makes the head for a message and those like it. */
export function makeHead(frame: PublishFrame, options: HeadOptions): CopyHead {
  const { topic, protocolVersion, hasPacketId } = options;
  const bodyBytes = frame.end - frame.payloadStart;
  const propertyBytes = frame.payloadStart - frame.propertiesStart;
  const isV5 = protocolVersion === 5;
  const prefix = isV5 ? identifierProperties(options.identifiers) : Buffer.alloc(0);
  const properties = isV5 ? [variableInteger(prefix.length + propertyBytes), prefix] : [];
  const topicLength = Buffer.from([topic.length >> 8, topic.length & 0xff]);
  const variable = [topicLength, topic, Buffer.alloc(hasPacketId ? 2 : 0), ...properties];
  const remaining = Buffer.concat(variable).length + (isV5 ? propertyBytes : 0) + bodyBytes;
  const fixed = [Buffer.from([PUBLISH | (hasPacketId ? QOS_1 : 0)]), variableInteger(remaining)];
  const packetIdAt = Buffer.concat(fixed).length + 2 + topic.length;
  return { bytes: Buffer.concat([...fixed, ...variable]), propertyBytes, bodyBytes, hasPacketId, packetIdAt };
}

/**
 * Appends a copy.
 * @param packetId of a copy with QoS 1
 */
export function appendCopy(
  outbox: Outbox,
  frame: PublishFrame,
  head: CopyHead,
  options: { protocolVersion: 4 | 5; packetId: number },
): void {
  const { buffer, end } = frame;
  const from = options.protocolVersion === 5 ? frame.propertiesStart : frame.payloadStart;
  const slab = outbox.reserve(head.bytes.length + end - from);
  const at = outbox.position;
  slab.set(head.bytes, at);
  if (head.hasPacketId) slab.writeUInt16BE(options.packetId, at + head.packetIdAt);
  const bodyAt = at + head.bytes.length;
  outbox.advance(bodyAt + buffer.copy(slab, bodyAt, from, end));
}

function identifierProperties(identifiers: readonly number[]): Buffer {
  return Buffer.concat(
    identifiers.flatMap((identifier) => [
      Buffer.from([SUBSCRIPTION_IDENTIFIER]),
      variableInteger(identifier),
    ]),
  );
}

function variableInteger(number: number): Buffer {
  const bytes: number[] = [];
  let rest = number;
  do {
    const byte = rest & 0x7f;
    rest >>>= 7;
    bytes.push(rest > 0 ? byte | 0x80 : byte);
  } while (rest > 0);
  return Buffer.from(bytes);
}
