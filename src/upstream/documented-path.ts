/**
 * PUBLISH and PUBACK by MQTT.js's documented API: slower than the tap, and independent of everything that is not
 * documented.
 */
import type { Duplex } from 'node:stream';
import type { IClientPublishOptions, IPublishPacket, MqttClient } from 'mqtt';
import type { InboundPublication, OutboundPublication } from '../mqtt/publication.ts';
import {
  fromUserPropertyObject,
  toUserPropertyObject,
  type UserPropertyObject,
} from '../mqtt/user-properties.ts';
import type { PendingAck } from './ack-timer.ts';
import { PacketIds } from './packet-ids.ts';
import type { PathEvents, PublicationPath } from './publication-path.ts';

const LAST_PACKET_ID = 65_535;
/** Kept for SUBSCRIBE and UNSUBSCRIBE, which have ids of the same range. */
const OTHER_PACKETS = 1024;

const NO_IDENTIFIERS: readonly number[] = [];

/** See the head of this file. */
export class DocumentedPath implements PublicationPath {
  readonly packetIds = new PacketIds(1, LAST_PACKET_ID);
  readonly maxInflight = LAST_PACKET_ID - OTHER_PACKETS;
  readonly takesWireProperties = false;
  readonly acks = null;
  readonly #isV5: boolean;
  readonly #events: PathEvents;
  #stream: Duplex | null = null;
  #client: MqttClient | null = null;
  #lastPubackCode = 0;
  #sequence = 0;

  constructor(protocolVersion: 4 | 5, events: PathEvents) {
    this.#isV5 = protocolVersion === 5;
    this.#events = events;
  }

  get pendingBytes(): number {
    return this.#stream?.writableLength ?? 0;
  }

  wrap(socket: Duplex): Duplex {
    this.#stream = socket;
    socket.on('drain', () => this.#events.onWritten());
    return socket;
  }

  attach(client: MqttClient): void {
    this.#client = client;
    client.on('message', (topic, payload, packet) => this.#onMessage(topic, payload, packet));
    client.on('packetreceive', (packet) => {
      // The callback of `publish` does not tell codes below 0x80; it runs right after this event.
      if (packet.cmd === 'puback') this.#lastPubackCode = packet.reasonCode ?? 0;
    });
  }

  open(): void {
    // MQTT.js knows by itself.
  }

  publish(publication: OutboundPublication, ack: PendingAck | null): void {
    const options: IClientPublishOptions = { qos: publication.qos, retain: publication.retain };
    if (publication.properties !== null && this.#isV5) {
      options.properties = encodeProperties(publication.properties);
    }
    const payload = publication.body.subarray(publication.payloadStart, publication.payloadEnd);
    if (ack === null) {
      // No callback: under back-pressure MQTT.js would add one drain listener per message.
      this.#client?.publish(publication.topic.text, payload, options);
      return;
    }
    this.#client?.publish(publication.topic.text, payload, options, (error) => {
      if (error !== undefined && error !== null && !isReasonCode(error)) return;
      this.#events.onPuback(ack, this.#lastPubackCode);
    });
  }

  #onMessage(topic: string, payload: Buffer, packet: IPublishPacket): void {
    const topicBuffer = Buffer.from(topic);
    this.#sequence++;
    const message: InboundPublication = {
      sequence: this.#sequence,
      topicBuffer,
      topicStart: 0,
      topicEnd: topicBuffer.length,
      body: payload,
      payloadStart: 0,
      payloadEnd: payload.length,
      qos: packet.qos,
      retain: packet.retain,
      properties: packet.properties === undefined ? null : decodeProperties(packet.properties),
      wireUserProperties: null,
    };
    const ids = packet.properties?.subscriptionIdentifier as number | number[] | undefined;
    const identifiers = ids === undefined ? NO_IDENTIFIERS : typeof ids === 'number' ? [ids] : ids;
    this.#events.onMessage(message, identifiers);
  }
}

function isReasonCode(error: Error): boolean {
  return 'code' in error && typeof error.code === 'number';
}

type PublishProperties = NonNullable<IClientPublishOptions['properties']>;

/** An empty user property object makes MQTT.js swallow the packet, so it is never built. */
function encodeProperties(source: NonNullable<OutboundPublication['properties']>): PublishProperties {
  const properties: PublishProperties = {};
  const userProperties = source.userProperties && toUserPropertyObject(source.userProperties);
  if (userProperties !== undefined) properties.userProperties = userProperties;
  if (source.responseTopic !== undefined) properties.responseTopic = source.responseTopic;
  if (source.correlationData !== undefined) properties.correlationData = source.correlationData;
  if (source.contentType !== undefined) properties.contentType = source.contentType;
  if (source.messageExpiry !== undefined) properties.messageExpiryInterval = source.messageExpiry;
  return properties;
}

function decodeProperties(source: PublishProperties): InboundPublication['properties'] {
  const { userProperties, responseTopic, correlationData, contentType, messageExpiryInterval } = source;
  if (
    !userProperties &&
    !responseTopic &&
    !correlationData &&
    !contentType &&
    messageExpiryInterval === undefined
  ) {
    return null;
  }
  const flat = userProperties ? fromUserPropertyObject(userProperties as UserPropertyObject) : [];
  return {
    ...(flat.length > 0 && { userProperties: flat }),
    ...(responseTopic !== undefined && { responseTopic }),
    ...(correlationData !== undefined && { correlationData }),
    ...(contentType !== undefined && { contentType }),
    ...(messageExpiryInterval !== undefined && { messageExpiry: messageExpiryInterval }),
  };
}
