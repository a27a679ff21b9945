/**
 * Names over which the broker ends sessions: they are refused for a while without asking it again. Bounded. Knows nothing
 * of what the names are for.
 */

/** After this time the broker is asked again: its access list may have changed. */
const REMEMBERED_MS = 60_000;
const MAX_NAMES = 1_000;

/** See the head of the file. */
export class DenyList {
  #until = new Map<string, number>();

  get isEmpty(): boolean {
    return this.#until.size === 0;
  }

  deny(name: string): void {
    this.#until.delete(name);
    this.#until.set(name, performance.now() + REMEMBERED_MS);
    const [oldest] = this.#until.keys();
    if (this.#until.size > MAX_NAMES && oldest !== undefined) this.#until.delete(oldest);
  }

  has(name: string): boolean {
    const until = this.#until.get(name);
    if (until === undefined || performance.now() < until) return until !== undefined;
    this.#until.delete(name);
    return false;
  }
}
