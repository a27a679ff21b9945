/** Decides when a worker that has ended is replaced. Pure; knows no processes. */

/** Failed starts in a row after which there is no hope. */
export const MAX_FAILED_STARTS = 5;
/** Before the first replacement; doubles with each that does not live long. */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;
/** Who has served for so long begins with a clean slate. */
const STABLE_MS = 10_000;

/** The history of one worker's place. */
export class RestartPolicy {
  #failedStarts = 0;
  #shortLives = 0;

  /**
   * A process has ended.
   * @param servedMs how long it has served clients; null when it never got so far
   * @returns milliseconds until the next one is started, or null when that has no point
   */
  onEnded(servedMs: number | null): number | null {
    this.#failedStarts = servedMs === null ? this.#failedStarts + 1 : 0;
    this.#shortLives = servedMs !== null && servedMs >= STABLE_MS ? 1 : this.#shortLives + 1;
    if (this.#failedStarts >= MAX_FAILED_STARTS) return null;
    return Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (this.#shortLives - 1));
  }
}
