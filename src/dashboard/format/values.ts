/** Values of settings: how they are shown, compared, and what was typed that is none. Pure. */
import type { SettingField, SettingKind } from '../../admin/api-types.ts';

/** What the gateway sends in place of a secret, and what leaves it as it is. */
export const SECRET = '********';

/** Something typed that is no value yet; stands where the value would, so that nothing is sent meanwhile. */
export class Unfinished {
  readonly text: string;
  readonly complaint: string;

  constructor(text: string, complaint: string) {
    this.text = text;
    this.complaint = complaint;
  }
}

/** Whether two values of settings would stand in a file in the same way. */
export function isSame(a: unknown, b: unknown): boolean {
  if (a instanceof Unfinished || b instanceof Unfinished)
    return a instanceof Unfinished && b instanceof Unfinished && a.text === b.text;
  return stable(a) === stable(b);
}

/** JSON in which the order of names does not matter. */
function stable(value: unknown): string | undefined {
  return JSON.stringify(value, (_name, part: unknown) =>
    isRecord(part) ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1))) : part,
  );
}

/** An object that is no list. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Unfinished)
  );
}

/** @returns the complaint of the first value, at any depth, that is not finished; else null */
export function unfinishedIn(value: unknown): string | null {
  if (value instanceof Unfinished) return value.complaint;
  if (typeof value !== 'object' || value === null) return null;
  for (const part of Object.values(value)) {
    const complaint = unfinishedIn(part);
    if (complaint !== null) return complaint;
  }
  return null;
}

/** One line for a table or a sentence. */
export function showValue(value: unknown, kind?: SettingKind): string {
  if (value === null || value === undefined) return 'not set';
  if (value === '') return 'empty';
  if (kind?.kind === 'secret') return '••••••••';
  if (typeof value === 'boolean') return value ? 'on' : 'off';
  if (typeof value === 'number') return String(value);
  if (typeof value === 'string') return value;
  if (Array.isArray(value) && value.length === 0) return 'none';
  if (Array.isArray(value) && value.every((part) => typeof part === 'string')) return value.join(', ');
  return JSON.stringify(value, (_name, part: unknown) => (part instanceof Unfinished ? part.text : part));
}

/** Reads a value at a dotted path. */
export function valueAt(record: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((part, name) => (isRecord(part) ? part[name] : undefined), record);
}

/** @returns a copy with another value at a dotted path; undefined takes it out, and groups that are empty then */
export function withValueAt(
  record: Readonly<Record<string, unknown>>,
  path: string,
  value: unknown,
): Record<string, unknown> {
  const [name = '', ...rest] = path.split('.');
  const copy: Record<string, unknown> = { ...record };
  if (rest.length === 0) {
    copy[name] = value;
  } else {
    const group = record[name];
    const inner = withValueAt(isRecord(group) ? group : {}, rest.join('.'), value);
    copy[name] = Object.keys(inner).length === 0 ? undefined : inner;
  }
  if (copy[name] === undefined) delete copy[name];
  return copy;
}

/** A new entry of a list: what it cannot do without, empty. */
export function emptyEntry(fields: readonly SettingField[]): Record<string, unknown> {
  return fields
    .filter((field) => isNeeded(field))
    .reduce<Record<string, unknown>>((entry, field) => withValueAt(entry, field.path, ''), {});
}

/** Whether an entry is incomplete without this setting. */
export function isNeeded(field: SettingField): boolean {
  return !field.isOptional && (field.default === undefined || field.default === null);
}

/** Whether leaving it out is something else than any of its values. */
export function canBeUnset(field: SettingField): boolean {
  return field.isOptional && (field.default === undefined || field.default === null);
}
