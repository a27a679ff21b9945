/**
 * Makes the kernel acknowledge at once what the broker has answered. Without it a broker with Nagle's algorithm holds
 * what comes next back until our delayed ACK, 40 ms: every first request, every flush after a SUB and every second
 * PUBACK of a burst would take that long.
 */
import { GATEWAY_TOPIC_PREFIX } from '../mqtt/gateway-topics.ts';
import type { OutboundPublication } from '../mqtt/publication.ts';
import type { MqttLink } from './mqtt-link.ts';

/** Our kernel answers late for about this long after we have written something that is answered. */
const WINDOW_MS = 60;
/** Above the 40 ms for which Linux holds an ACK back. */
const SETTLING_MS = 50;
/** The same once settling has been put off: whoever answers in a rhythm leaves its longest pause right behind a message. */
const NEXT_WINDOW_MS = 8;
/** How often settling is put off for the sake of what has just been published. */
const MAX_DELAYS = 10;
/** Nudges after which a session is too busy for one late ACK to matter. */
const BUSY_NUDGES = 100;

/** Nudges of one session, at most one per turn of the event loop. */
export class AckNudge {
  #send: () => void;
  #settle: () => void;
  #isScheduled = false;
  #isWritten = false;
  #until = 0;
  #timer: NodeJS.Timeout | null = null;
  #isSettling = false;
  #delaysLeft = 0;
  #nudgesLeft = 0;

  /**
   * @param send writes a small packet that has no answer: the ACK travels with it
   * @param settle has the broker send a packet that nobody waits for. Our kernel holds the next ACK back once more after
   *   we have written, and none from then on: better that of this packet than that of a message with another one behind it
   */
  constructor(send: () => void, settle: () => void) {
    this.#send = send;
    this.#settle = settle;
  }

  /** The broker has answered a SUBSCRIBE, UNSUBSCRIBE or PINGREQ. */
  onAnswer(): void {
    this.#delaysLeft = MAX_DELAYS;
    this.#nudgesLeft = BUSY_NUDGES;
    this.#open(WINDOW_MS);
  }

  /** A message has been published that may come back on this session: it must not wait for the ACK that is held back. */
  onPublish(): void {
    if (this.#isSettling) this.#putOff();
  }

  /** A delivery has been acknowledged by a PUBACK of ours: what comes next may lack one. */
  onPuback(): void {
    this.#until = performance.now() + WINDOW_MS;
  }

  /** A message has arrived that gets no PUBACK: within the window its ACK would be late, too. */
  onDelivery(): void {
    if (this.#until !== 0) this.#onDeliveryInDoubt();
  }

  /** The broker has answered a part of what it owes; the rest may be waiting for our ACK. */
  onPartialAnswer(): void {
    this.#schedule();
  }

  /** Something was written, and the ACK went with it. */
  onWrite(): void {
    this.#isWritten = true;
  }

  #open(ms: number): void {
    this.#isSettling = false;
    this.#until = performance.now() + ms;
    this.#schedule();
    if (this.#timer === null) this.#awaitQuiet(ms);
  }

  #putOff(): void {
    if (this.#delaysLeft === 0 || this.#nudgesLeft <= 0) return;
    this.#delaysLeft--;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#open(NEXT_WINDOW_MS);
  }

  /** Settles when the window is over. */
  #awaitQuiet(afterMs: number): void {
    this.#timer = setTimeout(() => {
      this.#timer = null;
      const leftMs = this.#until - performance.now();
      if (this.#isSettling) this.#isSettling = false;
      else if (leftMs > 0) this.#awaitQuiet(leftMs);
      else this.#beginSettling();
    }, afterMs);
    this.#timer.unref();
  }

  #beginSettling(): void {
    this.#until = 0;
    this.#isSettling = true;
    this.#settle();
    this.#awaitQuiet(SETTLING_MS);
  }

  #onDeliveryInDoubt(): void {
    if (performance.now() < this.#until) this.#schedule();
    else this.#until = 0;
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#isWritten = false;
    setImmediate(() => {
      this.#isScheduled = false;
      if (this.#isWritten) return;
      this.#nudgesLeft--;
      this.#send();
    });
  }
}

const EMPTY = Buffer.alloc(0);
const NUDGE_TOPIC = `${GATEWAY_TOPIC_PREFIX}ack`;
/** The packet that has no answer: an empty QoS 0 PUBLISH to a topic that nobody subscribes to. */
const NUDGE: OutboundPublication = {
  topic: { text: NUDGE_TOPIC, bytes: Buffer.from(NUDGE_TOPIC) },
  body: EMPTY,
  payloadStart: 0,
  payloadEnd: 0,
  qos: 0,
  retain: false,
  properties: null,
};

/** What the nudges of a client ask of its sessions. */
export interface NudgedLinks {
  readonly publishLink: MqttLink | null;
  readonly subscribeLink: MqttLink | null;
  /** Nudging helps and is allowed: the broker delays, and each direction has a session of its own. */
  readonly isDelayed: boolean;
}

/** The nudges of both sessions of a client. */
export class SessionNudges {
  #links: NudgedLinks;
  #publish: AckNudge;
  #subscribe: AckNudge;

  constructor(links: NudgedLinks) {
    this.#links = links;
    this.#publish = new AckNudge(
      () => links.publishLink?.publish(NUDGE, null),
      () => {},
    );
    this.#subscribe = new AckNudge(
      () => links.subscribeLink?.publish(NUDGE, null),
      () => links.subscribeLink?.pingQuietly(),
    );
  }

  /** The broker has answered on the subscribe session. */
  onAnswer(): void {
    if (this.#links.isDelayed) this.#subscribe.onAnswer();
  }

  /** A message has arrived on the subscribe session. */
  onDelivery(qos: 0 | 1 | 2): void {
    if (qos === 0) this.#subscribe.onDelivery();
    else if (this.#links.isDelayed) this.#subscribe.onPuback();
  }

  /** A publication with QoS 1 goes out, and our ACK with it. */
  onSend(): void {
    this.#publish.onWrite();
  }

  /** A client has published. */
  onPublish(): void {
    this.#subscribe.onPublish();
  }

  /** A PUBACK has come, and more of them are owed. */
  onPartialPuback(): void {
    if (this.#links.isDelayed) this.#publish.onPartialAnswer();
  }
}
