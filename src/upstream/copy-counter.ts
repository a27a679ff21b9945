/**
 * Tells the copies of one message apart from further messages that look the same, where the broker sends a copy for each
 * matching filter and names none. Copies of several messages may come mixed: brokers keep the order per filter only.
 */
import { createHash } from 'node:crypto';
import type { InboundPublication } from '../mqtt/publication.ts';

/** Messages that wait for their other copies; beyond it the oldest is forgotten, and its copies count as new. */
const MAX_MESSAGES = 10_000;
/** Longer payloads are remembered by their hash. */
const MAX_KEY_BYTES = 128;

/** Copies on one session. */
export class CopyCounter {
  /** How many more copies of each message are to come. */
  #missing = new Map<string, number>();

  /**
   * @param filters how many filters match: so many copies are one message
   * @returns whether the message has been here before, through another filter
   */
  isFurtherCopy(topic: string, message: InboundPublication, filters: number): boolean {
    if (filters < 2) return false;
    const key = keyOf(topic, message);
    const missing = this.#missing.get(key);
    if (missing === undefined) {
      this.#makeRoom();
      this.#missing.set(key, filters - 1);
      return false;
    }
    if (missing > 1) this.#missing.set(key, missing - 1);
    else this.#missing.delete(key);
    return true;
  }

  /** The session is gone, and what it owed with it. */
  clear(): void {
    this.#missing.clear();
  }

  #makeRoom(): void {
    if (this.#missing.size < MAX_MESSAGES) return;
    const [oldest] = this.#missing.keys();
    if (oldest !== undefined) this.#missing.delete(oldest);
  }
}

/** The QoS is that of the subscription, so copies may differ in it. */
function keyOf(topic: string, { body, payloadStart, payloadEnd, retain }: InboundPublication): string {
  const payload = body.subarray(payloadStart, payloadEnd);
  const isLong = payload.length > MAX_KEY_BYTES;
  const content = isLong ? createHash('sha256').update(payload).digest('base64') : payload.toString('latin1');
  return `${retain ? 'r' : 'l'}${payload.length}\0${topic}\0${content}`;
}
