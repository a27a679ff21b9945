/**
 * One MQTT session on one network connection, from CONNECT to its end. MQTT.js keeps it; publications take a path of
 * their own. It never reconnects: whoever holds it opens a new one. Knows packets and acknowledgements, not NATS.
 */
import type { Duplex } from 'node:stream';
import { type IConnackPacket, MqttClient, type Packet } from 'mqtt';
import { writeToStream } from 'mqtt-packet';
import type { InboundPublication, OutboundPublication, QoS } from '../mqtt/publication.ts';
import type { UpstreamFeatures, UpstreamIdentity } from '../session/ports.ts';
import { AckTimer, type PendingAck } from './ack-timer.ts';
import { type BrokerOptions, MARKERS_IN_FLIGHT, mqttOptions, openStream } from './connect-options.ts';
import { DocumentedPath } from './documented-path.ts';
import type { PathEvents, PublicationPath } from './publication-path.ts';
import { TappedPath } from './tapped-path.ts';

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
  /** How many may be: as many, or as many as this link can tell apart. */
  readonly maxInflight: number;
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

// MQTT.js would make a buffer for each of the 65,536 packet ids at its first packet: 7 MB and 15 ms for few packets.
writeToStream.cacheNumbers = false;

/** Bytes waiting for the broker's socket above which no more is published. */
const CONGESTION_BYTES = 256 * 1024;
/** How long an orderly end waits for outstanding acknowledgements and the socket. */
const END_TIMEOUT_MS = 5_000;

/** Detail of an end for which nobody has given a reason. */
export const CLOSED = 'connection closed';

/** A PINGREQ under way. */
interface SentPing {
  readonly ack: PendingAck;
  /** Its PINGRESP is no `onAnswer`. */
  readonly isQuiet: boolean;
}

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
  /** PINGREQs in the order sent; null where MQTT.js's own keepalive sent it. */
  #pings: (SentPing | null)[] = [];
  #nextPing: SentPing | null = null;
  #isDrainAwaited = false;
  readonly #path: PublicationPath;

  constructor(broker: BrokerOptions, identity: UpstreamIdentity, events: LinkEvents) {
    this.#broker = broker;
    this.#events = events;
    this.#path = createPath(broker, this.#pathEvents());
    const onLate = (): void => this.#lose('acknowledgement time-out');
    this.#acks = new AckTimer(broker.ackTimeoutMs, onLate, this.#path.acks ?? undefined);
    const options = { ...mqttOptions(broker, identity), messageIdProvider: this.#path.packetIds };
    this.#client = new MqttClient(() => this.#openStream(), options);
    this.#path.attach(this.#client);
    this.#listen();
    this.#client.connect();
  }

  /** CONNACK has come and the link is not over. */
  get isConnected(): boolean {
    return this.#connected && !this.#isDying && !this.#ended;
  }

  /** True while so much waits for the socket that publishing should pause; `onDrain` follows. */
  get isCongested(): boolean {
    if (this.#path.pendingBytes < CONGESTION_BYTES) return false;
    this.#isDrainAwaited = true;
    return true;
  }

  /**
   * Sends one PUBLISH. The strings in it must have been checked: nobody checks them from here on.
   * @param onPuback for QoS 1: the reason code; never called when the link ends first
   */
  publish(publication: OutboundPublication, onPuback: ((code: number) => void) | null): void {
    const isAwaited = publication.qos === 1 && onPuback !== null;
    this.send(publication, isAwaited ? { done: onPuback } : null);
  }

  /** As {@link MqttLink.publish}. @param ack told the reason code of the PUBACK; null with QoS 0 */
  send(publication: OutboundPublication, ack: PendingAck | null): void {
    if (!this.isConnected) return;
    if (ack !== null && this.#path.acks === null) this.#acks.track(ack);
    else if (ack !== null) this.#acks.watch();
    this.#path.publish(publication, ack);
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
    this.#nextPing = { ack: this.#acks.start(done), isQuiet: false };
    this.#client.sendPing();
  }

  /** Has the broker send a packet that nobody waits for and nobody is told of. */
  pingQuietly(): void {
    if (!this.isConnected) return;
    this.#nextPing = { ack: this.#acks.start(() => {}), isQuiet: true };
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
    const stream = this.#path.wrap(openStream(this.#broker));
    this.#stream = stream;
    return stream;
  }

  #listen(): void {
    const client = this.#client;
    client.on('connect', (packet) => this.#onConnect(packet));
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
    this.#path.open();
    this.#events.onConnected(readFeatures(packet, this.#broker, this.#path));
  }

  #onPacket(packet: Packet): void {
    if (packet.cmd !== 'pingresp') return;
    const ping = this.#pings.shift() ?? null;
    if (!this.#ended && ping?.isQuiet !== true) this.#events.onAnswer();
    if (ping !== null) this.#acks.finish(ping.ack, 0);
  }

  #pathEvents(): PathEvents {
    return {
      onMessage: (message, identifiers) => this.#onMessage(message, identifiers),
      onPuback: (ack, code) => this.#acks.finish(ack, code),
      onWritten: () => this.#onWritten(),
      onBroken: (detail) => this.#lose(detail),
    };
  }

  #onMessage(message: InboundPublication, identifiers: readonly number[]): void {
    if (this.#ended) return;
    try {
      this.#events.onMessage(message, identifiers);
    } catch (error) {
      // A throw would stop whoever reads the stream, for good.
      this.#lose(`delivery failed: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  #onWritten(): void {
    if (!this.#isDrainAwaited || this.#path.pendingBytes >= CONGESTION_BYTES) return;
    this.#isDrainAwaited = false;
    if (!this.#ended) this.#events.onDrain();
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

function createPath(broker: BrokerOptions, events: PathEvents): PublicationPath {
  const { protocolVersion } = broker;
  return broker.isFastPath
    ? new TappedPath(protocolVersion, broker.maxInflight + MARKERS_IN_FLIGHT, events)
    : new DocumentedPath(protocolVersion, events);
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

function readFeatures(packet: IConnackPacket, broker: BrokerOptions, path: PublicationPath): LinkFeatures {
  const properties = packet.properties ?? {};
  const isV5 = broker.protocolVersion === 5;
  const receiveMaximum = properties.receiveMaximum ?? 65_535;
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
    receiveMaximum,
    maxInflight: Math.min(receiveMaximum, path.maxInflight),
    takesWireProperties: path.takesWireProperties,
  };
}
