/**
 * How PUBLISH and PUBACK travel over a link: by MQTT.js's documented API, or past it. Types only; everything else on
 * the link is MQTT.js's own business either way.
 */
import type { Duplex } from 'node:stream';
import type { MqttClient } from 'mqtt';
import type { InboundPublication, OutboundPublication } from '../mqtt/publication.ts';
import type { AckSource, PendingAck } from './ack-timer.ts';
import type { PacketIdProvider } from './packet-ids.ts';

/** What a path tells its link. */
export interface PathEvents {
  /** `identifiers`: the Subscription Identifiers of the packet, in its order. Both are valid until the return. */
  onMessage(message: InboundPublication, identifiers: readonly number[]): void;
  /** Only of acknowledgements that the path has not kept itself. */
  onPuback(ack: PendingAck, code: number): void;
  /** The kernel has taken what was written. */
  onWritten(): void;
  /** The session cannot go on. */
  onBroken(detail: string): void;
}

/** One of the two ways. */
export interface PublicationPath {
  /** Ids that MQTT.js may use. */
  readonly packetIds: PacketIdProvider;
  /** Most publications of QoS 1 that may be in flight. */
  readonly maxInflight: number;
  /** See `UpstreamFeatures.takesWireProperties`. */
  readonly takesWireProperties: boolean;
  /** The path keeps what it waits for; otherwise whoever publishes has to. */
  readonly acks: AckSource | null;
  /** Bytes that the kernel has not taken yet. */
  readonly pendingBytes: number;
  /** The stream for MQTT.js over the one to the broker. */
  wrap(socket: Duplex): Duplex;
  /** Called once, before MQTT.js connects. */
  attach(client: MqttClient): void;
  /** CONNACK has come. */
  open(): void;
  /** Precondition: `open`. @param ack null with QoS 0 */
  publish(publication: OutboundPublication, ack: PendingAck | null): void;
}
