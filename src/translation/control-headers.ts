/**
 * The `Mqtt-…` headers by which a NATS client sets fields of the MQTT message.
 * Decides what a value means; whether it may be used (permissions, reserved topics) is for the caller.
 */
import type { QoS } from '../mqtt/publication.ts';
import { isTooLong, MAX_STRING_BYTES, stringFault, topicNameFault } from '../mqtt/topic.ts';

/** Largest Message Expiry Interval in seconds. @see MQTT 5.0 §3.3.2.3.3 */
const MAX_EXPIRY_SECONDS = 0xffff_ffff;

/** Fields that a client's headers asked for. */
export interface ControlFields {
  qos?: QoS;
  retain?: boolean;
  /** Seconds. */
  messageExpiry?: number;
  contentType?: string;
  /** A valid topic name as the client wrote it: not yet under its mountpoint, nor checked for reserved names. */
  responseTopic?: string;
  correlationData?: Buffer;
}

/** Header that carries {@link ControlFields.contentType}, in both directions. */
export const CONTENT_TYPE_HEADER = 'Mqtt-Content-Type';

/** Header that carries {@link ControlFields.correlationData} in base64url, in both directions. */
export const CORRELATION_HEADER = 'Mqtt-Correlation-Data';

/** Header set to `true` on delivery of a retained message. */
export const RETAINED_HEADER = 'Mqtt-Retained';

/** Takes one value over; false when it is invalid. */
type Setter = (fields: ControlFields, value: string) => boolean;

const SETTERS: ReadonlyMap<string, Setter> = new Map<string, Setter>([
  ['mqtt-qos', setQos],
  ['mqtt-retain', setRetain],
  ['mqtt-message-expiry', setMessageExpiry],
  [CONTENT_TYPE_HEADER.toLowerCase(), setContentType],
  ['mqtt-response-topic', setResponseTopic],
  [CORRELATION_HEADER.toLowerCase(), setCorrelationData],
]);

/** Longest name in {@link SETTERS}, to spare other headers the change of case. */
const LONGEST_NAME = Math.max(...Array.from(SETTERS.keys(), (name) => name.length));

/** Reads control headers of one block; the first valid one of a name counts. */
export class ControlReader {
  /** Null until a valid control header was seen. */
  fields: ControlFields | null = null;
  /** Control headers whose value made no sense. */
  ignored = 0;

  /** Looks at one header; letter case of the name does not matter. */
  read(name: string, value: string): void {
    const isCandidate = name.length <= LONGEST_NAME && name[4] === '-' && /^mqtt/i.test(name);
    if (!isCandidate) return;
    const set = SETTERS.get(name.toLowerCase());
    if (set === undefined) return;
    const fields: ControlFields = this.fields ?? {};
    if (set(fields, value.trim())) this.fields = fields;
    else this.ignored++;
  }
}

function setQos(fields: ControlFields, value: string): boolean {
  if (value !== '0' && value !== '1' && value !== '2') return false;
  fields.qos ??= value === '0' ? 0 : 1;
  return true;
}

function setRetain(fields: ControlFields, value: string): boolean {
  const isRetain = /^(?:true|1)$/i.test(value);
  if (!isRetain && !/^(?:false|0)$/i.test(value)) return false;
  fields.retain ??= isRetain;
  return true;
}

function setMessageExpiry(fields: ControlFields, value: string): boolean {
  const seconds = /^\d{1,10}$/.test(value) ? Number(value) : Number.NaN;
  if (!(seconds <= MAX_EXPIRY_SECONDS)) return false;
  fields.messageExpiry ??= seconds;
  return true;
}

function setContentType(fields: ControlFields, value: string): boolean {
  if (value === '' || stringFault(value) !== null || isTooLong(value)) return false;
  fields.contentType ??= value;
  return true;
}

function setResponseTopic(fields: ControlFields, value: string): boolean {
  // Levels are counted where the mountpoint is added.
  if (topicNameFault(value, Number.POSITIVE_INFINITY) !== null) return false;
  fields.responseTopic ??= value;
  return true;
}

/** Only the one canonical spelling: the header is written anew on delivery and must come out unchanged. */
function setCorrelationData(fields: ControlFields, value: string): boolean {
  const bytes = Buffer.from(value, 'base64url');
  if (bytes.length > MAX_STRING_BYTES || bytes.toString('base64url') !== value) return false;
  fields.correlationData ??= bytes;
  return true;
}
