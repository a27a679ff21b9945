/**
 * Which workers have clients without the broker, and who has to know: after an outage nobody publishes before the
 * subscriptions of all are back, on whichever worker they are. Lives in the primary; knows no processes.
 */

/** A worker that is told. */
export interface BoardReader {
  readonly worker: number;
  readonly isReady: boolean;
  tell(message: { readonly type: 'others'; readonly areAway: boolean }): void;
}

/** See the head of this file. */
export class OutageBoard {
  readonly #away = new Set<number>();
  /** What each was told last; nothing means that nobody is away. */
  readonly #told = new Map<number, boolean>();

  /** A worker has clients without the broker, or none any more. */
  set(worker: number, areAway: boolean): void {
    if (areAway) this.#away.add(worker);
    else this.#away.delete(worker);
  }

  /** The process of a worker is gone; the next one knows nothing. */
  forget(worker: number): void {
    this.#away.delete(worker);
    this.#told.delete(worker);
  }

  /** Tells everybody what has changed for them. */
  tell(readers: readonly BoardReader[]): void {
    for (const reader of readers) {
      const { worker } = reader;
      const areAway = this.#away.size > (this.#away.has(worker) ? 1 : 0);
      if (!reader.isReady || areAway === (this.#told.get(worker) ?? false)) continue;
      this.#told.set(worker, areAway);
      reader.tell({ type: 'others', areAway });
    }
  }
}
