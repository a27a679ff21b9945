/**
 * The fast path: PUBLISH and PUBACK are encoded and decoded here, in the stream below MQTT.js. Keeps the packet ids of
 * what is in flight; knows no subscriptions.
 */
import type { Duplex } from 'node:stream';
import type { OutboundPublication } from '../mqtt/publication.ts';
import type { PendingAck } from './ack-timer.ts';
import { PacketIds } from './packet-ids.ts';
import type { PathEvents, PublicationPath } from './publication-path.ts';
import { FIRST_TAP_PACKET_ID, Tap } from './tap.ts';

const LAST_PACKET_ID = 65_535;

/** See the head of this file. */
export class TappedPath implements PublicationPath {
  readonly packetIds = new PacketIds(1, FIRST_TAP_PACKET_ID - 1);
  readonly maxInflight = LAST_PACKET_ID - FIRST_TAP_PACKET_ID;
  readonly takesWireProperties: boolean;
  readonly #protocolVersion: 4 | 5;
  readonly #events: PathEvents;
  #tap: Tap | null = null;
  #inFlight = new Map<number, PendingAck>();
  #lastId = LAST_PACKET_ID;

  constructor(protocolVersion: 4 | 5, events: PathEvents) {
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
    this.#tap?.publish(publication, ack === null ? 0 : this.#register(ack));
  }

  /** The send window sees to it that one is free. */
  #register(ack: PendingAck): number {
    let id = this.#lastId;
    do id = id === LAST_PACKET_ID ? FIRST_TAP_PACKET_ID : id + 1;
    while (this.#inFlight.has(id));
    this.#lastId = id;
    this.#inFlight.set(id, ack);
    return id;
  }

  /** One that nobody waits for is a broker's slip that harms nobody. */
  #onPuback(packetId: number, code: number): void {
    const ack = this.#inFlight.get(packetId);
    if (ack === undefined) return;
    this.#inFlight.delete(packetId);
    this.#events.onPuback(ack, code);
  }
}
