/**
 * Writes a configuration as a file that could have been its source, with a note where each value came from.
 * Secrets are masked. Pure.
 */
import { SECRET_USER_FIELDS } from '../auth/user-record.ts';
import { USERS_KIND } from './authentication/built-in.ts';
import { variantOf } from './entries.ts';
import { type Group, isKey, type Key } from './key.ts';
import { isRecord } from './key-path.ts';
import type { LoadedConfig } from './load.ts';
import { SCHEMA } from './schema.ts';

const MASK = '********';

/** JSON with comments, every setting included. */
export function renderConfig(loaded: LoadedConfig): string {
  return `${renderGroup({ group: SCHEMA, values: loaded.values, path: '', loaded })}\n`;
}

interface Place {
  readonly group: Group;
  readonly values: unknown;
  readonly path: string;
  readonly loaded: LoadedConfig;
}

function renderGroup({ group, values, path, loaded }: Place, indent = ''): string {
  const inner = `${indent}  `;
  const names = Object.keys(group);
  const lines = Object.entries(group).map(([name, node], position) => {
    const value = isRecord(values) ? values[name] : undefined;
    const comma = position === names.length - 1 ? '' : ',';
    const here = path + name;
    if (!isKey(node)) {
      const rendered = renderGroup({ group: node, values: value, path: `${here}.`, loaded }, inner);
      return `${inner}"${name}": ${rendered}${comma}`;
    }
    const origin = loaded.originOf(here);
    const comment = origin === 'default' ? '' : ` // ${origin}`;
    return `${inner}"${name}": ${renderValue(node, value, inner)}${comma}${comment}`;
  });
  return `{\n${lines.join('\n')}\n${indent}}`;
}

function renderValue(key: Key<unknown>, value: unknown, indent: string): string {
  const shown = masked(key, value);
  const isList = key.items !== undefined || key.variants !== undefined;
  if (!isList || !Array.isArray(shown) || shown.length === 0) return JSON.stringify(shown);
  const entries = shown.map((entry) => `${indent}  ${JSON.stringify(entry)}`);
  return `[\n${entries.join(',\n')}\n${indent}]`;
}

function masked(key: Key<unknown>, value: unknown): unknown {
  if (Array.isArray(value) && (key.items !== undefined || key.variants !== undefined)) {
    return value.map((entry) => maskedEntry(key, entry));
  }
  if (key.type.kind === USERS_KIND) return maskedUsers(value);
  if (typeof value !== 'string') return key.isSecret && !isEmptyRecord(value) ? MASK : value;
  // A template that is nothing but variables tells no secret, and hiding it would hide how clients are identified.
  if (key.isSecret && !/^(?:\$\{[^}]*\})*$/.test(value)) return MASK;
  // Some brokers take a signature or token in the query.
  return key.type.kind === 'url' ? value.replace(/\?.*$/s, `?${MASK}`) : value;
}

/** Secrets inside the entry of a list. */
function maskedEntry({ items, variants }: Key<unknown>, entry: unknown): unknown {
  const group = items ?? (variants === undefined ? undefined : variantOf(variants, entry));
  return group === undefined ? MASK : maskedGroup(group, entry);
}

function maskedGroup(group: Group, values: unknown): unknown {
  if (!isRecord(values)) return values;
  const shown = Object.entries(values).map(([name, value]) => {
    const node = group[name];
    if (node === undefined) return [name, value] as const;
    return [name, isKey(node) ? masked(node, value) : maskedGroup(node, value)] as const;
  });
  return Object.fromEntries(shown);
}

function maskedUsers(users: unknown): unknown {
  if (!Array.isArray(users)) return users;
  return users.map((user: unknown) => {
    if (!isRecord(user)) return user;
    const shown = Object.entries(user).map(([name, value]) => {
      return [name, SECRET_USER_FIELDS.includes(name) ? MASK : value] as const;
    });
    return Object.fromEntries(shown);
  });
}

function isEmptyRecord(value: unknown): boolean {
  return isRecord(value) && Object.keys(value).length === 0;
}
