/**
 * QoS 1 publications that the broker has not acknowledged: how many may be in flight, and what is sent again,
 * in order, after an outage. Holds copies, sends through whoever asks.
 */
import type { OutboundPublication, PublicationProperties } from '../mqtt/publication.ts';
import type { PublishReceipt } from '../session/ports.ts';
import { wholeRange } from '../util/byte-range.ts';
import type { ByteAccount } from './byte-account.ts';

/** One unacknowledged publication. */
export interface UnackedPublication {
  readonly publication: OutboundPublication;
  readonly receipt: PublishReceipt;
}

/** Unacknowledged payload bytes per session above which nothing more is accepted. */
const MAX_UNACKED_BYTES = 8 * 1024 * 1024;

/** The unacknowledged publications of one client, oldest first. */
export class SendWindow {
  #unacked = new Set<UnackedPublication>();
  /** Those that must be sent again before anything new. */
  #owed: UnackedPublication[] = [];
  #inFlight = 0;
  #bytes = 0;
  #limit: number;
  #account: ByteAccount;

  /**
   * @param limit most publications in flight; see {@link SendWindow.setLimit}
   * @param account of what all clients have unacknowledged
   */
  constructor(limit: number, account: ByteAccount) {
    this.#limit = limit;
    this.#account = account;
  }

  get size(): number {
    return this.#unacked.size;
  }

  /** Whether a new publication may be sent now. */
  get isOpen(): boolean {
    const hasRoom = this.#bytes < MAX_UNACKED_BYTES && !this.#account.isFull;
    return hasRoom && this.#owed.length === 0 && this.#inFlight < this.#limit;
  }

  /** Receive Maximum of the session that is up (MQTT 5.0 §3.2.2.3.3), or what the configuration allows. */
  setLimit(limit: number): void {
    this.#limit = Math.max(1, limit);
  }

  /** Takes a copy: the parser's chunk would otherwise be kept alive by every small payload in it. */
  add(source: OutboundPublication, receipt: PublishReceipt): UnackedPublication {
    const body = Buffer.from(source.body.subarray(source.payloadStart, source.payloadEnd));
    const properties = source.properties === null ? null : keep(source.properties);
    const publication = { ...source, body, payloadStart: 0, payloadEnd: body.length, properties };
    const entry = { publication, receipt };
    this.#unacked.add(entry);
    this.#inFlight++;
    this.#bytes += body.length;
    this.#account.add(body.length);
    return entry;
  }

  /** The PUBACK has come. */
  acknowledge(entry: UnackedPublication, code: number): void {
    if (!this.#unacked.delete(entry)) return;
    this.#inFlight--;
    this.#bytes -= entry.publication.body.length;
    this.#account.remove(entry.publication.body.length);
    entry.receipt.onPuback(code);
  }

  /** The session is gone: everything unacknowledged is owed again. */
  reset(): void {
    this.#owed = [...this.#unacked];
    this.#inFlight = 0;
  }

  /** The client is gone: nothing is sent again. */
  dispose(): void {
    this.#account.remove(this.#bytes);
    this.#bytes = 0;
    this.#unacked.clear();
    this.#owed = [];
  }

  /** The next publication to send again, if the window has room; it counts as in flight from now on. */
  takeOwed(): UnackedPublication | undefined {
    if (this.#inFlight >= this.#limit) return undefined;
    const entry = this.#owed.shift();
    if (entry !== undefined) this.#inFlight++;
    return entry;
  }
}

/** Those on the wire are in a buffer that is used again. */
function keep(properties: PublicationProperties): PublicationProperties {
  const wire = properties.wireUserProperties;
  if (wire === undefined) return properties;
  const copy = Buffer.from(wire.buffer.subarray(wire.start, wire.end));
  return { ...properties, wireUserProperties: wholeRange(copy) };
}
