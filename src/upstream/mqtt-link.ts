/**
 * One MQTT session on one network connection, from CONNECT to its end, by MQTT.js's documented API.
 * It never reconnects: whoever holds it opens a new one. Knows packets and acknowledgements, not NATS.
 */
import type { Duplex } from 'node:stream';
import { type IClientPublishOptions, type IConnackPacket, MqttClient, type Packet } from 'mqtt';
import type { InboundPublication, OutboundPublication, QoS } from '../mqtt/publication.ts';
import {
  fromUserPropertyObject,
  toUserPropertyObject,
  type UserPropertyObject,
} from '../mqtt/user-properties.ts';
import type { UpstreamFeatures, UpstreamIdentity } from '../session/ports.ts';
import { AckTimer, type PendingAck } from './ack-timer.ts';
import { type BrokerOptions, mqttOptions, openStream } from './connect-options.ts';

/** Why a link is over. */
export type LinkEnd =
  /** CONNACK with a refusal; `code` as sent by the broker. */
  | { readonly kind: 'refused'; readonly code: number }
  /** DISCONNECT from the broker. */
  | { readonly kind: 'disconnected'; readonly code: number }
  /** Everything else: unreachable, cut, silent, or speaking rubbish. */
  | { readonly kind: 'lost'; readonly detail: string };

/** Capabilities that a link has read from its CONNACK. */
export interface LinkFeatures extends UpstreamFeatures {
  readonly sharedSubscriptions: boolean;
  readonly subscriptionIdentifiers: boolean;
  /** QoS 1 publications the broker accepts unacknowledged. */
  readonly receiveMaximum: number;
}

/** What a link tells its holder. No call comes after `onEnd`. */
export interface LinkEvents {
  onConnected(features: LinkFeatures): void;
  /** `identifiers`: the Subscription Identifiers of the packet, in its order. */
  onMessage(message: InboundPublication, identifiers: readonly number[]): void;
  /** The broker has answered a SUBSCRIBE, an UNSUBSCRIBE or a PINGREQ. */
  onAnswer(): void;
  /** The socket has taken what was queued; publishing may go on. */
  onDrain(): void;
  onEnd(end: LinkEnd): void;
}

/** Settings of one SUBSCRIBE. */
export interface SubscribeOptions {
  readonly qos: QoS;
  /** Subscription Identifier, or null where the broker has none. */
  readonly identifier: number | null;
  /** MQTT 5 Retain Handling: 0 sends retained messages, 2 does not. */
  readonly retainHandling: 0 | 2;
}

/** Bytes waiting for the broker's socket above which no more is published. */
const CONGESTION_BYTES = 256 * 1024;
/** How long an orderly end waits for outstanding acknowledgements and the socket. */
const END_TIMEOUT_MS = 5_000;

/** Detail of an end for which nobody has given a reason. */
export const CLOSED = 'connection closed';

const NO_IDENTIFIERS: readonly number[] = [];

/** One connection attempt and, if it succeeds, one MQTT session. */
export class MqttLink {
  #client: MqttClient;
  #stream: Duplex | null = null;
  #events: LinkEvents;
  #broker: BrokerOptions;
  #acks: AckTimer;
  #connected = false;
  #ended = false;
  /** The socket is gone, but packets it has brought are still being read. */
  #isDying = false;
  #end: LinkEnd | null = null;
  /** Callbacks of PINGREQs in the order sent; null where MQTT.js's own keepalive sent it. */
  #pings: (PendingAck | null)[] = [];
  #nextPing: PendingAck | null = null;
  #lastPubackCode = 0;
  #isDrainAwaited = false;
  #message: InboundPublication;

  constructor(broker: BrokerOptions, identity: UpstreamIdentity, events: LinkEvents) {
    this.#broker = broker;
    this.#events = events;
    this.#acks = new AckTimer(broker.ackTimeoutMs, () => this.#lose('acknowledgement time-out'));
    this.#message = emptyMessage();
    this.#client = new MqttClient(() => this.#openStream(), mqttOptions(broker, identity));
    this.#listen();
    this.#client.connect();
  }

  /** CONNACK has come and the link is not over. */
  get isConnected(): boolean {
    return this.#connected && !this.#isDying && !this.#ended;
  }

