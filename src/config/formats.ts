/**
 * What a setting may hold: how a value from the file, or a text from the environment or a flag, becomes the value
 * the program uses, and the words that tell somebody what is allowed. Knows no setting by name.
 */

import type { SettingKind } from './setting-kind.ts';

/** One kind of value. */
export interface Format<T> {
  /** Stable name of the kind; the schema registers it under this name. */
  readonly kind: string;
  /** Completes the sentence "must be …". */
  readonly allowed: string;
  /** The same in fewer words, for a column of a table. */
  readonly short?: string;
  /** How a form asks for it, where `kind` does not say it all. */
  readonly form?: SettingKind;
  /**
   * Turns a value as it stands in the file into the value used.
   * @throws {FormatError} when it is not allowed
   */
  parse(value: unknown): T;
  /** Turns text from the environment or a flag into the value one would write in the file. */
  fromText(text: string): unknown;
}

/** A value is not allowed. The message, if any, says more than the format's general `allowed`. */
export class FormatError extends Error {
  override readonly name = 'FormatError';
}

const asIs = (text: string): unknown => text;

/** Lists and objects have no shorter way to be written in a variable or flag. */
export const fromJson = (text: string): unknown => {
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new FormatError('must be written as JSON when it comes from the environment or a flag', { cause });
  }
};

/** Milliseconds per unit of a duration. */
const DURATION_UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

const DURATION = /^(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+$/;

function parseDuration(value: unknown): number | undefined {
  if (typeof value === 'number') return value * 1000;
  if (typeof value !== 'string') return undefined;
  const text = value.trim();
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1000;
  if (!DURATION.test(text)) return undefined;
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)) {
    total += Number(amount) * (DURATION_UNITS[unit ?? 's'] ?? 0);
  }
  return total;
}

/** Bounds of {@link duration}, written as durations. */
export interface DurationBounds {
  readonly min: string;
  readonly max: string;
  /** MQTT counts some times in whole seconds. */
  readonly wholeSeconds?: boolean;
}

/** `"60s"`, `"1h30m"`, `"500ms"`; a bare number is seconds, as in nats-server. Parsed to milliseconds. */
export function duration(bounds: DurationBounds): Format<number> {
  const min = parseDuration(bounds.min) ?? 0;
  const max = parseDuration(bounds.max) ?? 0;
  const kind = bounds.wholeSeconds ? 'duration of whole seconds' : 'duration';
  const example = bounds.wholeSeconds ? '"60s"' : '"500ms", "60s"';
  const allowed = `a ${kind} such as ${example} or "2m", from ${bounds.min} to ${bounds.max}`;
  return {
    kind: 'duration',
    allowed,
    short: `${kind}, ${bounds.min} to ${bounds.max}`,
    fromText: asIs,
    parse(value) {
      const ms = parseDuration(value);
      if (ms === undefined || !Number.isInteger(ms)) throw new FormatError();
      if (ms < min || ms > max || (bounds.wholeSeconds === true && ms % 1000 !== 0)) throw new FormatError();
      return ms;
    },
  };
}

const SIZE = /^(\d+(?:\.\d+)?)\s*(?:([kmg])i?b|b)?$/i;
const SIZE_UNITS: Readonly<Record<string, number>> = { k: 1024, m: 1024 ** 2, g: 1024 ** 3 };

function parseSize(value: unknown): number | undefined {
  if (typeof value === 'number') return value;
  const match = typeof value === 'string' ? SIZE.exec(value.trim()) : null;
  if (match === null) return undefined;
  return Number(match[1]) * (SIZE_UNITS[match[2]?.toLowerCase() ?? ''] ?? 1);
}

/** `"1MB"`, `"64KB"` (1 KB = 1,024 bytes) or a number of bytes. Parsed to bytes. */
export function byteSize(min: string, max: string): Format<number> {
  const minBytes = parseSize(min) ?? 0;
  const maxBytes = parseSize(max) ?? 0;
  return {
    kind: 'size',
    short: `size, ${min} to ${max}`,
    allowed: `a size such as 4096, "64KB" or "1MB", from ${min} to ${max}`,
    fromText: asIs,
    parse(value) {
      const bytes = parseSize(value);
      if (bytes === undefined || !Number.isInteger(bytes)) throw new FormatError();
      if (bytes < minBytes || bytes > maxBytes) throw new FormatError();
      return bytes;
    },
  };
}

/** A whole number. */
export function integer(min: number, max: number): Format<number> {
  return {
    kind: 'integer',
    form: { kind: 'integer', min, max },
    short: `number, ${min} to ${max}`,
    allowed: `a whole number from ${min} to ${max}`,
    fromText: (text) => (/^\s*-?\d+\s*$/.test(text) ? Number(text) : text),
    parse(value) {
      if (typeof value !== 'number' || !Number.isInteger(value)) throw new FormatError();
      if (value < min || value > max) throw new FormatError();
      return value;
    },
  };
}

/** `true` or `false`. */
export const boolean: Format<boolean> = {
  kind: 'boolean',
  allowed: 'true or false',
  fromText: (text) => choiceFromText(text, [true, false]),
  parse(value) {
    if (typeof value !== 'boolean') throw new FormatError();
    return value;
  },
};

function choiceFromText(text: string, values: readonly unknown[]): unknown {
  return values.find((value) => String(value) === text.trim().toLowerCase()) ?? text;
}

/** One of a closed set of words, numbers or truth values. */
export function choice<const T extends readonly (string | number | boolean)[]>(
  ...values: T
): Format<T[number]> {
  return {
    kind: 'choice',
    form: { kind: 'choice', choices: values },
    allowed: listWords(values.map((value) => JSON.stringify(value))),
    fromText: (text) => choiceFromText(text, values),
    parse(value) {
      const found = values.find((candidate) => candidate === value);
      if (found === undefined) throw new FormatError();
      return found;
    },
  };
}

/** `a, b or c`. */
export function listWords(words: readonly string[]): string {
  return words.length < 2 ? words.join() : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}

/** Text with a condition of its own. */
export function text(allowed: string, isAllowed: (value: string) => boolean): Format<string> {
  return {
    kind: 'text',
    allowed,
    fromText: asIs,
    parse(value) {
      if (typeof value !== 'string' || !isAllowed(value)) throw new FormatError();
      return value;
    },
  };
}

/** A list whose items are all of one format. */
export function listOf<T>(item: Format<T>, items: string): Format<readonly T[]> {
  return {
    kind: 'list',
    allowed: `a list of ${items}`,
    fromText: fromJson,
    parse(value) {
      if (!Array.isArray(value)) throw new FormatError();
      return value.map((entry) => item.parse(entry));
    },
  };
}

/** Any of two formats, the first that takes the value. */
export function either<A, B>(first: Format<A>, second: Format<B>): Format<A | B> {
  return {
    kind: `${first.kind} or ${second.kind}`,
    allowed: `${first.allowed}, or ${second.allowed}`,
    fromText: (text) => (accepts(first, first.fromText(text)) ? first.fromText(text) : second.fromText(text)),
    parse: (value) => (accepts(first, value) ? first.parse(value) : second.parse(value)),
  };
}

/** How long something may take. */
export const timeout = duration({ min: '10ms', max: '24h' });

/** How long to wait before something is done; it may be done at once. */
export const pauseOrNone = duration({ min: '0s', max: '24h' });

/** Of things of which there may be any number. */
export const anyCount = integer(0, 2 ** 31 - 1);

function accepts(format: Format<unknown>, value: unknown): boolean {
  try {
    format.parse(value);
    return true;
  } catch (error) {
    if (error instanceof FormatError) return false;
    throw error;
  }
}
