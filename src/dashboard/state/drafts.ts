/** Changes that the user has made and not sent yet, by the path of the setting. */

/** See the head of the file. Null goes back to the default. */
export class Drafts {
  readonly #listeners = new Set<() => void>();
  #changes: ReadonlyMap<string, unknown> = new Map();

  get changes(): ReadonlyMap<string, unknown> {
    return this.#changes;
  }

  set(path: string, value: unknown): void {
    this.#replace(new Map(this.#changes).set(path, value));
  }

  drop(path: string): void {
    const changes = new Map(this.#changes);
    changes.delete(path);
    this.#replace(changes);
  }

  clear(): void {
    this.#replace(new Map());
  }

  /** @returns how to stop being told */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #replace(changes: ReadonlyMap<string, unknown>): void {
    this.#changes = changes;
    for (const listener of this.#listeners) listener();
  }
}