  /** True while so much waits for the socket that publishing should pause; `onDrain` follows. */
  get isCongested(): boolean {
    if (this.#stream === null || this.#stream.writableLength < CONGESTION_BYTES) return false;
    this.#awaitDrain();
    return true;
  }

  /**
   * Sends one PUBLISH. The strings in it must have been checked: MQTT.js checks none of them.
   * @param onPuback for QoS 1: the reason code; never called when the link ends first
   */
  publish(publication: OutboundPublication, onPuback: ((code: number) => void) | null): void {
    const options: IClientPublishOptions = { qos: publication.qos, retain: publication.retain };
    if (publication.properties !== null && this.#broker.protocolVersion === 5) {
      options.properties = encodeProperties(publication.properties);
    }
    const payload = publication.body.subarray(publication.payloadStart, publication.payloadEnd);
    if (publication.qos === 0 || onPuback === null) {
      // No callback: under back-pressure MQTT.js would add one drain listener per message.
      this.#client.publish(publication.topic.text, payload, options);
      return;
    }
    const ack = this.#acks.start(onPuback);
    this.#client.publish(publication.topic.text, payload, options, (error) => {
      if (error !== undefined && error !== null && !hasCode(error)) return;
      this.#acks.finish(ack, this.#lastPubackCode);
    });
  }

  /** Sends one SUBSCRIBE. `done` gets the SUBACK's reason code (≥ 0x80: refused); not called when the link ends first. */
  subscribe(filter: string, options: SubscribeOptions, done: (code: number) => void): void {
    const ack = this.#acks.start(done);
    const isV5 = this.#broker.protocolVersion === 5;
    this.#client.subscribe(
      filter,
      {
        qos: options.qos,
        ...(isV5 && { nl: false, rap: false, rh: options.retainHandling }),
        ...(options.identifier !== null && { properties: { subscriptionIdentifier: options.identifier } }),
      },
      (error, _granted, packet) => {
        const code = subackCode(error, packet);
        if (code !== null) this.#answerFilter(ack, code);
      },
    );
  }

  /** Sends one UNSUBSCRIBE; not called back when the link ends first. */
  unsubscribe(filter: string, done: () => void): void {
    const ack = this.#acks.start(done);
    this.#client.unsubscribe(filter, (error) => {
      if (!error) this.#answerFilter(ack, 0);
    });
  }

  /** Sends a PINGREQ; `done` at its PINGRESP. PINGRESPs come in order, MQTT.js's own included. */
  ping(done: () => void): void {
    this.#nextPing = this.#acks.start(done);
    this.#client.sendPing();
  }

  /** Starts a wait that counts like an acknowledgement: not finished in time, the link is lost. */
  expect(done: () => void): PendingAck {
    return this.#acks.start(done);
  }

  /** Ends a wait begun by {@link MqttLink.expect} and calls its `done`. */
  fulfil(ack: PendingAck): void {
    this.#acks.finish(ack, 0);
  }

  /** Sends what is queued, then DISCONNECT, then closes; bounded in time. No event follows but `onClosed`. */
  close(onClosed: () => void): void {
    if (this.#ended || !this.#connected) {
      this.#ended = true;
      this.#acks.stop();
      this.destroy();
      onClosed();
      return;
    }
    this.#ended = true;
    this.#acks.stop();
    const timer = setTimeout(() => this.destroy(), END_TIMEOUT_MS);
    this.#stream?.once('close', () => {
      clearTimeout(timer);
      onClosed();
    });
    this.#client.end(false);
  }

  /** Cuts the connection at once, without any event. */
  destroy(): void {
    this.#client.end(true);
    this.#stream?.destroy();
  }

  #answerFilter(ack: PendingAck, code: number): void {
    if (!this.#ended) this.#events.onAnswer();
    this.#acks.finish(ack, code);
  }

  #openStream(): Duplex {
    const stream = openStream(this.#broker);
    this.#stream = stream;
    return stream;
  }

  #listen(): void {
    const client = this.#client;
    client.on('connect', (packet) => this.#onConnect(packet));
    client.on('message', (topic, payload, packet) => this.#onMessage(topic, payload, packet));
    client.on('packetreceive', (packet) => this.#onPacket(packet));
    client.on('packetsend', (packet) => {
      if (packet.cmd !== 'pingreq') return;
      this.#pings.push(this.#nextPing);
      this.#nextPing = null;
    });
    client.on('disconnect', (packet) => {
      this.#end ??= { kind: 'disconnected', code: packet.reasonCode ?? 0 };
    });
    client.on('error', (error) => {
      if (!this.#connected && hasCode(error)) this.#end ??= { kind: 'refused', code: error.code };
      // A parser error leaves MQTT.js connected and deaf: any error is the end of the session.
      this.#loseSoon(error.message);
    });
    client.on('close', () => this.#loseSoon(CLOSED));
  }

  #onConnect(packet: IConnackPacket): void {
    if (this.#ended) return;
    this.#connected = true;
    this.#events.onConnected(readFeatures(packet, this.#broker));
  }

  #onPacket(packet: Packet): void {
    if (packet.cmd === 'puback') this.#lastPubackCode = packet.reasonCode ?? 0;
    if (packet.cmd === 'pingresp') {
      if (!this.#ended) this.#events.onAnswer();
      const ping = this.#pings.shift();
      if (ping !== null && ping !== undefined) this.#acks.finish(ping, 0);
    }
  }

  #onMessage(topic: string, payload: Buffer, packet: Packet): void {
    if (this.#ended || packet.cmd !== 'publish') return;
    const message = this.#message;
    const topicBytes = Buffer.from(topic);
    message.sequence++;
    message.topicBuffer = topicBytes;
    message.topicEnd = topicBytes.length;
    message.body = payload;
    message.payloadEnd = payload.length;
    message.qos = packet.qos;
    message.retain = packet.retain;
    message.properties = packet.properties === undefined ? null : decodeProperties(packet.properties);
    const ids = packet.properties?.subscriptionIdentifier as number | number[] | undefined;
    const identifiers = ids === undefined ? NO_IDENTIFIERS : typeof ids === 'number' ? [ids] : ids;
    try {
      this.#events.onMessage(message, identifiers);
    } catch (error) {
      // A throw inside MQTT.js's listener would stop its read pump for good.
      this.#lose(`delivery failed: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  #awaitDrain(): void {
    if (this.#isDrainAwaited || this.#stream === null) return;
    this.#isDrainAwaited = true;
    this.#stream.once('drain', () => {
      this.#isDrainAwaited = false;
      if (!this.#ended) this.#events.onDrain();
    });
  }

  /** MQTT.js reads packet by packet in turns of its own: those that came before the end still count. */
  #loseSoon(detail: string): void {
    if (!this.#connected || this.#ended) {
      this.#lose(detail);
      return;
    }
    if (this.#isDying) return;
    this.#isDying = true;
    setImmediate(() => this.#lose(detail));
  }

  #lose(detail: string): void {
    if (this.#ended) {
      this.destroy();
      return;
    }
    this.#ended = true;
    this.#acks.stop();
    this.destroy();
    this.#events.onEnd(this.#end ?? { kind: 'lost', detail });
  }
}

function emptyMessage(): InboundPublication {
  return {
    sequence: 0,
    topicBuffer: Buffer.alloc(0),
    topicStart: 0,
    topicEnd: 0,
    body: Buffer.alloc(0),
    payloadStart: 0,
    payloadEnd: 0,
    qos: 0,
    retain: false,
    properties: null,
  };
}

function hasCode(error: Error): error is Error & { code: number } {
  return 'code' in error && typeof error.code === 'number';
}

function subackCode(error: unknown, packet: Packet | undefined): number | null {
  const failed = packet ?? (error as { packet?: Packet } | null)?.packet;
  if (failed?.cmd === 'suback') return Number(failed.granted[0] ?? 0x80);
  // Without a packet the link is going down; its end is reported elsewhere.
  return null;
}

function readFeatures(packet: IConnackPacket, broker: BrokerOptions): LinkFeatures {
  const properties = packet.properties ?? {};
  const isV5 = broker.protocolVersion === 5;
  return {
    protocolVersion: broker.protocolVersion,
    maximumPacketBytes: properties.maximumPacketSize ?? Number.POSITIVE_INFINITY,
    retainAvailable: properties.retainAvailable ?? true,
    maximumQoS: properties.maximumQoS === 0 ? 0 : properties.maximumQoS === 1 ? 1 : 2,
    wildcardSubscriptions: properties.wildcardSubscriptionAvailable ?? true,
    sharedSubscriptions: properties.sharedSubscriptionAvailable ?? true,
    // No CONNACK says so; the probe does.
    isSettled: true,
    acceptsDollarTopics: true,
    acceptsDots: true,
    subscriptionIdentifiers: isV5 && (properties.subscriptionIdentifiersAvailable ?? true),
    receiveMaximum: properties.receiveMaximum ?? 65_535,
  };
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
