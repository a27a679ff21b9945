/**
 * The results of a cell as text: figures of every round, medians, verdicts.
 */
import type { Cell, Column, Figures } from '../cell.ts';
import type { CellResult, VariantResult } from '../run-cell.ts';
import { medianOf, type Verdict } from './verdicts.ts';

/** @returns rows as columns of equal width; the first is left-aligned */
function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  return rows.map((row) =>
    row
      .map((text, column) =>
        column === 0 ? text.padEnd(widths[0] ?? 0) : text.padStart(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  );
}

/** @returns a figure as a table shows it */
export function shown(value: number | undefined, digits: number): string {
  if (value === undefined || Number.isNaN(value)) return '–';
  return value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

function roundsOf({ rounds }: VariantResult, { figure, digits }: Column): string {
  return rounds.map((figures: Figures | null) => shown(figures?.[figure], digits)).join(' ');
}

/** @returns the lines of the table of one cell */
export function cellTable(cell: Cell, result: CellResult, verdicts: readonly Verdict[]): string[] {
  const [main] = cell.columns;
  const header = ['', ...cell.columns.map(({ title }) => title), `rounds: ${main?.title ?? ''}`];
  const rows = result.variants.map((variant) => [
    variant.name,
    ...cell.columns.map(({ figure, digits }) => shown(medianOf(variant.rounds, figure), digits)),
    main === undefined ? '' : roundsOf(variant, main),
  ]);
  const judged = verdicts.map(({ outcome, text, value, values }) => [
    `${outcome.padEnd(5)} ${text}`,
    shown(value, 3),
    `rounds: ${values.map((one) => shown(one, 3)).join(' ')}`,
  ]);
  return [
    '',
    `${result.name}: ${result.title}`,
    ...aligned([header, ...rows]).map((line) => `  ${line}`),
    ...aligned(judged).map((line) => `  ${line}`),
    ...result.skipped.map(({ name, reason }) => `  skipped ${name}: ${reason}`),
    ...result.failures.map((failure) => `  FAILED ${failure}`),
  ];
}
