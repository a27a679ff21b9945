/**
 * The proof behind PONG: everything published so far has passed the broker and come back to our own
 * subscriptions. A marker message travels the same way as the data; where the broker swallows it, PINGREQs serve.
 */
import { randomBytes } from 'node:crypto';
import type { Histogram } from '../metrics/histogram.ts';
import { DOLLAR_TOPIC_PREFIX, GATEWAY_TOPIC_PREFIX } from '../mqtt/gateway-topics.ts';
import type { InboundPublication, QoS, TopicName } from '../mqtt/publication.ts';
import type { PendingAck } from './ack-timer.ts';
import type { MqttLink } from './mqtt-link.ts';

/** How long the first marker may take before PINGREQs are to tell whether it will come at all. */
const FIRST_MARKER_MS = 250;

/** The links a barrier runs over, as they are at the moment; null while a role has none. */
export interface BarrierLinks {
  readonly publish: MqttLink | null;
  readonly subscribe: MqttLink | null;
  /**
   * Whether deliveries with QoS 1 may be under way. Brokers hold those back beyond our Receive Maximum (EMQX beyond
   * its own `max_inflight`), and a marker with QoS 0 would overtake them.
   */
  readonly hasQoS1: boolean;
  /** The broker keeps no order between publications of different QoS: a marker of each is the proof. */
  readonly separatesQoS: boolean;
  allocateIdentifier(): number | null;
  /** All sessions in use are up. */
  readonly isReady: boolean;
  /** Whether QoS 0 publications have gone out since the last call. */
  takeUnproven(): boolean;
  /** How long the broker took for a marker or a PINGREQ. */
  readonly roundTrips: Histogram;
  onMarkerUnavailable(): void;
  /** A marker with QoS 1 has been acknowledged: there is room in the broker's Receive Maximum for another one. */
  onMarkerAcknowledged(): void;
}

type MarkerState = 'unused' | 'subscribing' | 'ready' | 'unavailable';

/** Barriers of one pair of sessions: one runs at a time, all that are asked for meanwhile share the next. */
export class Barrier {
  #links: BarrierLinks;
  #waiting = new Set<() => void>();
  #running: Set<() => void> | null = null;
  #marker: MarkerState = 'unused';
  #topic: TopicName;
  /** Payload of the newest marker: unguessable, so that no device can return one early. */
  #expected = '';
  #pending: PendingAck | null = null;
  #sentMs = 0;
  /** The link that the marker went out on. */
  #carrier: MqttLink | null = null;
  /** The PUBACK of a marker with QoS 1 is under way; the next such marker waits for it. */
  #isPubackOwed = false;
  #firstTimer: NodeJS.Timeout | null = null;
  #hasSeenMarker = false;
  #epoch = 0;

  constructor(links: BarrierLinks) {
    this.#links = links;
    const text = `${GATEWAY_TOPIC_PREFIX}${randomBytes(12).toString('base64url')}`;
    this.#topic = { text, bytes: Buffer.from(text) };
  }

  /** The broker lets messages of the gateway's own out and in. */
  get isMarkerProven(): boolean {
    return this.#hasSeenMarker && this.#marker !== 'unavailable';
  }

  /** How many wait. */
  get waiting(): number {
    return this.#waiting.size + (this.#running?.size ?? 0);
  }

  /** A PUBACK is under way that the next barrier waits for. */
  get isPubackOwed(): boolean {
    return this.#isPubackOwed;
  }

  /** @param done called once; after an outage the barrier is run again. Each request needs a function of its own */
  request(done: () => void): void {
    this.#waiting.add(done);
    this.#next();
  }

  /** Nobody waits for this one any more. */
  withdraw(done: () => void): void {
    this.#waiting.delete(done);
    this.#running?.delete(done);
  }

