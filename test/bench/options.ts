/** The bench's command line. */
import { parseArgs } from 'node:util';

/** What was asked for. */
export interface BenchOptions {
  /** Names of cells; empty: all. */
  readonly cells: readonly string[];
  readonly variants: readonly string[];
  readonly rounds: number;
  readonly windowMs: number;
  readonly warmUpMs: number;
  readonly json: string | null;
  readonly gate: boolean;
  /** Folder for the gateway's profiles. */
  readonly cpuProf: string | null;
  /** A profile to show in place of a run. */
  readonly profile: string | null;
  /** A report to make docs/performance.md of in place of a run. */
  readonly docs: string | null;
  readonly list: boolean;
}

/** Shown with `--help`. */
export const HELP = `Usage: npm run bench -- [options]

  --cell NAME[,NAME]     these cells only; --list names them
  --variant NAME[,NAME]  these variants only
  --rounds N             rounds per variant, 5 unless given
  --window MS            measured time of a round, 1500 unless given
  --warm-up MS           time before it, 500 unless given
  --json FILE            also write the results as JSON
  --gate                 exit with 1 when a target is missed or could not be judged
  --cpu-prof FOLDER      let the gateway write a profile there
  --profile FILE         show where the time of such a profile went
  --docs FILE            write docs/performance.md from what --json has written
  --list                 name the cells
`;

const names = (value: string | undefined): string[] => value?.split(',').filter((name) => name !== '') ?? [];

/**
 * @returns null when help was asked for
 * @throws {Error} for what it does not know
 */
export function parseOptions(args: readonly string[]): BenchOptions | null {
  const { values } = parseArgs({
    args: [...args],
    options: {
      cell: { type: 'string' },
      variant: { type: 'string' },
      rounds: { type: 'string', default: '5' },
      window: { type: 'string', default: '1500' },
      'warm-up': { type: 'string', default: '500' },
      json: { type: 'string' },
      gate: { type: 'boolean', default: false },
      'cpu-prof': { type: 'string' },
      profile: { type: 'string' },
      docs: { type: 'string' },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return null;
  return {
    cells: names(values.cell),
    variants: names(values.variant),
    rounds: positive('--rounds', values.rounds),
    windowMs: positive('--window', values.window),
    warmUpMs: positive('--warm-up', values['warm-up']),
    json: values.json ?? null,
    gate: values.gate,
    cpuProf: values['cpu-prof'] ?? null,
    profile: values.profile ?? null,
    docs: values.docs ?? null,
    list: values.list,
  };
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new Error(`${name} takes a whole number above 0`);
}
