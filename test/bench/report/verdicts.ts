/**
 * Judges the results of a cell by its targets.
 */
import type { Cell, Figures, Target } from '../cell.ts';
import { median } from '../measure/statistics.ts';
import type { CellResult } from '../run-cell.ts';

/** Outcome of one target; `none`: a variant that it needs was not measured. */
export type Outcome = 'PASS' | 'FAIL' | 'short' | 'none';

/** A target with what was reached. */
export interface Verdict {
  /** Such as `gateway / naive µs/msg ≤ 0.1`. */
  readonly text: string;
  readonly value: number;
  /** By round. */
  readonly values: readonly number[];
  readonly outcome: Outcome;
  /** A gate does not let it through: neither a miss nor what could not be measured, but for stretch targets. */
  readonly isMissed: boolean;
}

function roundsOf(result: CellResult, variant: string): readonly (Figures | null)[] | null {
  return result.variants.find(({ name }) => name === variant)?.rounds ?? null;
}

/** @returns the median of a figure over the good rounds of a variant; NaN without any */
export function medianOf(rounds: readonly (Figures | null)[], figure: string): number {
  return median(rounds.flatMap((figures) => figures?.[figure] ?? []));
}

/** The figure, or the ratio within each round in which both variants are good. */
function valuesOf(result: CellResult, { figure, of, comparedTo }: Target): number[] {
  const own = roundsOf(result, of) ?? [];
  const other = comparedTo === undefined ? null : (roundsOf(result, comparedTo) ?? []);
  return own.flatMap((figures, round) => {
    const value = figures?.[figure];
    if (value === undefined) return [];
    if (other === null) return [value];
    const base = other[round]?.[figure];
    return base === undefined ? [] : [value / base];
  });
}

function describe({ columns }: Cell, { figure, of, comparedTo, atMost, atLeast, isStretch }: Target): string {
  const title = columns.find((column) => column.figure === figure)?.title ?? figure;
  const what = comparedTo === undefined ? `${of} ${title}` : `${of} / ${comparedTo} ${title}`;
  const bound = atMost === undefined ? `≥ ${rounded(atLeast ?? 0)}` : `≤ ${rounded(atMost)}`;
  return `${what} ${bound}${isStretch ? ' (stretch)' : ''}`;
}

function rounded(value: number): string {
  return String(Number(value.toPrecision(4)));
}

function outcomeOf(value: number, { atMost, atLeast, isStretch }: Target): Outcome {
  if (Number.isNaN(value)) return 'none';
  const isMet = (atMost === undefined || value <= atMost) && (atLeast === undefined || value >= atLeast);
  if (isMet) return 'PASS';
  return isStretch ? 'short' : 'FAIL';
}

/** @returns one verdict per target of the cell */
export function judge(cell: Cell, result: CellResult): Verdict[] {
  return cell.targets.map((target) => {
    const values = valuesOf(result, target);
    const value = median(values);
    const outcome = outcomeOf(value, target);
    const isMissed = outcome === 'FAIL' || (outcome === 'none' && target.isStretch !== true);
    return { text: describe(cell, target), value, values, outcome, isMissed };
  });
}
