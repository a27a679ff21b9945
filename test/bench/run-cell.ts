/**
 * Measures the variants of a cell in turns, so that whatever else the machine does hits all of them alike.
 */
import { type Cell, type Figures, type Subject, type Timing, Unavailable } from './cell.ts';

/** Attempts at a round before a variant's round counts as void. */
const ATTEMPTS = 3;

/** What one variant came to. */
export interface VariantResult {
  readonly name: string;
  /** By round; null where every attempt was void. */
  readonly rounds: (Figures | null)[];
  /** Why rounds were void. */
  readonly voids: string[];
}

/** What one cell came to. */
export interface CellResult {
  readonly name: string;
  readonly title: string;
  readonly variants: readonly VariantResult[];
  readonly skipped: readonly { readonly name: string; readonly reason: string }[];
  /** A message lost, doubled or out of order, or a process that died; the run has failed. */
  readonly failures: readonly string[];
}

/** How to run cells. */
export interface RunOptions extends Timing {
  readonly rounds: number;
  /** Names of variants; empty: all. */
  readonly only: readonly string[];
  /** Told what happens meanwhile. */
  log(line: string): void;
}

interface Open {
  readonly subject: Subject;
  readonly result: VariantResult;
}

/** Runs one cell; a broken sequence is a result, not an exception. */
export async function runCell(cell: Cell, options: RunOptions): Promise<CellResult> {
  const open: Open[] = [];
  const skipped: { name: string; reason: string }[] = [];
  const failures: string[] = [];
  try {
    for (const { name, open: openVariant } of cell.variants) {
      if (options.only.length > 0 && !options.only.includes(name)) continue;
      try {
        open.push({ subject: await openVariant(options), result: { name, rounds: [], voids: [] } });
      } catch (error) {
        if (!(error instanceof Unavailable)) throw error;
        skipped.push({ name, reason: error.message });
      }
    }
    await runRounds(cell, open, options);
  } catch (error) {
    failures.push(error instanceof Error ? error.message : String(error));
  } finally {
    for (const { subject } of open) await subject.stop();
  }
  const { name, title } = cell;
  return { name, title, variants: open.map(({ result }) => result), skipped, failures };
}

async function runRounds(cell: Cell, open: readonly Open[], options: RunOptions): Promise<void> {
  for (let round = 0; round < options.rounds; round++) {
    for (let turn = 0; turn < open.length; turn++) {
      // Nobody is always the first, or always behind the same neighbour's garbage.
      const one = open[(turn + round) % open.length];
      if (one !== undefined) await runRound(cell, one, options);
    }
  }
}

async function runRound(cell: Cell, { subject, result }: Open, options: RunOptions): Promise<void> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    try {
      const { figures, voidReason } = await subject.round();
      if (voidReason === null) {
        result.rounds.push(figures);
        return;
      }
      result.voids.push(voidReason);
      options.log(`${cell.name}: ${result.name}, round ${result.rounds.length + 1} is void: ${voidReason}`);
    } catch (error) {
      throw new Error(`${result.name}: ${error instanceof Error ? error.message : error}`, { cause: error });
    }
  }
  result.rounds.push(null);
}
