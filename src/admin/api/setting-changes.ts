/** Turns changes by dotted path into a new text of the configuration file. Pure. */
import { treeOfText, withValueInText } from '../../config/edit.ts';
import { variantOf } from '../../config/entries.ts';
import { withSecrets } from '../../config/keep-secrets.ts';
import { type Group, isKey, type Key } from '../../config/key.ts';
import { formatPath, isRecord, type KeyPath, parsePath, valueAt, withValue } from '../../config/key-path.ts';
import { SCHEMA } from '../../config/schema.ts';
import type { Problem } from '../api-types.ts';
import { ProblemError } from '../problem.ts';
import { lockOf } from './setting-origin.ts';
import type { CurrentSettings } from './settings-editor.ts';

/** @throws {ProblemError} 400 for what is no setting, 409 for what the environment or a flag says */
export function changedText(
  { loaded, text }: Pick<CurrentSettings, 'loaded' | 'text'>,
  changes: Readonly<Record<string, unknown>>,
): string {
  const errors: { path: string; message: string }[] = [];
  refuseLocked(Object.keys(changes), loaded);
  const complain = (path: string, message: string): void => void errors.push({ path, message });
  const changed = Object.entries(changes).reduce((result, [name, given]) => {
    const path = parsePath(name);
    const key = path && keyAt(path, loaded.values);
    if (path === undefined || key === undefined) {
      complain(name, 'is not a setting');
      return result;
    }
    return withChange(result, { path, key, given: given ?? undefined, values: loaded.values }, complain);
  }, text);
  throwIfAny(errors);
  return changed;
}

/** @throws {ProblemError} 400 with all errors, if there are any */
function throwIfAny(errors: NonNullable<Problem['errors']>): void {
  const [first] = errors;
  if (first !== undefined)
    throw new ProblemError(400, `the change is wrong: ${first.path} ${first.message}`, { errors });
}

/** @throws {ProblemError} 409 */
export function refuseLocked(names: readonly string[], loaded: CurrentSettings['loaded']): void {
  const errors = names.flatMap((path) => {
    const lock = lockOf(loaded.originOf(path));
    return lock === null ? [] : [{ path, message: `is set by ${lock}, which beats the file` }];
  });
  const [first] = errors;
  if (first !== undefined)
    throw new ProblemError(409, `${first.path} ${first.message}: change it there`, { errors });
}

interface Change {
  readonly path: KeyPath;
  readonly key: Key<unknown>;
  readonly given: unknown;
  /** Of all settings, defaults included. */
  readonly values: unknown;
}

function withChange(
  text: string,
  { path, key, given, values }: Change,
  complain: (path: string, message: string) => void,
): string {
  const tree = treeOfText(text);
  const listPath = path.slice(
    0,
    path.findIndex((part) => typeof part === 'number'),
  );
  const isInList = path.some((part) => typeof part === 'number');
  const isListAbsent = isInList && valueAt(tree, listPath) === undefined;
  const kept = valueAt(isListAbsent ? values : tree, path);
  const value = withoutNulls(withSecrets({ key, path, given, kept }, complain));
  // A mask that stands for what is not in the file leaves it so.
  if (value === undefined && given !== undefined) return text;
  try {
    if (!isListAbsent) return withValueInText(text, path, value);
    // Positions in a list that is not there mean the list of the defaults.
    const list = valueAt(values, listPath);
    const changed = value === undefined ? list : valueAt(withValue(values, path, value), listPath);
    return withValueInText(text, listPath, changed);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    complain(formatPath(path), error.message);
    return text;
  }
}

/** Inside of entries, too, null goes back to the default. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (!isRecord(value)) return value;
  const fields = Object.entries(value).filter(([, inner]) => inner !== null);
  return Object.fromEntries(fields.map(([name, inner]) => [name, withoutNulls(inner)] as const));
}

type Described = Key<unknown> | Group | undefined;

/** The setting at a path, also inside of entries whose settings depend on their kind. A whole entry is none. */
function keyAt(path: KeyPath, values: unknown): Key<unknown> | undefined {
  const node = path.reduce<Described>((outer, part, depth) => {
    if (outer === undefined) return undefined;
    if (typeof part === 'number') return entryGroup(outer, valueAt(values, path.slice(0, depth + 1)));
    return !isKey(outer) && Object.hasOwn(outer, part) ? outer[part] : undefined;
  }, SCHEMA);
  return node !== undefined && isKey(node) ? node : undefined;
}

function entryGroup(list: Key<unknown> | Group, entry: unknown): Group | undefined {
  if (!isKey(list)) return undefined;
  return list.items ?? (list.variants === undefined ? undefined : variantOf(list.variants, entry));
}
