/**
 * Watches that acknowledgements come in time: a stopped broker, a half-open link and a swallowed ack all look
 * alike, and none of them closes a socket. Knows time, not packets.
 */

/** One awaited acknowledgement. */
export interface PendingAck {
  /** When the wait began, or up to one check earlier; set by the timer. */
  since: number;
  done(code: number): void;
}

/** Acknowledgements that are kept elsewhere, oldest first: those of publications have an order of their own. */
export interface AckSource {
  readonly oldest: PendingAck | null;
}

const NO_SOURCE: AckSource = { oldest: null };

/** Checks per time-out: an ack is called late at the latest 1/4 of the time-out after it was due. */
const CHECKS = 8;

/**
 * The awaited acknowledgements of one MQTT session, oldest first. Brokers acknowledge in order, so the time of each
 * runs from when it became the oldest: on a slow link a full send window takes longer than the time-out, and cutting
 * the session would only send the same window again, for ever.
 */
export class AckTimer {
  #pending = new Set<PendingAck>();
  #timer: NodeJS.Timeout | null = null;
  /** Time of the last check: looking at the clock for every publication would cost a twentieth of it. */
  #now = 0;
  readonly #timeoutMs: number;
  readonly #periodMs: number;
  #onLate: () => void;
  readonly #others: AckSource;
  #isStopped = false;
  #checkedAt = 0;
  /** The oldest one at the last check, and since when it has been that, or a little earlier. */
  #oldest: PendingAck | null = null;
  #oldestSince = 0;

  /**
   * @param timeoutMs how long an acknowledgement may take
   * @param onLate called once, when one has taken longer; everything pending is then dropped
   * @param others watched as well; see {@link AckTimer.watch}
   */
  constructor(timeoutMs: number, onLate: () => void, others: AckSource = NO_SOURCE) {
    this.#timeoutMs = timeoutMs;
    this.#periodMs = Math.max(1, timeoutMs / CHECKS);
    this.#onLate = onLate;
    this.#others = others;
  }

  /** Begins to wait. */
  start(done: (code: number) => void): PendingAck {
    const ack = { since: 0, done };
    this.track(ack);
    return ack;
  }

  /** Begins to wait for what somebody else has made. */
  track(ack: PendingAck): void {
    if (this.#isStopped) return;
    this.#pending.add(ack);
    this.watch(ack);
  }

  /** Begins to wait for one that is kept in the other source. */
  watch(ack: PendingAck): void {
    if (this.#timer === null) this.#begin();
    ack.since = this.#now;
  }

  #begin(): void {
    if (this.#isStopped) return;
    this.#now = performance.now();
    this.#timer = setInterval(() => this.#check(), this.#periodMs);
  }

  /** The acknowledgement has come: calls its `done`, unless it was finished before or the timer is stopped. */
  finish(ack: PendingAck, code: number): void {
    if (this.#pending.delete(ack)) ack.done(code);
  }

  /** Forgets everything; no callback follows. */
  stop(): void {
    this.#isStopped = true;
    this.#pending.clear();
    this.#rest();
  }

  #check(): void {
    const oldest = this.#findOldest();
    if (oldest === null) {
      this.#rest();
      return;
    }
    const now = performance.now();
    this.#now = now;
    // What was before it has come since the last check, or it would still be the oldest.
    if (oldest !== this.#oldest) this.#oldestSince = Math.max(oldest.since, this.#checkedAt);
    this.#oldest = oldest;
    this.#checkedAt = now;
    if (now - this.#oldestSince < this.#timeoutMs + this.#periodMs) return;
    this.stop();
    this.#onLate();
  }

  #findOldest(): PendingAck | null {
    const [own] = this.#pending;
    const { oldest } = this.#others;
    if (own === undefined || oldest === null) return own ?? oldest;
    return own.since <= oldest.since ? own : oldest;
  }

  #rest(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    this.#oldest = null;
  }
}
