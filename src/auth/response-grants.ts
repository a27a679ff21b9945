/** What `allow_responses` grants: whoever got a message with a reply subject may publish there, so often and so long. */
import type { Clock } from '../util/clock.ts';
import { latin1 } from '../util/latin1.ts';
import type { ResponsePermission } from './permissions.ts';

/** Unanswered requests of one client that are remembered, as in nats-server; the oldest goes first. */
const MAX_GRANTS = 4096;

interface Grant {
  left: number;
  readonly untilMs: number;
}

/** The grants of one client. */
export class ResponseGrants {
  readonly #permission: ResponsePermission;
  readonly #clock: Clock;
  readonly #grants = new Map<string, Grant>();

  constructor(permission: ResponsePermission, clock: Clock) {
    this.#permission = permission;
    this.#clock = clock;
  }

  /** A message with this reply subject has been delivered. */
  grant(reply: Buffer): void {
    const { maxMessages, expiresMs } = this.#permission;
    const key = latin1(reply, 0, reply.length);
    // Goes to the end of the queue of those that are forgotten first.
    this.#grants.delete(key);
    if (this.#grants.size >= MAX_GRANTS) {
      const [oldest] = this.#grants.keys();
      if (oldest !== undefined) this.#grants.delete(oldest);
    }
    this.#grants.set(key, { left: maxMessages, untilMs: this.#clock.now() + expiresMs });
  }

  /** Uses up one publication to `line[start, end)`. @returns false when none is granted */
  take(line: Buffer, start: number, end: number): boolean {
    const key = latin1(line, start, end);
    const grant = this.#valid(key);
    if (grant === null) return false;
    grant.left--;
    if (grant.left <= 0) this.#grants.delete(key);
    return true;
  }

  /** Whether one is granted. */
  has(line: Buffer, start: number, end: number): boolean {
    return this.#valid(latin1(line, start, end)) !== null;
  }

  #valid(key: string): Grant | null {
    const grant = this.#grants.get(key);
    if (grant === undefined) return null;
    if (grant.untilMs > this.#clock.now()) return grant;
    this.#grants.delete(key);
    return null;
  }
}
