/**
 * A client's way out: publications in one order, QoS 1 within the send window, and what is owed again after an
 * outage. Knows no roles and no subscriptions.
 */
import { GatewayError } from '../errors.ts';
import type { Counters } from '../metrics/counters.ts';
import type { OutboundPublication } from '../mqtt/publication.ts';
import { REASON } from '../mqtt/reason-codes.ts';
import type { PublishReceipt } from '../session/ports.ts';
import type { ByteAccount } from './byte-account.ts';
import { MARKERS_IN_FLIGHT } from './connect-options.ts';
import type { LinkFeatures, MqttLink } from './mqtt-link.ts';
import { publicationFault } from './publication-fault.ts';
import { SendWindow, type UnackedPublication } from './send-window.ts';
import { Suspects } from './suspects.ts';

/** What a publisher needs to know, and whom it tells. */
export interface PublisherOptions {
  /** The link that publishes now; null while there is none. */
  readonly link: () => MqttLink | null;
  /** Most publications in flight, whatever the broker allows. */
  readonly maxInflight: number;
  /** Of what all clients have unacknowledged. */
  readonly unacked: ByteAccount;
  readonly counters: Counters;
  /** See `PairContext.hasSubscribers`. */
  readonly hasSubscribers: ((topic: string) => boolean) | null;
  readonly onSend: () => void;
  /** This one has ended the session each time it was sent; it is not sent again. */
  readonly onCulprit: (publication: OutboundPublication) => void;
  /** A PUBACK has come: there may be room again, also for what is owed. */
  readonly onPuback: () => void;
  /** The broker has said that nobody is subscribed. */
  readonly onUnheard: () => void;
}

/** PUBACK reason code: no matching subscribers. */
const NO_MATCHING_SUBSCRIBERS = 0x10;
/** Of many publications in flight, one in so many is timed. */
const TIMED_ONE_IN = 16;
/** Losses while publications were sent again together; after that they are sent one at a time. */
const LOSSES_IN_A_BATCH = 1;

/** Publications of one client. */
export class Publisher {
  #options: PublisherOptions;
  #window: SendWindow;
  #suspects = new Suspects<UnackedPublication>(LOSSES_IN_A_BATCH);
  #features: LinkFeatures | null = null;
  #hasUnproven = false;
  /** The one whose way to its PUBACK is timed. */
  #timed: UnackedPublication | null = null;
  #timedSinceMs = 0;

  constructor(options: PublisherOptions) {
    this.#options = options;
    this.#window = new SendWindow(options.maxInflight, options.unacked, (entry, code) =>
      this.#onPuback(entry, code),
    );
  }

  /** Publications that wait for their PUBACK. */
  get unacknowledged(): number {
    return this.#window.size;
  }

  /** Whether the next publication can be taken. */
  get isOpen(): boolean {
    const link = this.#options.link();
    return link !== null && this.#window.isOpen && !this.#suspects.isTesting && !link.isCongested;
  }

  /** A session is up: its limits hold from now on. */
  setFeatures(features: LinkFeatures): void {
    this.#features = features;
    this.#window.setLimit(Math.min(features.maxInflight - MARKERS_IN_FLIGHT, this.#options.maxInflight));
  }

  /** Precondition: `isOpen`. */
  publish(message: OutboundPublication, receipt: PublishReceipt | null): void {
    const link = this.#options.link();
    if (link === null) throw new GatewayError('GW_INTERNAL', 'publish without canPublish');
    const { payloadStart, payloadEnd } = message;
    if (message.qos === 0 || receipt === null) {
      this.#options.counters.upstream.sent.count(0, payloadEnd - payloadStart);
      this.#hasUnproven = true;
      link.publish(message, null);
      return;
    }
    this.#send(this.#window.add(message, receipt));
  }

  /** Whether QoS 0 publications have gone out since the last call. */
  takeUnproven(): boolean {
    const had = this.#hasUnproven;
    this.#hasUnproven = false;
    return had;
  }

  /** Sends again what was not acknowledged, as far as the window allows. */
  sendOwed(): void {
    while (!this.#suspects.isTesting) {
      const owed = this.#window.takeOwed();
      if (owed === undefined) return;
      const fault = this.#features === null ? null : publicationFault(owed, this.#features);
      if (fault === null) this.#resend(owed);
      else this.#refuse(owed, fault);
    }
  }

  #resend(owed: UnackedPublication): void {
    this.#options.counters.upstreamRepublished++;
    this.#suspects.onSend(owed);
    this.#send(owed);
  }

  #refuse(owed: UnackedPublication, code: number): void {
    this.#suspects.clear(owed);
    this.#window.acknowledge(owed, code);
  }

  /** The session is gone. */
  reset(): void {
    const culprit = this.#suspects.onLost();
    if (culprit !== null) {
      this.#options.onCulprit(culprit);
      this.#window.acknowledge(culprit, REASON.UNSPECIFIED_ERROR);
    }
    this.#window.reset();
    // The time of an outage is not that of a publication.
    this.#timed = null;
  }

  /** The client is gone. */
  dispose(): void {
    this.#suspects.forget();
    this.#window.dispose();
  }

  #send(entry: UnackedPublication): void {
    const { link, onSend, hasSubscribers, counters } = this.#options;
    const { sent } = counters.upstream;
    sent.count(1, entry.payloadEnd);
    if (this.#timed === null && (this.#window.size === 1 || sent.messages1 % TIMED_ONE_IN === 0)) {
      this.#timed = entry;
      this.#timedSinceMs = performance.now();
    }
    onSend();
    entry.isUnheard = hasSubscribers?.(entry.topic.text) === false;
    link()?.send(entry, entry);
  }

  #endTiming(): void {
    this.#timed = null;
    this.#options.counters.upstream.publishDuration.observe(performance.now() - this.#timedSinceMs);
  }

  #onPuback(entry: UnackedPublication, code: number): void {
    if (code === NO_MATCHING_SUBSCRIBERS) this.#options.onUnheard();
    if (entry === this.#timed) this.#endTiming();
    this.#suspects.clear(entry);
    this.#window.acknowledge(entry, code === 0 && entry.isUnheard ? NO_MATCHING_SUBSCRIBERS : code);
    this.#options.onPuback();
  }
}