  /** A session was lost: the running barrier proves nothing any more and waits for {@link Barrier.resume}. */
  reset(): void {
    this.#epoch++;
    this.#clearTimer();
    if (this.#running !== null) this.#waiting = new Set([...this.#running, ...this.#waiting]);
    this.#running = null;
    // The session that carries the marker may live on: it is not late with what nobody can return any more, but it
    // still owes the PUBACK.
    if (this.#pending !== null) this.#carrier?.fulfil(this.#pending);
    this.#pending = null;
    if (!this.#carrier?.isConnected) this.#isPubackOwed = false;
    if (this.#marker !== 'unavailable') this.#marker = 'unused';
  }

  /** Nobody waits any more; none of the callbacks comes. */
  cancel(): void {
    this.reset();
    this.#waiting.clear();
  }

  /** All sessions are up again. */
  resume(): void {
    this.#next();
  }

  /** @returns whether the message was one of the gateways' own, which nobody is to see */
  consume(message: InboundPublication): boolean {
    const { topicBuffer, topicStart, topicEnd } = message;
    // `_` or `$`: two comparisons keep nearly all other traffic out.
    const first = topicBuffer[topicStart];
    if (first !== 0x5f && first !== 0x24) return false;
    const topic = topicBuffer.toString('utf8', topicStart, topicEnd);
    if (!topic.startsWith(GATEWAY_TOPIC_PREFIX) && !topic.startsWith(DOLLAR_TOPIC_PREFIX)) return false;
    if (topic === this.#topic.text) this.#onMarker(message);
    return true;
  }

  #next(): void {
    if (this.#running !== null || this.#waiting.size === 0) return;
    // At most one marker is counted in the broker's Receive Maximum.
    if (!this.#links.isReady || this.#isPubackOwed) return;
    const { publish, subscribe } = this.#links;
    const isUnproven = this.#links.takeUnproven();
    this.#running = this.#waiting;
    this.#waiting = new Set();
    // Not even a PINGRESP waits for deliveries that the broker holds back: only a marker stands in line with them.
    const carrier = publish ?? (this.#links.hasQoS1 ? subscribe : null);
    if (carrier !== null && subscribe !== null) this.#runMarker(carrier, subscribe);
    else if (subscribe !== null) this.#ping([subscribe]);
    else if (publish !== null && isUnproven) this.#ping([publish]);
    else this.#pass();
  }

  #runMarker(publish: MqttLink, subscribe: MqttLink): void {
    if (this.#marker === 'unavailable') {
      this.#ping(publish === subscribe ? [publish] : [publish, subscribe]);
      return;
    }
    if (this.#marker === 'ready') {
      this.#sendMarkers(publish);
      return;
    }
    this.#marker = 'subscribing';
    const epoch = this.#epoch;
    const options = { qos: 1, identifier: this.#links.allocateIdentifier(), retainHandling: 2 } as const;
    subscribe.subscribe(this.#topic.text, options, (code) => {
      if (epoch !== this.#epoch) return;
      this.#marker = code >= 0x80 ? 'unavailable' : 'ready';
      if (code >= 0x80) this.#links.onMarkerUnavailable();
      this.#runMarker(publish, subscribe);
    });
  }

  #sendMarkers(publish: MqttLink): void {
    const { hasQoS1, separatesQoS } = this.#links;
    const last = (): void => this.#sendMarker(publish, hasQoS1 ? 1 : 0, () => this.#pass());
    if (hasQoS1 && separatesQoS) this.#sendMarker(publish, 0, last);
    else last();
  }

  /** @param done called when it has come back */
  #sendMarker(publish: MqttLink, qos: QoS, done: () => void): void {
    this.#expected = randomBytes(9).toString('base64url');
    const body = Buffer.from(this.#expected);
    const payload = { body, payloadStart: 0, payloadEnd: body.length };
    const epoch = this.#epoch;
    this.#sentMs = performance.now();
    this.#pending = publish.expect(() => {
      if (epoch === this.#epoch) done();
    });
    this.#carrier = publish;
    this.#isPubackOwed = qos === 1;
    const marker = { topic: this.#topic, ...payload, qos, retain: false, properties: null } as const;
    publish.publish(marker, qos === 0 ? null : () => this.#onPuback());
    if (!this.#hasSeenMarker) this.#firstTimer = setTimeout(() => this.#doubtMarker(), FIRST_MARKER_MS);
  }

  /**
   * An access list lets the marker out or in, but not both; or it stands in line behind a flood. Where the PINGRESPs are
   * back and it is not, it was swallowed.
   */
  #doubtMarker(): void {
    this.#firstTimer = null;
    const { subscribe } = this.#links;
    const publish = this.#carrier;
    const pending = this.#pending;
    if (publish === null || subscribe === null || pending === null) return;
    this.#ping(publish === subscribe ? [publish] : [publish, subscribe], () => {
      if (this.#pending !== pending) return;
      this.#pending = null;
      this.#marker = 'unavailable';
      this.#links.onMarkerUnavailable();
      publish.fulfil(pending);
    });
  }

  #onMarker(message: InboundPublication): void {
    if (message.body.toString('latin1', message.payloadStart, message.payloadEnd) !== this.#expected) return;
    this.#hasSeenMarker = true;
    // It was only very late.
    if (this.#marker === 'unavailable') this.#marker = 'ready';
    this.#clearTimer();
    const pending = this.#pending;
    this.#pending = null;
    if (pending === null) return;
    this.#links.roundTrips.observe(performance.now() - this.#sentMs);
    this.#carrier?.fulfil(pending);
  }

  #onPuback(): void {
    this.#isPubackOwed = false;
    // Others first: each has its turn.
    this.#links.onMarkerAcknowledged();
    this.#next();
  }

  /** PINGREQ on each link in turn: the second is sent when the first has been answered. */
  #ping(links: readonly MqttLink[], done: () => void = () => this.#pass()): void {
    const [first, ...rest] = links;
    if (first === undefined) {
      done();
      return;
    }
    const epoch = this.#epoch;
    const sentMs = performance.now();
    first.ping(() => {
      if (epoch !== this.#epoch) return;
      this.#links.roundTrips.observe(performance.now() - sentMs);
      this.#ping(rest, done);
    });
  }

  #pass(): void {
    const passed = this.#running ?? [];
    this.#running = null;
    for (const done of passed) done();
    this.#next();
  }

  #clearTimer(): void {
    if (this.#firstTimer !== null) clearTimeout(this.#firstTimer);
    this.#firstTimer = null;
  }
}
