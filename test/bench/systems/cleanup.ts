/** Collects what has to be ended, and ends it in reverse order. */

/** See the head of the file. */
export class Cleanup {
  readonly #ends: (() => Promise<unknown>)[] = [];

  /** Notes how to end something, and returns the thing. */
  add<T>(thing: T, end: (thing: T) => Promise<unknown>): T {
    this.#ends.push(() => end(thing));
    return thing;
  }

  /** Ends everything, even when one end fails; idempotent. */
  async run(): Promise<void> {
    const end = this.#ends.pop();
    if (end === undefined) return;
    try {
      await end();
    } finally {
      await this.run();
    }
  }

  /**
   * Opens something that consists of several parts.
   * @throws {unknown} whatever `open` throws, after ending what it has already opened
   */
  static async guard<T>(open: (cleanup: Cleanup) => Promise<T>): Promise<T> {
    const cleanup = new Cleanup();
    try {
      return await open(cleanup);
    } catch (error) {
      await cleanup.run();
      throw error;
    }
  }
}
