/** Hides secrets in the values of settings. Pure. */
import { SECRET_USER_FIELDS } from '../auth/user-record.ts';
import { USERS_KIND } from './authentication/built-in.ts';
import { variantOf } from './entries.ts';
import { type Group, isKey, type Key } from './key.ts';
import { isRecord } from './key-path.ts';

/** What stands in the place of a secret. */
export const MASK = '********';

/** The value of a setting, fit to be shown. */
export function masked(key: Key<unknown>, value: unknown): unknown {
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
