/**
 * PUBLISH and PUBACK to bytes. What goes in must have been checked: names, lengths and limits of the broker are the
 * caller's business. Must not know when and where the bytes are written.
 */
import { copyBytes, type OutputBuffer } from '../util/output-buffer.ts';
import type { OutboundPublication, PublicationProperties } from './publication.ts';
import { PACKET, PROPERTY, varintSize } from './wire.ts';

/** First byte, remaining length, topic length, packet id, property length: at most this many bytes. */
const FIXED_BYTES = 1 + 4 + 2 + 2 + 4;

/**
 * Appends a PUBLISH. Large payloads are kept by reference.
 * @param packetId 1 to 65,535; not looked at with QoS 0
 * @see MQTT 5.0 §3.3
 */
export function writePublish(
  out: OutputBuffer,
  publication: OutboundPublication,
  packetId: number,
  protocolVersion: 4 | 5,
): void {
  const { topic, body, payloadStart, payloadEnd, qos, properties } = publication;
  const topicBytes = topic.bytes;
  const propertyBytes = protocolVersion === 4 || properties === null ? 0 : propertiesSize(properties);
  const head = topicBytes.length + (qos === 0 ? 2 : 4);
  const section = protocolVersion === 4 ? 0 : varintSize(propertyBytes) + propertyBytes;
  out.ensure(FIXED_BYTES + topicBytes.length + propertyBytes);
  const { buf } = out;
  let pos = out.pos;
  buf[pos++] = PACKET.PUBLISH | (qos << 1) | (publication.retain ? 1 : 0);
  pos = putVarint(buf, pos, head + section + payloadEnd - payloadStart);
  pos = putUint16(buf, pos, topicBytes.length);
  pos = copyBytes(topicBytes, 0, topicBytes.length, buf, pos);
  if (qos !== 0) pos = putUint16(buf, pos, packetId);
  if (protocolVersion === 5) {
    pos = putVarint(buf, pos, propertyBytes);
    if (properties !== null) pos = putProperties(out, pos, properties);
  }
  out.pos = pos;
  out.appendBytes(body, payloadStart, payloadEnd);
}

/** Appends a PUBACK that says that all is well. @see MQTT 5.0 §3.4.2.1: the reason code 0 may be left out */
export function writePuback(out: OutputBuffer, packetId: number): void {
  out.ensure(4);
  const { buf, pos } = out;
  buf[pos] = PACKET.PUBACK;
  buf[pos + 1] = 2;
  out.pos = putUint16(buf, pos + 2, packetId);
}

function propertiesSize(properties: PublicationProperties): number {
  const { userProperties, wireUserProperties, responseTopic, correlationData, contentType } = properties;
  let size = 0;
  if (properties.messageExpiry !== undefined) size += 5;
  if (contentType !== undefined) size += 3 + Buffer.byteLength(contentType);
  if (responseTopic !== undefined) size += 3 + Buffer.byteLength(responseTopic);
  if (correlationData !== undefined) size += 3 + correlationData.length;
  if (wireUserProperties !== undefined) size += wireUserProperties.end - wireUserProperties.start;
  if (userProperties !== undefined) size += userPropertiesSize(userProperties);
  return size;
}

function userPropertiesSize(list: readonly string[]): number {
  let size = 0;
  for (let i = 0; i + 1 < list.length; i += 2) {
    size += 5 + Buffer.byteLength(list[i] ?? '') + Buffer.byteLength(list[i + 1] ?? '');
  }
  return size;
}

/** There is room for all of it. */
function putProperties(out: OutputBuffer, start: number, properties: PublicationProperties): number {
  const { buf } = out;
  const { userProperties, wireUserProperties, responseTopic, correlationData, contentType } = properties;
  let pos = start;
  if (properties.messageExpiry !== undefined) {
    buf[pos++] = PROPERTY.MESSAGE_EXPIRY;
    pos = buf.writeUInt32BE(properties.messageExpiry, pos);
  }
  if (contentType !== undefined) {
    buf[pos++] = PROPERTY.CONTENT_TYPE;
    pos = putString(buf, pos, contentType);
  }
  if (responseTopic !== undefined) {
    buf[pos++] = PROPERTY.RESPONSE_TOPIC;
    pos = putString(buf, pos, responseTopic);
  }
  if (correlationData !== undefined) {
    buf[pos++] = PROPERTY.CORRELATION_DATA;
    pos = putUint16(buf, pos, correlationData.length);
    pos = copyBytes(correlationData, 0, correlationData.length, buf, pos);
  }
  if (wireUserProperties !== undefined) {
    out.pos = pos;
    out.appendCopy(wireUserProperties.buffer, wireUserProperties.start, wireUserProperties.end);
    pos = out.pos;
  }
  return userProperties === undefined ? pos : putUserProperties(buf, pos, userProperties);
}

function putUserProperties(buf: Buffer, start: number, list: readonly string[]): number {
  let pos = start;
  for (let i = 0; i + 1 < list.length; i += 2) {
    buf[pos++] = PROPERTY.USER_PROPERTY;
    pos = putString(buf, pos, list[i] ?? '');
    pos = putString(buf, pos, list[i + 1] ?? '');
  }
  return pos;
}

function putVarint(buf: Buffer, start: number, value: number): number {
  let pos = start;
  let rest = value;
  while (rest > 127) {
    buf[pos++] = (rest & 127) | 128;
    rest >>>= 7;
  }
  buf[pos++] = rest;
  return pos;
}

function putUint16(buf: Buffer, pos: number, value: number): number {
  buf[pos] = value >> 8;
  buf[pos + 1] = value & 255;
  return pos + 2;
}

function putString(buf: Buffer, pos: number, text: string): number {
  const size = buf.write(text, pos + 2, 'utf8');
  putUint16(buf, pos, size);
  return pos + 2 + size;
}
