/**
 * Checks single values against the schema: names, types, ranges. What values mean together is the business of
 * contradictions.ts. Reads nothing.
 */
import { USERS_KIND } from './authentication/built-in.ts';
import { type Variants, variantOf } from './entries.ts';
import { FormatError, listWords } from './formats.ts';
import { type Group, holdsSecret, isKey, isRequired, type Key, keysOf } from './key.ts';
import { formatPath, isRecord, type KeyPath } from './key-path.ts';
import { suggestion } from './nearest-name.ts';
import { type Problems, show } from './problems.ts';
import { SCHEMA } from './schema.ts';
import { nodeAt, type Setting } from './sources.ts';

/** Adds a problem for everything in a setting that is not allowed. @returns whether it can be used */
export function checkSetting(setting: Setting, problems: Problems): boolean {
  const { path, value } = setting;
  const node = nodeAt(path);
  const found = { count: 0 };
  const report: Report = (at, message) => {
    found.count += 1;
    problems.add(formatPath(at), setting.originAt?.(at) ?? setting.origin, message);
  };
  if (node === undefined) reportUnknown(path, report);
  else checkNode(node, path, value, report);
  return found.count === 0 && node !== undefined;
}

/** As {@link checkSetting}, for a setting inside the entry of a list, whose description the caller knows. */
export function checkSettingAs(key: Key<unknown>, setting: Setting, problems: Problems): boolean {
  let count = 0;
  checkValue(key, setting.path, setting.value, (at, message) => {
    count++;
    problems.add(formatPath(at), setting.origin, message);
  });
  return count === 0;
}

type Report = (path: KeyPath, message: string) => void;

function checkNode(node: Key<unknown> | Group, path: KeyPath, value: unknown, report: Report): void {
  if (!isKey(node)) checkGroup(node, path, value, report);
  else if (node.items !== undefined || node.variants !== undefined) checkEntries(node, path, value, report);
  else checkValue(node, path, value, report);
}

function checkGroup(group: Group, path: KeyPath, value: unknown, report: Report): void {
  if (!isRecord(value)) {
    const hasSecrets = [...keysOf(group)].some(([, key]) => holdsSecret(key));
    const shown = hasSecrets ? '(hidden)' : show(value);
    report(path, `= ${shown} must be an object with ${Object.keys(group).join(', ')}`);
    return;
  }
  for (const [name, inner] of Object.entries(value)) {
    const here = [...path, name];
    const node = Object.hasOwn(group, name) ? group[name] : undefined;
    if (node === undefined) reportUnknown(here, report, group);
    else checkNode(node, here, inner, report);
  }
  for (const [name, node] of Object.entries(group)) {
    if (isKey(node) && isRequired(node) && !Object.hasOwn(value, name)) {
      report([...path, name], `is missing; it must be ${node.type.allowed}`);
    }
  }
}

function checkEntries(key: Key<unknown>, path: KeyPath, value: unknown, report: Report): void {
  if (!Array.isArray(value)) {
    report(path, `= ${holdsSecret(key) ? '(hidden)' : show(value)} must be ${key.type.allowed}`);
    return;
  }
  for (const [position, entry] of value.entries()) {
    const here = [...path, position];
    if (key.items !== undefined) checkGroup(key.items, here, entry, report);
    else if (key.variants !== undefined) checkVariant(key.variants, here, entry, report);
  }
}

function checkVariant(variants: Variants, path: KeyPath, entry: unknown, report: Report): void {
  const group = variantOf(variants, entry);
  if (group !== undefined) {
    checkGroup(group, path, entry, report);
    return;
  }
  const { by } = variants;
  const known = Object.keys(variants.groups);
  // The rest of the entry may hold secrets.
  if (!isRecord(entry)) report(path, `must be an object with ${by} and the settings of that ${by}`);
  else if (!Object.hasOwn(entry, by)) report([...path, by], `is missing; it must be ${listWords(known)}`);
  else {
    const given = entry[by];
    const hint = suggestion(typeof given === 'string' ? given : '', known);
    report([...path, by], `= ${show(given)} must be ${listWords(known)}${hint}`);
  }
}

function checkValue(key: Key<unknown>, path: KeyPath, value: unknown, report: Report): void {
  try {
    key.type.parse(value);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    // A format's own message may quote parts of the value.
    const words = (key.isSecret ? '' : error.message) || `must be ${key.type.allowed}`;
    report(path, `= ${key.isSecret || mayHoldSecret(key, value) ? '(hidden)' : show(value)} ${words}`);
  }
}

/** URLs with a password in them are refused, but must not be printed either; a query may hold a token. */
function mayHoldSecret(key: Key<unknown>, value: unknown): boolean {
  if (key.type.kind === USERS_KIND) return true;
  return key.type.kind === 'url' && typeof value === 'string' && /[@?]/.test(value);
}

/** @param group where the name stands, if that is known */
function reportUnknown(path: KeyPath, report: Report, group?: Group): void {
  const parent = path.slice(0, -1);
  const node = group ?? (parent.length === 0 ? SCHEMA : nodeAt(parent));
  const list = nodeAt(path.slice(0, 1));
  if (group === undefined && list !== undefined && isKey(list) && list.variants !== undefined) {
    report(path, `cannot be given alone; give the whole list ${formatPath(path.slice(0, 1))}`);
    return;
  }
  if (typeof path.at(-1) === 'number' || (node !== undefined && isKey(node))) {
    report(path, `does not exist: ${formatPath(parent)} has no parts`);
    return;
  }
  // Where the slip is further out, as in "upsteam.url" or "listeners.0.bind", any setting may be meant.
  const known =
    node === undefined ? allNames() : Object.keys(node).map((name) => formatPath([...parent, name]));
  report(path, `is not a known setting${suggestion(formatPath(path), known)}`);
}

function allNames(): string[] {
  return [...keysOf(SCHEMA)].flatMap(([path, { items }]) => {
    return items === undefined ? [path] : [path, ...Object.keys(items).map((name) => `${path}[0].${name}`)];
  });
}
