/**
 * Puts secrets back into values that were shown with masks, changed and sent back. Entries of lists are recognised by what they
 * say besides, so that a secret stays with its entry when others come, go, or change places. Pure.
 */
import { isDeepStrictEqual } from 'node:util';
import { SECRET_USER_FIELDS } from '../auth/user-record.ts';
import { USERS_KIND } from './authentication/built-in.ts';
import { variantOf } from './entries.ts';
import { type Group, isKey, type Key } from './key.ts';
import { formatPath, isRecord, type KeyPath } from './key-path.ts';
import { MASK, masked } from './mask.ts';

/** What is wrong with which setting. */
export type Complaint = (path: string, message: string) => void;

const MISSING = 'is a mask, and there is no secret that it could stand for; give the secret itself';

/** A setting, and where it is. */
export interface MaskedSetting {
  readonly key: Key<unknown>;
  readonly path: KeyPath;
  /** As it was sent. */
  readonly given: unknown;
  /** As it stands in the file; undefined where it does not. */
  readonly kept: unknown;
}

/** The value with its secrets; undefined where nothing is to be written. */
export function withSecrets({ key, path, given, kept }: MaskedSetting, complain: Complaint): unknown {
  if (!holdsMask(given)) return given;
  if (kept !== undefined && isDeepStrictEqual(masked(key, kept), given)) return kept;
  if (Array.isArray(given) && (key.items !== undefined || key.variants !== undefined)) {
    const old = Array.isArray(kept) ? kept : [];
    const matches = matchEntries(key, given, old);
    return given.map((entry: unknown, position) =>
      entryWithSecrets(key, { path: [...path, position], given: entry, kept: matches[position] }, complain),
    );
  }
  if (Array.isArray(given) && key.type.kind === USERS_KIND)
    return usersWithSecrets(given, kept, path, complain);
  if (given === MASK && !key.isSecret) return given;
  if (given === MASK && kept !== undefined) return kept;
  complain(formatPath(path), MISSING);
  return undefined;
}

type Entry = Omit<MaskedSetting, 'key'>;

function entryWithSecrets(key: Key<unknown>, entry: Entry, complain: Complaint): unknown {
  const group = key.items ?? (key.variants === undefined ? undefined : variantOf(key.variants, entry.given));
  return group === undefined ? entry.given : groupWithSecrets(group, entry, complain);
}

function groupWithSecrets(group: Group, { path, given, kept }: Entry, complain: Complaint): unknown {
  if (!isRecord(given)) return given;
  const old = isRecord(kept) ? kept : {};
  const fields = Object.entries(given).map(([name, value]) => {
    const node = Object.hasOwn(group, name) ? group[name] : undefined;
    if (node === undefined || !holdsMask(value)) return [name, value] as const;
    const place = { path: [...path, name], given: value, kept: old[name] };
    if (!isKey(node)) return [name, groupWithSecrets(node, place, complain)] as const;
    // The secret is in a file of its own, which is named next to it.
    const file = given[`${name}_file`];
    if (value === MASK && old[name] === undefined && typeof file === 'string' && file !== '')
      return [name, undefined] as const;
    return [name, withSecrets({ key: node, ...place }, complain)] as const;
  });
  return Object.fromEntries(fields.filter(([, value]) => value !== undefined));
}

/** For each new entry the old one it comes from, each at most once. */
function matchEntries(key: Key<unknown>, given: readonly unknown[], old: readonly unknown[]): unknown[] {
  const shown = old.map((entry) => withoutFiles((masked(key, [entry]) as unknown[])[0]));
  const isFree = old.map(() => true);
  const matches = given.map((): unknown => undefined);
  const pass = (isSame: (entry: unknown, shownOld: unknown, isSamePlace: boolean) => boolean): void => {
    for (const [position, entry] of given.entries()) {
      if (matches[position] !== undefined) continue;
      const candidates = [position, ...shown.keys()];
      const found = candidates.find((i) => isFree[i] === true && isSame(entry, shown[i], i === position));
      if (found === undefined) continue;
      isFree[found] = false;
      matches[position] = old[found];
    }
  };
  pass((entry, before) => isDeepStrictEqual(withoutFiles(entry), before));
  pass((entry, before) => nameOf(entry) !== undefined && nameOf(entry) === nameOf(before));
  const { by } = key.variants ?? {};
  pass((entry, before, isSamePlace) => {
    if (!isSamePlace || nameOf(entry) !== undefined) return false;
    return by === undefined || fieldOf(entry, by) === fieldOf(before, by);
  });
  return matches;
}

/** A secret that comes from a file is shown as a mask although no secret stands in its place. */
function withoutFiles(entry: unknown): unknown {
  if (!isRecord(entry)) return entry;
  const fields = Object.entries(entry).flatMap(([name, value]) => {
    const isFromFile = value === MASK && Object.hasOwn(entry, `${name}_file`);
    return isFromFile ? [] : [[name, isRecord(value) ? withoutFiles(value) : value] as const];
  });
  return Object.fromEntries(fields);
}

function nameOf(entry: unknown): unknown {
  return fieldOf(entry, 'name');
}

function fieldOf(entry: unknown, name: string): unknown {
  return isRecord(entry) ? entry[name] : undefined;
}

function usersWithSecrets(
  given: readonly unknown[],
  kept: unknown,
  path: KeyPath,
  complain: Complaint,
): unknown[] {
  const old = Array.isArray(kept) ? kept.filter(isRecord) : [];
  return given.map((user, position) => {
    if (!isRecord(user)) return user;
    const before = old.find((one) => one.user === user.user) ?? {};
    const fields = Object.entries(user).map(([name, value]) => {
      if (value !== MASK || !SECRET_USER_FIELDS.includes(name)) return [name, value] as const;
      if (before[name] === undefined) complain(formatPath([...path, position, name]), MISSING);
      return [name, before[name]] as const;
    });
    return Object.fromEntries(fields);
  });
}

function holdsMask(value: unknown): boolean {
  if (typeof value === 'string') return value.includes(MASK);
  if (Array.isArray(value)) return value.some(holdsMask);
  return isRecord(value) && Object.values(value).some(holdsMask);
}
