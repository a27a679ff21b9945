/**
 * Watches that acknowledgements come in time: a stopped broker, a half-open link and a swallowed ack all look
 * alike, and none of them closes a socket. Knows time, not packets.
 */

/** One awaited acknowledgement. */
export interface PendingAck {
  readonly since: number;
  readonly done: (code: number) => void;
}

/** Checks per time-out: an ack is called late at the latest 1/4 of the time-out after it was due. */
const CHECKS = 4;

/** The awaited acknowledgements of one MQTT session, oldest first. */
export class AckTimer {
  #pending = new Set<PendingAck>();
  #timer: NodeJS.Timeout | null = null;
  #timeoutMs: number;
  #onLate: () => void;
  #isStopped = false;

  /**
   * @param timeoutMs how long an acknowledgement may take
   * @param onLate called once, when one has taken longer; everything pending is then dropped
   */
  constructor(timeoutMs: number, onLate: () => void) {
    this.#timeoutMs = timeoutMs;
    this.#onLate = onLate;
  }

  /** Begins to wait. */
  start(done: (code: number) => void): PendingAck {
    const ack = { since: performance.now(), done };
    if (this.#isStopped) return ack;
    this.#pending.add(ack);
    this.#timer ??= setInterval(() => this.#check(), Math.max(1, this.#timeoutMs / CHECKS));
    return ack;
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
    const [oldest] = this.#pending;
    if (oldest === undefined) {
      this.#rest();
      return;
    }
    if (performance.now() - oldest.since < this.#timeoutMs) return;
    this.stop();
    this.#onLate();
  }

  #rest(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }
}
