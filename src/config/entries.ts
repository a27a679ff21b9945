/** Settings that are lists of objects: of one kind, or of several kinds told apart by a name. Knows no setting. */
import { choice, type Format, FormatError, fromJson } from './formats.ts';
import { type Group, isKey, type Key, key, type Parsed } from './key.ts';
import { isRecord } from './key-path.ts';

/** A list of objects. Its entries are checked one setting at a time, see check.ts. */
export function entries<G extends Group>(
  doc: string,
  items: G,
  defaultValue: unknown,
): Key<readonly Parsed<G>[]> {
  const format = listFormat((entry) => parseGroup(items, entry));
  return { doc, format: format.kind, type: format, default: defaultValue, items };
}

/** Entries of several kinds. */
export interface Variants {
  /** The setting that says which kind an entry is. */
  readonly by: string;
  /** What all kinds have. */
  readonly common: Group;
  readonly groups: Readonly<Record<string, Group>>;
}

/** A list of objects of several kinds. `T` is what one entry parses to. */
export function variantEntries<T>(doc: string, variants: Variants): Key<readonly T[]> {
  const format = listFormat((entry) => {
    const group = variantOf(variants, entry);
    if (group === undefined) throw new FormatError();
    return parseGroup(group, entry) as T;
  });
  return { doc, format: 'variants', type: { ...format, kind: 'variants' }, default: [], variants };
}

/** All settings of an entry, by the kind it says it is; undefined when there is no such kind. */
export function variantOf(variants: Variants, entry: unknown): Group | undefined {
  const name = isRecord(entry) ? entry[variants.by] : undefined;
  if (typeof name !== 'string' || !Object.hasOwn(variants.groups, name)) return undefined;
  return { [variants.by]: key('', choice(name), undefined), ...variants.common, ...variants.groups[name] };
}

function listFormat<T>(parseEntry: (entry: unknown) => T): Format<readonly T[]> {
  return {
    kind: 'entries',
    allowed: 'a list of objects',
    fromText: fromJson,
    parse(value) {
      if (!Array.isArray(value)) throw new FormatError();
      return value.map(parseEntry);
    },
  };
}

/**
 * The parsed values of a whole group; what is left out gets its default.
 * @throws {FormatError} at the first value that is not allowed
 */
export function parseGroup<G extends Group>(group: G, values: unknown): Parsed<G> {
  const given = (typeof values === 'object' && values !== null ? values : {}) as Record<string, unknown>;
  const parsed = Object.entries(group).map(([name, node]) => {
    const value = Object.hasOwn(given, name) ? given[name] : undefined;
    return [name, isKey(node) ? node.type.parse(value ?? node.default) : parseGroup(node, value)] as const;
  });
  return Object.fromEntries(parsed) as Parsed<G>;
}
