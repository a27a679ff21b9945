/** Bytes that many clients hold together, and who waits for room. Knows nothing of what the bytes are. */

/** A bound shared by all clients of one upstream. */
export class ByteAccount {
  #limit: number;
  #total = 0;
  #waiting = new Set<() => void>();

  /** @param limit bytes; what is held already when it is reached is kept */
  constructor(limit: number) {
    this.#limit = limit;
  }

  get isFull(): boolean {
    return this.#total >= this.#limit;
  }

  /** Another limit. */
  set limit(bytes: number) {
    this.#limit = bytes;
    this.#callWaiting();
  }

  get total(): number {
    return this.#total;
  }

  add(bytes: number): void {
    this.#total += bytes;
  }

  /** Gives bytes back; whoever waits is called when there is room again. */
  remove(bytes: number): void {
    this.#total -= bytes;
    this.#callWaiting();
  }

  /** @param callback called once when there is room; the same one waits only once */
  wait(callback: () => void): void {
    this.#waiting.add(callback);
  }

  forget(callback: () => void): void {
    this.#waiting.delete(callback);
  }

  #callWaiting(): void {
    if (this.isFull || this.#waiting.size === 0) return;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const callback of waiting) callback();
  }
}
