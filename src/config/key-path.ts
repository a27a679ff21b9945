/** Paths such as `upstream.url` and `listeners[0].bind`: reading, writing and following them. Pure. */

/** Names of objects and positions in lists, from the outside in. */
export type KeyPath = readonly (string | number)[];

const SEGMENT = /^([^.[\]]+)((?:\[\d{1,4}\])*)$/;

/** @returns undefined when the text is no path */
export function parsePath(text: string): KeyPath | undefined {
  const path: (string | number)[] = [];
  for (const part of text.split('.')) {
    const [, name, positions = ''] = SEGMENT.exec(part) ?? [];
    if (name === undefined) return undefined;
    path.push(name);
    for (const [, position] of positions.matchAll(/\[(\d+)\]/g)) path.push(Number(position));
  }
  return path;
}

/** `['listeners', 0, 'bind']` → `listeners[0].bind`. */
export function formatPath(path: KeyPath): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    return text === '' ? part : `${text}.${part}`;
  }, '');
}

/** A JSON object (not an array, not null). */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The value at a path, or undefined. */
export function valueAt(tree: unknown, path: KeyPath): unknown {
  return path.reduce<unknown>((value, part) => {
    if (typeof part === 'number') return Array.isArray(value) ? value[part] : undefined;
    return isRecord(value) && Object.hasOwn(value, part) ? value[part] : undefined;
  }, tree);
}

/**
 * A copy of the tree with one value changed. Missing objects and list entries are made.
 * @throws {RangeError} for a position that would leave a gap in a list
 */
export function withValue(tree: unknown, path: KeyPath, value: unknown): unknown {
  const [part, ...rest] = path;
  if (part === undefined) return value;
  if (typeof part === 'number') {
    const list = Array.isArray(tree) ? [...tree] : [];
    if (part > list.length) throw new RangeError(`does not exist: the list has ${list.length} so far`);
    list[part] = withValue(list[part], rest, value);
    return list;
  }
  const record = isRecord(tree) ? tree : {};
  const inner = Object.hasOwn(record, part) ? record[part] : undefined;
  // defineProperty semantics: a key called __proto__ is an ordinary (and unknown) key.
  return Object.fromEntries([...Object.entries(record), [part, withValue(inner, rest, value)]]);
}
