/**
 * Finds the packet that ends the session each time it is sent (a broker may close over what it denies, without an
 * answer): else one client's message or filter would keep all others off for ever. Knows neither packets nor sessions.
 */

/** Things that are sent again after a loss. */
export class Suspects<T> {
  readonly #threshold: number;
  #underWay = new Set<T>();
  /** In how many losses each had a part. */
  #losses = new Map<T, number>();
  #alone: T | null = null;

  /** @param threshold losses after which something must be sent alone, so that the next loss tells */
  constructor(threshold: number) {
    this.#threshold = threshold;
  }

  /** There is something that must be sent alone. */
  get hasAny(): boolean {
    return this.#losses.size > 0;
  }

  /** It is on its way, and nothing else may be sent until it is answered. */
  get isTesting(): boolean {
    return this.#alone !== null;
  }

  isSuspect(one: T): boolean {
    return (this.#losses.get(one) ?? 0) >= this.#threshold;
  }

  onSend(one: T): void {
    this.#underWay.add(one);
    if (this.isSuspect(one)) this.#alone = one;
  }

  /** It has been answered, or is not wanted any more. */
  clear(one: T): void {
    this.#underWay.delete(one);
    this.#losses.delete(one);
    if (this.#alone === one) this.#alone = null;
  }

  /** The session is lost. @returns what has ended it, if that is known; it must not be sent again */
  onLost(): T | null {
    const culprit = this.#alone;
    if (culprit !== null) this.clear(culprit);
    for (const one of this.#underWay) this.#losses.set(one, (this.#losses.get(one) ?? 0) + 1);
    this.#underWay.clear();
    return culprit;
  }

  /** Nothing is sent again. */
  forget(): void {
    this.#underWay.clear();
    this.#losses.clear();
    this.#alone = null;
  }
}
