/**
 * QoS 1 publications that the broker has not acknowledged: how many may be in flight, and what is sent again,
 * in order, after an outage. Holds copies, sends through whoever asks.
 */
import type { OutboundPublication, PublicationProperties, QoS, TopicName } from '../mqtt/publication.ts';
import type { PublishReceipt } from '../session/ports.ts';
import { wholeRange } from '../util/byte-range.ts';
import { copyBytes } from '../util/output-buffer.ts';
import type { PendingAck } from './ack-timer.ts';
import type { ByteAccount } from './byte-account.ts';

/** Global names are looked up again for every use. */
const allocate = Buffer.allocUnsafe;

/** Told the PUBACK of an entry, whatever session it was sent on. */
export type OnPuback = (entry: UnackedPublication, code: number) => void;

/** One unacknowledged publication: what is sent, what is awaited, and who wants to know, in one object per message. */
export class UnackedPublication implements OutboundPublication, PendingAck {
  readonly topic: TopicName;
  readonly body: Buffer;
  readonly payloadStart = 0;
  readonly payloadEnd: number;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly properties: PublicationProperties | null;
  readonly receipt: PublishReceipt;
  isAcknowledged = false;
  /** Nobody is subscribed, as far as a broker can tell that does not say so itself. */
  isUnheard = false;
  readonly #onPuback: OnPuback;

  /** Takes a copy: the parser's chunk would otherwise be kept alive by every small payload in it. */
  constructor(source: OutboundPublication, receipt: PublishReceipt, onPuback: OnPuback) {
    this.topic = source.topic;
    this.payloadEnd = source.payloadEnd - source.payloadStart;
    this.body = allocate(this.payloadEnd);
    copyBytes(source.body, source.payloadStart, source.payloadEnd, this.body, 0);
    this.qos = source.qos;
    this.retain = source.retain;
    this.properties = source.properties === null ? null : keep(source.properties);
    this.receipt = receipt;
    this.#onPuback = onPuback;
  }

  done(code: number): void {
    this.#onPuback(this, code);
  }
}

/** Those on the wire are in a buffer that is used again. */
function keep(properties: PublicationProperties): PublicationProperties {
  const wire = properties.wireUserProperties;
  if (wire === undefined) return properties;
  const copy = Buffer.from(wire.buffer.subarray(wire.start, wire.end));
  return { ...properties, wireUserProperties: wholeRange(copy) };
}

/** Unacknowledged payload bytes per session above which nothing more is accepted. */
const MAX_UNACKED_BYTES = 8 * 1024 * 1024;
/** Acknowledged entries kept at the front before they are cut off in one go. */
const COMPACT_AT = 1024;

/** The unacknowledged publications of one session, oldest first. */
export class SendWindow {
  #entries: UnackedPublication[] = [];
  /** Everything in front of it is acknowledged. */
  #head = 0;
  #size = 0;
  /** Those that must be sent again before anything new. */
  #owed: UnackedPublication[] = [];
  #nextOwed = 0;
  #inFlight = 0;
  #bytes = 0;
  #limit: number;
  readonly #account: ByteAccount;
  readonly #onPuback: OnPuback;

  /**
   * @param limit most publications in flight; see {@link SendWindow.setLimit}
   * @param account of what all clients have unacknowledged
   */
  constructor(limit: number, account: ByteAccount, onPuback: OnPuback) {
    this.#limit = limit;
    this.#account = account;
    this.#onPuback = onPuback;
  }

  get size(): number {
    return this.#size;
  }

  /** Whether a new publication may be sent now. */
  get isOpen(): boolean {
    if (this.#inFlight >= this.#limit || this.#nextOwed < this.#owed.length) return false;
    return this.#bytes < MAX_UNACKED_BYTES && !this.#account.isFull;
  }

  /** Receive Maximum of the session that is up (MQTT 5.0 §3.2.2.3.3), or what the configuration allows. */
  setLimit(limit: number): void {
    this.#limit = Math.max(1, limit);
  }

  /** The entry counts as in flight from now on. */
  add(source: OutboundPublication, receipt: PublishReceipt): UnackedPublication {
    const entry = new UnackedPublication(source, receipt, this.#onPuback);
    this.#entries.push(entry);
    this.#size++;
    this.#inFlight++;
    this.#bytes += entry.payloadEnd;
    this.#account.add(entry.payloadEnd);
    return entry;
  }

  /** The PUBACK has come; a second one changes nothing. */
  acknowledge(entry: UnackedPublication, code: number): void {
    if (entry.isAcknowledged) return;
    entry.isAcknowledged = true;
    this.#size--;
    this.#inFlight--;
    this.#bytes -= entry.payloadEnd;
    this.#account.remove(entry.payloadEnd);
    this.#advance();
    entry.receipt.onPuback(code);
  }

  /** The session is gone: everything unacknowledged is owed again. */
  reset(): void {
    this.#owed = this.#entries.slice(this.#head).filter((entry) => !entry.isAcknowledged);
    this.#nextOwed = 0;
    this.#inFlight = 0;
  }

  /** Nobody is left who cares: nothing is sent again. */
  dispose(): void {
    this.#account.remove(this.#bytes);
    this.#bytes = 0;
    this.#size = 0;
    for (const entry of this.#entries) entry.isAcknowledged = true;
    this.#entries = [];
    this.#head = 0;
    this.#owed = [];
    this.#nextOwed = 0;
  }

  /** The next publication to send again, if the window has room; it counts as in flight from now on. */
  takeOwed(): UnackedPublication | undefined {
    if (this.#inFlight >= this.#limit) return undefined;
    const entry = this.#owed[this.#nextOwed];
    if (entry === undefined) return undefined;
    this.#nextOwed++;
    if (this.#nextOwed === this.#owed.length) {
      this.#owed = [];
      this.#nextOwed = 0;
    }
    this.#inFlight++;
    return entry;
  }

  #advance(): void {
    while (this.#entries[this.#head]?.isAcknowledged) this.#head++;
    if (this.#head === this.#entries.length) this.#entries.length = 0;
    else if (this.#head >= COMPACT_AT) this.#entries.splice(0, this.#head);
    else return;
    this.#head = 0;
  }
}
