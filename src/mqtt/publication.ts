/**
 * The MQTT message as the gateway uses it, outbound (to the broker) and inbound (from it).
 * Topic and payload are bytes; knows nothing of NATS.
 */
import type { ByteRange } from '../util/byte-range.ts';

/** MQTT quality of service the gateway uses; QoS 2 is never asked for. */
export type QoS = 0 | 1;

/** A topic name or filter, validated once and kept with its wire form. */
export interface TopicName {
  readonly text: string;
  /** UTF-8 without length prefix. */
  readonly bytes: Buffer;
}

/** User properties in order, repeats kept: name, value, name, value … */
export type UserProperties = readonly string[];

/** Properties of an MQTT 5 PUBLISH that cross the gateway. */
export interface PublicationProperties {
  userProperties?: UserProperties;
  /**
   * User properties as on the wire, in front of `userProperties`; only for links that
   * take them so (`UpstreamFeatures.takesWireProperties`). Valid until the receiver returns.
   */
  wireUserProperties?: Readonly<ByteRange>;
  responseTopic?: string;
  correlationData?: Buffer;
  contentType?: string;
  /** Seconds. */
  messageExpiry?: number;
}

/** A message to the broker. `body` must not change after the call. */
export interface OutboundPublication {
  topic: TopicName;
  body: Buffer;
  payloadStart: number;
  payloadEnd: number;
  qos: QoS;
  retain: boolean;
  properties: PublicationProperties | null;
}

/** A message from the broker. Reused: valid only until the receiver returns; what outlives it is copied. */
export interface InboundPublication {
  /** Increases by one with every message of an upstream session: a key for work done once per message. */
  readonly sequence: number;
  /** Holds the topic name. */
  readonly topicBuffer: Buffer;
  readonly topicStart: number;
  readonly topicEnd: number;
  readonly body: Buffer;
  readonly payloadStart: number;
  readonly payloadEnd: number;
  readonly qos: 0 | 1 | 2;
  readonly retain: boolean;
  /** Null when there are none that cross the gateway. Decoded when first asked for. */
  readonly properties: PublicationProperties | null;
  /**
   * The properties as on the wire, where they are nothing but user properties and Subscription Identifiers: cheaper
   * than decoding them. Null in every other case.
   */
  readonly wireUserProperties: Readonly<ByteRange> | null;
}
