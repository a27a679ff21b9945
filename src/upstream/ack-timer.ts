/**
 * Watches that acknowledgements come in time: a stopped broker, a half-open link and a swallowed ack all look
 * alike, and none of them closes a socket. Knows time, not packets.
 */

/** One awaited acknowledgement. */
export interface PendingAck {
  done(code: number): void;
}

/** Acknowledgements that are kept elsewhere, oldest first: those of publications have an order of their own. */
export interface AckSource {
  readonly oldest: PendingAck | null;
}

const NO_SOURCE: AckSource = { oldest: null };

/** Checks per time-out: an ack is called late at the latest 1/4 of the time-out after it was due. */
const CHECKS = 8;

/** How long the front of a queue has not moved, by looking now and then: the clock is not asked per acknowledgement. */
class FrontWatch {
  #front: PendingAck | null = null;
  #sinceMs = 0;

  /**
   * @param pausedMs time since the last look that does not count
   * @returns milliseconds for which this has been the front, counted from the first look at it
   */
  look(front: PendingAck | null, nowMs: number, pausedMs: number): number {
    if (front !== this.#front || front === null) this.#sinceMs = nowMs;
    else this.#sinceMs += pausedMs;
    this.#front = front;
    return nowMs - this.#sinceMs;
  }
}

/**
 * The awaited acknowledgements of one MQTT session, oldest first. Brokers acknowledge in order, so the time of each
 * runs from when it became the oldest: on a slow link a full send window takes longer than the time-out, and cutting
 * the session would only send the same window again, for ever.
 */
export class AckTimer {
  readonly #pending = new Set<PendingAck>();
  readonly #others: AckSource;
  readonly #timeoutMs: number;
  readonly #periodMs: number;
  readonly #onLate: () => void;
  #timer: NodeJS.Timeout | null = null;
  #checkedAt = 0;
  #own = new FrontWatch();
  #other = new FrontWatch();
  #isStopped = false;

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
    const ack = { done };
    this.track(ack);
    return ack;
  }

  /** Begins to wait for what somebody else has made. */
  track(ack: PendingAck): void {
    if (this.#isStopped) return;
    this.#pending.add(ack);
    this.watch();
  }

  /** There is something in the other source. */
  watch(): void {
    if (this.#timer !== null || this.#isStopped) return;
    this.#checkedAt = performance.now();
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
    const [own = null] = this.#pending;
    const other = this.#others.oldest;
    if (own === null && other === null) {
      this.#rest();
      return;
    }
    const now = performance.now();
    // This process was at a standstill: what has come meanwhile is still to be read.
    const pausedMs = Math.max(0, now - this.#checkedAt - 2 * this.#periodMs);
    this.#checkedAt = now;
    const ownMs = this.#own.look(own, now, pausedMs);
    const otherMs = this.#other.look(other, now, pausedMs);
    if (Math.max(ownMs, otherMs) < this.#timeoutMs) return;
    this.stop();
    this.#onLate();
  }

  #rest(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    this.#own = new FrontWatch();
    this.#other = new FrontWatch();
  }
}
