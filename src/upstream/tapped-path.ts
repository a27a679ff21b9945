/**
 * The fast path: PUBLISH and PUBACK are encoded and decoded here, in the stream below MQTT.js. Keeps the packet ids of
 * what is in flight; knows no subscriptions.
 */
import type { Duplex } from 'node:stream';
import type { OutboundPublication } from '../mqtt/publication.ts';
import type { PendingAck } from './ack-timer.ts';
import { InFlight } from './in-flight.ts';
import { PacketIds } from './packet-ids.ts';
import type { PathEvents, PublicationPath } from './publication-path.ts';
import { FIRST_TAP_PACKET_ID, Tap } from './tap.ts';

/** Packet ids end at 65,535. */
const MAX_IDS = 65_536 - FIRST_TAP_PACKET_ID;

/** See the head of this file. */
export class TappedPath implements PublicationPath {
  readonly packetIds = new PacketIds(1, FIRST_TAP_PACKET_ID - 1);
  readonly maxInflight: number;
  readonly takesWireProperties: boolean;
  readonly acks: InFlight;
  readonly #protocolVersion: 4 | 5;
  readonly #events: PathEvents;
  #tap: Tap | null = null;

  /** @param maxInflight most publications that are ever unacknowledged, those of the gateway's own included */
  constructor(protocolVersion: 4 | 5, maxInflight: number, events: PathEvents) {
    this.maxInflight = Math.min(maxInflight, MAX_IDS);
    this.acks = new InFlight(this.maxInflight);
    this.#protocolVersion = protocolVersion;
    this.takesWireProperties = protocolVersion === 5;
    this.#events = events;
  }

  get pendingBytes(): number {
    return this.#tap?.pendingBytes ?? 0;
  }

  wrap(socket: Duplex): Duplex {
    const events = this.#events;
    this.#tap = new Tap(socket, this.#protocolVersion, {
      onPublish: (message, identifiers) => events.onMessage(message, identifiers),
      onPuback: (packetId, code) => this.#onPuback(packetId, code),
      onWritten: () => events.onWritten(),
      onMalformed: (detail) => events.onBroken(detail),
    });
    return this.#tap;
  }

  attach(): void {
    // Everything comes through the tap.
  }

  open(): void {
    this.#tap?.open();
  }

  publish(publication: OutboundPublication, ack: PendingAck | null): void {
    this.#tap?.publish(publication, ack === null ? 0 : FIRST_TAP_PACKET_ID + this.acks.add(ack));
  }

  /** One that nobody waits for is a broker's slip that harms nobody. */
  #onPuback(packetId: number, code: number): void {
    this.acks.take(packetId - FIRST_TAP_PACKET_ID)?.done(code);
  }
}
