/**
 * When a client last sent something or was sent a message. Found out from the counters, once per chunk and per flush, so
 * that messages cost nothing. PINGs and PONGs are no activity, as in nats-server.
 */

/** See the head of this file. Times in milliseconds since 1970. A count that is no number (NaN): all that passes is activity. */
export class Activity {
  #lastMs = 0;
  /** When the newest chunk came; what was in it is only known afterwards. */
  #chunkMs = 0;
  #inCount = 0;
  #outCount = 0;

  /**
   * A chunk has come, and is about to be looked at.
   * @param count of what the client has sent before it
   */
  onInput(count: number, nowMs: number): void {
    this.#settle(count);
    this.#chunkMs = nowMs;
  }

  /** Something is about to be written. @param count of the messages so far */
  onOutput(count: number): void {
    if (count === this.#outCount) return;
    this.#outCount = count;
    this.#lastMs = Date.now();
  }

  /** @param count of what the client has sent so far */
  lastMs(count: number): number {
    this.#settle(count);
    return this.#lastMs;
  }

  #settle(count: number): void {
    if (count === this.#inCount) return;
    this.#inCount = count;
    this.#lastMs = Math.max(this.#lastMs, this.#chunkMs);
  }
}
