/**
 * How a setting is described, and what follows from the description: the type of its value, the name of its
 * environment variable. Knows no setting by name.
 */
import type { Variants } from './entries.ts';
import type { Format } from './formats.ts';

/** One setting, in the shape that convict reads (`doc`, `format`, `default`, `env`) plus fields of our own. */
export interface Key<T> {
  /** One or more sentences for the table in docs/configuration.md. */
  readonly doc: string;
  /** Name under which the checker is registered with convict. */
  readonly format: string;
  readonly type: Format<T>;
  /** As it would stand in the file. Undefined only inside lists: the setting is optional. */
  readonly default: unknown;
  readonly env?: string;
  /** Never shown; may also be given as `<name>_file`. */
  readonly isSecret?: boolean;
  /** A running gateway does not take it over; see {@link atStart}. */
  readonly needsRestart?: boolean;
  /** Only in lists: may be left out without having a default. */
  readonly isOptional?: boolean;
  /** Settings of each entry of a list of objects. */
  readonly items?: Group;
  /** The same where there are entries of several kinds. */
  readonly variants?: Variants;
}

/** Settings under a common name. */
export interface Group {
  readonly [name: string]: Key<unknown> | Group;
}

/** The values that a group of keys parses to. */
export type Parsed<G> = {
  readonly [Name in keyof G]: G[Name] extends Key<infer T> ? T : Parsed<G[Name]>;
};

/** Start of the name of every environment variable that is ours. */
export const ENV_PREFIX = 'NATSMQTT_';

/** A setting with a default. */
export function key<T>(doc: string, type: Format<T>, defaultValue: unknown, isSecret = false): Key<T> {
  return { doc, format: type.kind, type, default: defaultValue, ...(isSecret && { isSecret }) };
}

/** Marks a setting that holds from one start to the next: a reload leaves it as it is, and says so. */
export function atStart<T>(setting: Key<T>): Key<T> {
  return { ...setting, needsRestart: true };
}

/** A setting of a list entry that may be left out; parses to null then. */
export function optional<T>(doc: string, type: Format<T>): Key<T | null> {
  return {
    doc,
    format: type.kind,
    default: undefined,
    isOptional: true,
    type: { ...type, parse: (value) => (value === undefined ? null : type.parse(value)) },
  };
}

/** Tells a setting from a group of settings. */
export function isKey(node: Key<unknown> | Group): node is Key<unknown> {
  return typeof node.type === 'object' && 'parse' in node.type;
}

/** Whether a list entry is incomplete without this setting. */
export function isRequired(setting: Key<unknown>): boolean {
  return setting.default === undefined && setting.isOptional !== true;
}

/** `upstream.connect_timeout` → `NATSMQTT_UPSTREAM__CONNECT_TIMEOUT`. */
export function environmentName(path: string): string {
  return ENV_PREFIX + path.toUpperCase().replaceAll('.', '__');
}

/** Every setting of a group with its dotted path, in order. */
export function* keysOf(group: Group, prefix = ''): Generator<[path: string, key: Key<unknown>]> {
  for (const [name, node] of Object.entries(group)) {
    if (isKey(node)) yield [prefix + name, node];
    else yield* keysOf(node, `${prefix}${name}.`);
  }
}

/** Whether a setting is a secret or holds one in its entries. */
export function holdsSecret(setting: Key<unknown>): boolean {
  const { isSecret, items } = setting;
  return isSecret === true || (items !== undefined && [...keysOf(items)].some(([, key]) => holdsSecret(key)));
}
