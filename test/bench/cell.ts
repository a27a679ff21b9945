/**
 * What a cell of the benchmark is: some variants that do the same job, measured in turns, and what is expected of them.
 */

/** Named numbers of one round, such as `us` (microseconds of processor time per message) or `rate` (per second). */
export type Figures = Readonly<Record<string, number>>;

/** Outcome of one round of one variant. */
export interface Round {
  readonly figures: Figures;
  /** Why the round says nothing, such as a generator at its limit; null for a good one. */
  readonly voidReason: string | null;
}

/** A variant that is running and can be measured again and again. */
export interface Subject {
  /**
   * Measures once.
   * @throws {Error} when a message is lost, doubled or out of order
   */
  round(): Promise<Round>;
  stop(): Promise<void>;
}

/** How the command line shapes the measurements. */
export interface Timing {
  readonly warmUpMs: number;
  readonly windowMs: number;
}

/** One way to do the job of a cell. */
export interface Variant {
  readonly name: string;
  /** @throws {Unavailable} when something that it needs is not there */
  open(timing: Timing): Promise<Subject>;
}

/** A variant cannot be measured here: a program is not installed, a setting does not exist yet. */
export class Unavailable extends Error {}

/** What is expected: a bound on a figure, or on the ratio of two variants' figures within a round. */
export interface Target {
  readonly figure: string;
  readonly of: string;
  /** Without it the figure itself is judged. */
  readonly comparedTo?: string;
  readonly atMost?: number;
  readonly atLeast?: number;
  /** Something to aim for: shown, never a failure. */
  readonly isStretch?: boolean;
}

/** A column of the table of a cell. */
export interface Column {
  readonly figure: string;
  readonly title: string;
  readonly digits: number;
}

/** See the head of the file. */
export interface Cell {
  readonly name: string;
  readonly title: string;
  readonly columns: readonly Column[];
  readonly variants: readonly Variant[];
  readonly targets: readonly Target[];
}
