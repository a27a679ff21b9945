/**
 * Reply subjects to Response Topic and Correlation Data, and back.
 * Nothing is remembered: what a device's request needs for its answer travels in the reply subject itself, so any
 * gateway can pass the answer on.
 */

import type { QoS } from '../mqtt/publication.ts';
import { firstLevel, MAX_STRING_BYTES } from '../mqtt/topic.ts';
import type { Mapped, Refusal } from './mapped.ts';
import { mapped, refuse } from './mapped.ts';
import type { NameMapper } from './subject-topic.ts';
import { decodeUtf8Strict } from './utf8.ts';

/** First token of reply subjects that carry a device's Correlation Data. */
const PREFIX = '_MR_.';

/** First bytes of the Correlation Data that a gateway makes up for a NATS request. */
const NATS_CORRELATION = 'nats.';

/** Longest reply subject that is handed to a client: it must fit into a control line with room to spare. */
export const MAX_REPLY_BYTES = 1024;

/** Properties of a request. @see MQTT 5.0 §3.3.2.3.5, §3.3.2.3.6 */
export interface RequestProperties {
  readonly ok: true;
  readonly responseTopic: string;
  readonly correlationData: Buffer;
}

/** What an `_MR_` subject says. */
export interface DeviceReply {
  /** Subject of the device's Response Topic; not yet mapped nor checked against permissions. */
  readonly topicSubject: string;
  readonly correlation: Buffer;
  readonly qos: QoS;
}

/**
 * The reply subject of a PUB as the properties of an MQTT request. An `_MR_` subject (a device's request passed on)
 * becomes the device's own properties again, so that the answer goes to it directly.
 */
export function replyToRequest(mapper: NameMapper, reply: string): RequestProperties | Refusal {
  const device = decodeMr(reply);
  const topic = mapper.replyTopic(device?.topicSubject ?? reply);
  if (!topic.ok) return topic;
  const correlationData = device?.correlation ?? natsCorrelation(reply);
  if (correlationData.length > MAX_STRING_BYTES) {
    return refuse('too_long', 'the reply subject has a token that no Correlation Data can hold');
  }
  return { ok: true, responseTopic: topic.name, correlationData };
}

/**
 * Response Topic and Correlation Data of a message as the reply subject for the client.
 * @param responseTopic as received
 * @param correlationData undefined when the property is absent; an empty one is not the same
 * @param qos of the request: the answer gets it too
 */
export function requestToReply(
  mapper: NameMapper,
  responseTopic: string,
  correlationData: Buffer | undefined,
  qos: 0 | 1 | 2,
): Mapped {
  // A service would unknowingly speak to the broker's own topics; only service discovery lives under `$`.
  if (responseTopic.startsWith('$') && firstLevel(responseTopic) !== '$SRV') {
    return refuse('reserved', 'a Response Topic that begins with "$" is not passed on');
  }
  const subject = mapper.deliveredSubject(responseTopic);
  if (!subject.ok) return subject;
  const isNats = correlationData === undefined || correlationData.equals(natsCorrelation(subject.name));
  // Taken for a wrapped one on its way back, the plain form would send the answer somewhere else.
  const isMisleading = isNats && decodeMr(subject.name) !== null;
  if (isMisleading && correlationData === undefined) {
    return refuse('reserved', 'the Response Topic imitates a reply subject of the gateway');
  }
  const isPlain = isNats && !isMisleading;
  const reply = isPlain ? subject.name : encodeMr(subject.name, correlationData, qos);
  if (Buffer.byteLength(reply) > MAX_REPLY_BYTES) {
    return refuse('too_long', `the reply subject would be longer than ${MAX_REPLY_BYTES} bytes`);
  }
  return mapped(reply);
}

/**
 * Takes an `_MR_.<flags and Correlation Data>.<subject>` apart. Null for every other subject: it is an ordinary one.
 * Each reply has exactly one spelling, so that a permission on the literal subject cannot be sidestepped.
 */
export function decodeMr(subject: string): DeviceReply | null {
  if (!subject.startsWith(PREFIX)) return null;
  const dot = subject.indexOf('.', PREFIX.length);
  if (dot === -1 || dot + 1 === subject.length) return null;
  const encoded = subject.slice(PREFIX.length, dot);
  const bytes = Buffer.from(encoded, 'base64url');
  const flags = bytes[0];
  if (flags === undefined || bytes.toString('base64url') !== encoded) return null;
  // Bits 0 and 1 are the QoS; all others are 0 until they mean something.
  if ((flags !== 0 && flags !== 1) || bytes.length - 1 > MAX_STRING_BYTES) return null;
  return { topicSubject: subject.slice(dot + 1), correlation: bytes.subarray(1), qos: flags };
}

/** {@link decodeMr} for bytes; looks at the first five only, unless they match. */
export function decodeMrBytes(line: Buffer, start: number, end: number): DeviceReply | null {
  for (let i = 0; i < PREFIX.length; i++) {
    if (start + i >= end || line[start + i] !== PREFIX.charCodeAt(i)) return null;
  }
  const subject = decodeUtf8Strict(line, start, end);
  return subject === null ? null : decodeMr(subject);
}

function encodeMr(subject: string, correlation: Buffer | undefined, qos: 0 | 1 | 2): string {
  const flags = qos === 0 ? 0 : 1;
  const bytes = Buffer.concat([Buffer.of(flags), correlation ?? Buffer.alloc(0)]);
  return `${PREFIX}${bytes.toString('base64url')}.${subject}`;
}

/** Tells a gateway that this is a NATS reply subject, and tells concurrent requests of one inbox apart. */
function natsCorrelation(reply: string): Buffer {
  return Buffer.from(NATS_CORRELATION + reply.slice(reply.lastIndexOf('.') + 1));
}
