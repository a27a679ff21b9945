/**
 * Remembers what a method has answered, for a limited time. Holds no credentials: the key is a keyed hash of all that
 * the method was shown, with a secret of this process, so that neither a memory dump nor the time a lookup takes tells
 * anything about them.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../util/clock.ts';
import type { Credentials, Verdict } from './authenticator.ts';

/** Entries of one method. */
const MAX_ENTRIES = 10_000;

/** A refusal is forgotten after this at the latest: the password may have been set right. */
const MAX_REJECT_MS = 2_000;

/** What is remembered. */
export type Answer = Exclude<Verdict, { readonly kind: 'skip' }>;

/** The answers of one method. */
export class ResultCache {
  readonly #secret = randomBytes(32);
  readonly #acceptMs: number;
  readonly #usesNonce: boolean;
  readonly #entries: LRUCache<string, Answer>;

  /**
   * @param acceptMs how long an acceptance holds; 0 remembers nothing
   * @param usesNonce whether the method looks at signatures; one that does not must not miss its memory over the nonce of another
   */
  constructor(acceptMs: number, usesNonce: boolean, clock: Clock) {
    this.#acceptMs = acceptMs;
    this.#usesNonce = usesNonce;
    this.#entries = new LRUCache({ max: MAX_ENTRIES, ttl: 1, ttlResolution: 0, perf: clock });
  }

  get isOff(): boolean {
    return this.#acceptMs === 0;
  }

  /** Stands for these credentials, and cannot be turned back into them. */
  keyOf(credentials: Credentials): string {
    const seen = this.#usesNonce ? credentials : { ...credentials, nonce: '', sig: '' };
    return createHmac('sha256', this.#secret).update(JSON.stringify(seen)).digest('base64');
  }

  get(key: string): Answer | undefined {
    return this.#entries.get(key);
  }

  /** @param nowMs time since 1970: an identity is not remembered beyond its own end */
  set(key: string, answer: Answer, nowMs: number): void {
    const ttl =
      answer.kind === 'reject'
        ? Math.min(this.#acceptMs, MAX_REJECT_MS)
        : Math.min(this.#acceptMs, (answer.identity.expiresAtMs ?? Number.POSITIVE_INFINITY) - nowMs);
    if (ttl > 0) this.#entries.set(key, answer, { ttl });
  }

  clear(): void {
    this.#entries.clear();
  }
}
