/**
 * Log-ins of the dashboard. A session ends by itself after a time without requests, and in any case after another time; of
 * each only a hash is kept, so that nobody who sees the memory or a dump can take one over.
 */
import { createHash, randomBytes } from 'node:crypto';
import type { Clock } from '../../util/clock.ts';

/** How long sessions last. */
export interface SessionTimes {
  readonly idleMs: number;
  readonly totalMs: number;
}

/** Whoever is logged in. */
export interface Session {
  readonly user: string;
  /** To be sent with everything that changes something. */
  readonly csrfToken: string;
}

interface Kept extends Session {
  /** Tells whether the password is still the one that was used. */
  readonly secret: string;
  readonly startMs: number;
  lastMs: number;
}

/** The oldest one ends when there is one more. */
const MAX_SESSIONS = 256;
const TOKEN_BYTES = 32;

/** See the head of this file. */
export class Sessions {
  readonly #clock: Clock;
  readonly #times: () => SessionTimes;
  /** The one that was used last comes last. */
  readonly #kept = new Map<string, Kept>();

  /** @param times in force now */
  constructor(clock: Clock, times: () => SessionTimes) {
    this.#clock = clock;
    this.#times = times;
  }

  get size(): number {
    return this.#kept.size;
  }

  /** @returns what the cookie holds, and the session */
  begin(user: string, secret: string): { readonly id: string; readonly session: Session } {
    const id = randomBytes(TOKEN_BYTES).toString('base64url');
    const nowMs = this.#clock.now();
    const session = { user, secret, csrfToken: randomBytes(TOKEN_BYTES).toString('base64url') };
    this.#kept.set(keyOf(id), { ...session, startMs: nowMs, lastMs: nowMs });
    for (const [key] of this.#kept) {
      if (this.#kept.size <= MAX_SESSIONS) break;
      this.#kept.delete(key);
    }
    return { id, session };
  }

  /**
   * The session of a cookie, which has been used now; null when there is none any more.
   * @param isValid whether the user may still log in with this secret
   */
  use(id: string, isValid: (user: string, secret: string) => boolean): Session | null {
    const key = keyOf(id);
    const kept = this.#kept.get(key);
    if (kept === undefined) return null;
    const nowMs = this.#clock.now();
    const { idleMs, totalMs } = this.#times();
    this.#kept.delete(key);
    const isOver = nowMs - kept.lastMs >= idleMs || nowMs - kept.startMs >= totalMs;
    if (isOver || !isValid(kept.user, kept.secret)) return null;
    kept.lastMs = nowMs;
    this.#kept.set(key, kept);
    return kept;
  }

  /** Idempotent. */
  end(id: string): void {
    this.#kept.delete(keyOf(id));
  }
}

function keyOf(id: string): string {
  return createHash('sha256').update(id).digest('base64url');
}
