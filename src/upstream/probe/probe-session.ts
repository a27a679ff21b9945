/**
 * A session that asks questions: what it has sent, what has come back, and waits that always end. Knows no question.
 */
import type { QoS } from '../../mqtt/publication.ts';
import { FIRST_FAILURE } from '../../mqtt/reason-codes.ts';
import type { UpstreamIdentity } from '../../session/ports.ts';
import type { BrokerOptions } from '../connect-options.ts';
import { type LinkEnd, type LinkFeatures, MqttLink } from '../mqtt-link.ts';

/** A delivery. */
export interface Copy {
  readonly topic: string;
  readonly identifiers: readonly number[];
}

/** A publication on its way. */
export interface Sent {
  /** Reason code of the PUBACK; null while there is none. */
  readonly code: number | null;
}

/** Time limit of one step. */
const STEP_LIMIT_MS = 2_000;
/** How long something may lag behind what was sent after it. */
const GRACE_MS = 150;

/** How long the broker may take to close a connection that is done with. */
const CLOSE_LIMIT_MS = 500;

/** How an attempt to open a session went; `end` is null when it was called off. */
export type Opening =
  | { readonly session: ProbeSession; readonly end: null }
  | { readonly session: null; readonly end: LinkEnd | null };

/** An open link with what it has received. */
export class ProbeSession {
  readonly features: LinkFeatures;
  /** Topic under which this probe is alone. */
  readonly base: string;
  #link: MqttLink;
  #signal: AbortSignal;
  #copies: Copy[] = [];
  #unacknowledged = 0;
  #end: LinkEnd | null = null;
  #checks = new Set<() => void>();

  private constructor(link: MqttLink, features: LinkFeatures, base: string, signal: AbortSignal) {
    this.#link = link;
    this.features = features;
    this.base = base;
    this.#signal = signal;
    signal.addEventListener('abort', () => this.#recheck(), { once: true });
  }

  /** @param signal calls the session off, or ends its waits and cuts it */
  static open(
    broker: BrokerOptions,
    identity: UpstreamIdentity,
    base: string,
    signal: AbortSignal,
  ): Promise<Opening> {
    if (signal.aborted) return Promise.resolve({ session: null, end: null });
    return new Promise((resolve) => {
      let session: ProbeSession | null = null;
      const link: MqttLink = new MqttLink(broker, identity, {
        onConnected: (features) => {
          session = new ProbeSession(link, features, base, signal);
          resolve({ session, end: null });
        },
        onMessage: ({ topicBuffer, topicStart, topicEnd }, identifiers) => {
          const topic = topicBuffer.toString('utf8', topicStart, topicEnd);
          if (session !== null) session.#onCopy({ topic, identifiers: [...identifiers] });
        },
        onDrain: () => {},
        onAnswer: () => {},
        onEnd: (end) => {
          if (session !== null) session.#onEnd(end);
          resolve({ session: null, end });
        },
      });
      const callOff = (): void => {
        link.destroy();
        resolve({ session: null, end: null });
      };
      signal.addEventListener('abort', callOff, { once: true });
    });
  }

  /** Why the session is over; null while it is not. */
  get end(): LinkEnd | null {
    return this.#end;
  }

  /** QoS 1 if the broker has it. */
  get bestQoS(): QoS {
    return this.features.maximumQoS > 0 ? 1 : 0;
  }

  /** Copies of one topic so far. */
  copiesOf(topic: string): Copy[] {
    return this.#copies.filter((copy) => copy.topic === topic);
  }

  /** @returns the reason code of SUBACK; null when none came */
  async subscribe(filter: string, identifier: number, qos: QoS = 0): Promise<number | null> {
    if (this.#isOver) return null;
    let answer: number | null = null;
    const id = this.features.subscriptionIdentifiers ? identifier : null;
    this.#link.subscribe(filter, { qos, identifier: id, retainHandling: 2 }, (code) => {
      answer = code;
      this.#recheck();
    });
    await this.until(() => answer !== null);
    return answer;
  }

  /** @returns whether the broker has granted it in time */
  async isGranted(filter: string, identifier: number, qos: QoS = 0): Promise<boolean> {
    const code = await this.subscribe(filter, identifier, qos);
    return code !== null && code < FIRST_FAILURE;
  }

  /** Sends an empty message. */
  publish(text: string, qos: QoS): Sent {
    const sent: { code: number | null } = { code: null };
    if (this.#isOver) return sent;
    const onPuback = (code: number): void => {
      this.#unacknowledged--;
      sent.code = code;
      this.#recheck();
    };
    if (qos === 1) this.#unacknowledged++;
    const topic = { text, bytes: Buffer.from(text) };
    const payload = { body: EMPTY, payloadStart: 0, payloadEnd: 0 };
    this.#link.publish(
      { topic, ...payload, qos, retain: false, properties: null },
      qos === 1 ? onPuback : null,
    );
    return sent;
  }

  /**
   * Waits for something that the broker may do.
   * @returns false at the limit, and when the session or the probe is over before
   */
  until(condition: () => boolean, limitMs: number = STEP_LIMIT_MS): Promise<boolean> {
    if (condition()) return Promise.resolve(true);
    if (this.#isOver) return Promise.resolve(false);
    return new Promise((resolve) => {
      const finish = (isMet: boolean): void => {
        clearTimeout(timer);
        this.#checks.delete(check);
        resolve(isMet);
      };
      const check = (): void => {
        if (condition()) finish(true);
        else if (this.#isOver) finish(false);
      };
      const timer = setTimeout(() => finish(false), limitMs);
      this.#checks.add(check);
    });
  }

  /** As {@link ProbeSession.until}, for what should have been here before something that has come. */
  soon(condition: () => boolean): Promise<boolean> {
    return this.until(condition, GRACE_MS);
  }

  /** A round trip without a message: what the broker had begun to send is here. */
  async roundTrip(): Promise<void> {
    if (this.#isOver) return;
    let isBack = false;
    this.#link.ping(() => {
      isBack = true;
      this.#recheck();
    });
    await this.until(() => isBack);
  }

  /** Ends the session; settles when its connection is gone, in bounded time. */
  close(): Promise<void> {
    // An orderly end would wait for acknowledgements.
    if (this.#unacknowledged > 0 || this.#isOver) {
      this.#link.destroy();
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#link.destroy();
        resolve();
      }, CLOSE_LIMIT_MS);
      this.#link.close(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  get #isOver(): boolean {
    return this.#end !== null || this.#signal.aborted;
  }

  #onCopy(copy: Copy): void {
    this.#copies.push(copy);
    this.#recheck();
  }

  #onEnd(end: LinkEnd): void {
    this.#end = end;
    this.#recheck();
  }

  #recheck(): void {
    for (const check of [...this.#checks]) check();
  }
}

const EMPTY = Buffer.alloc(0);
