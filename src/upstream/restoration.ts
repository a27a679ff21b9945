/**
 * Which filters are owed to a session that has come up again, and in which order they are subscribed: together, but those
 * that may have ended the session before one at a time, and last. Sends nothing itself.
 */
import type { FilterEntry } from './filter-entry.ts';
import { Suspects } from './suspects.ts';

/** Losses while filters were subscribed together; after that they are subscribed one at a time. */
const LOSSES_IN_A_BATCH = 2;

/** The filters of one table after a loss. */
export class Restoration {
  #owed = new Set<FilterEntry>();
  #suspects = new Suspects<FilterEntry>(LOSSES_IN_A_BATCH);
  #restore: (entry: FilterEntry) => void;
  #onDone: (() => void) | null = null;

  /** @param restore subscribes a filter; {@link Restoration.onAnswered} follows */
  constructor(restore: (entry: FilterEntry) => void) {
    this.#restore = restore;
  }

  /** Nothing is owed. */
  get isDone(): boolean {
    return this.#onDone === null;
  }

  /** @param onDone called once, perhaps at once */
  begin(entries: Iterable<FilterEntry>, onDone: () => void): void {
    this.#owed = new Set(entries);
    this.#onDone = onDone;
    for (const entry of [...this.#owed]) if (!this.#suspects.isSuspect(entry)) this.#restore(entry);
    this.#proceed();
  }

  /** A SUBSCRIBE leaves for the broker, owed or not. */
  onSending(entry: FilterEntry): void {
    this.#suspects.onSend(entry);
  }

  onAnswered(entry: FilterEntry): void {
    this.forget(entry);
    this.#proceed();
  }

  /** The filter is not wanted any more. */
  forget(entry: FilterEntry): void {
    this.#suspects.clear(entry);
    this.#owed.delete(entry);
  }

  /** The session is gone. @returns the filter that has ended it each time, if that is known */
  onLost(): FilterEntry | null {
    this.#onDone = null;
    return this.#suspects.onLost();
  }

  #proceed(): void {
    if (this.#onDone === null) return;
    if (this.#owed.size > 0) {
      if (this.#suspects.hasAny) this.#restoreSuspect();
      return;
    }
    const onDone = this.#onDone;
    this.#onDone = null;
    onDone();
  }

  #restoreSuspect(): void {
    if (this.#suspects.isTesting) return;
    for (const entry of this.#owed) if (!this.#suspects.isSuspect(entry)) return;
    const [next] = this.#owed;
    if (next !== undefined) this.#restore(next);
  }
}
