/** A change in two steps, so that several parts of a program change together or not at all. Types only. */

/** A change that can still be left alone. Exactly one of the two is called. */
export interface PreparedChange {
  /** Never fails. */
  commit(): void;
  /** Everything stays as it was. */
  abandon(): Promise<void>;
}
