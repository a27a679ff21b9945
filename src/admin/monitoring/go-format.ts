/** Values as Go programs write and read them, because those who read these pages are Go programs. Pure. */
import { ProblemError } from '../problem.ts';

/** As `json.MarshalIndent` does: two spaces, and what HTML could take for markup is escaped. */
export function goJson(body: object): string {
  return JSON.stringify(body, null, 2).replace(
    /[<>&\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Time as RFC 3339. */
export function timeText(ms: number): string {
  return new Date(ms).toISOString();
}

const NANOSECONDS_PER_MS = 1_000_000;

/** A duration as Go counts it. */
export function nanoseconds(ms: number): number {
  return Math.round(ms * NANOSECONDS_PER_MS);
}

/** `1.2ms`, `444µs`, `2.5s`, as `Duration.String` writes what is shorter than a minute. */
export function durationText(ms: number): string {
  const ns = nanoseconds(ms);
  if (ns === 0) return '0s';
  if (ns < 1_000) return `${ns}ns`;
  if (ns < 1_000_000) return `${ns / 1_000}µs`;
  return ns < 1_000_000_000 ? `${ns / 1_000_000}ms` : `${ns / 1_000_000_000}s`;
}

/** `1y2d3h4m5s`, beginning with the first unit that counts. */
export function uptimeText(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const units: [number, string][] = [
    [Math.floor(seconds / 31_536_000), 'y'],
    [Math.floor(seconds / 86_400) % 365, 'd'],
    [Math.floor(seconds / 3600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'm'],
    [seconds % 60, 's'],
  ];
  const first = units.findIndex(([amount], index) => amount > 0 || index === units.length - 1);
  return units
    .slice(first)
    .map(([amount, unit]) => `${amount}${unit}`)
    .join('');
}

const TRUE = ['1', 't', 'T', 'TRUE', 'true', 'True'];
const FALSE = ['0', 'f', 'F', 'FALSE', 'false', 'False'];

/** Parameters of a page, with the complaints of nats-server. */
export class Parameters {
  readonly #query: Readonly<Record<string, unknown>>;

  /** @param query as the framework has parsed it: of what is given more than once, the first counts */
  constructor(query: unknown) {
    this.#query = (query ?? {}) as Record<string, unknown>;
  }

  /** Empty when it is not given. */
  text(name: string): string {
    const value = this.#query[name];
    return String((Array.isArray(value) ? value[0] : value) ?? '');
  }

  /** @throws {ProblemError} */
  boolean(name: string): boolean {
    const text = this.text(name);
    if (TRUE.includes(text)) return true;
    if (text === '' || FALSE.includes(text)) return false;
    throw decodingError('boolean', name, 'ParseBool', text, 'invalid syntax');
  }

  /** @throws {ProblemError} */
  integer(name: string): number {
    const text = this.text(name);
    if (text === '') return 0;
    if (!/^[+-]?\d+$/.test(text)) throw decodingError('int', name, 'Atoi', text, 'invalid syntax');
    const value = Number(text);
    if (Math.abs(value) >= 2 ** 63) throw decodingError('int', name, 'Atoi', text, 'value out of range');
    return value;
  }

  /** @throws {ProblemError} */
  unsigned(name: string): number {
    const text = this.text(name);
    if (text === '') return 0;
    if (!/^\d+$/.test(text)) throw decodingError('uint64', name, 'ParseUint', text, 'invalid syntax');
    const value = Number(text);
    if (value >= 2 ** 64) throw decodingError('uint64', name, 'ParseUint', text, 'value out of range');
    return value;
  }

  /** A page of a list: what makes no sense is the default. @throws {ProblemError} */
  page(): { readonly offset: number; readonly limit: number } {
    const offset = this.integer('offset');
    const limit = this.integer('limit');
    return { offset: Math.max(0, offset), limit: limit <= 0 ? DEFAULT_LIMIT : limit };
  }
}

const DEFAULT_LIMIT = 1024;

function decodingError(
  type: string,
  name: string,
  parser: string,
  text: string,
  problem: string,
): ProblemError {
  const words = `strconv.${parser}: parsing ${JSON.stringify(text)}: ${problem}`;
  return new ProblemError(400, `Error decoding ${type} for '${name}': ${words}`);
}
