/** Lists of names that may connect, each with permissions of its own if it has any. */
import { PermissionFormatError, parsePermissions } from '../../auth/permission-format.ts';
import type { Permissions } from '../../auth/permissions.ts';
import { type Format, FormatError, fromJson } from '../formats.ts';
import { isRecord } from '../key-path.ts';

/** One entry. */
export type Permitted<Field extends string> = { readonly [name in Field]: string } & {
  /** Null: `default_permissions`. */
  readonly permissions: Permissions | null;
};

/**
 * Entries are a name, or an object with the name under `field` and `permissions`.
 * @param isName whether a text may be a name
 */
export function permittedList<Field extends string>(
  field: Field,
  what: string,
  isName: (text: string) => boolean,
): Format<readonly Permitted<Field>[]> {
  return {
    kind: 'permitted',
    short: `a list of ${what}`,
    allowed: `a list of ${what}, or of objects with "${field}" and "permissions"`,
    fromText: fromJson,
    parse(value) {
      if (!Array.isArray(value)) throw new FormatError();
      const list = value.map((entry) => parseEntry(entry, field, what, isName));
      const names = list.map((entry) => entry[field]);
      if (new Set(names).size < names.length) throw new FormatError('has an entry twice');
      return list;
    },
  };
}

function parseEntry<Field extends string>(
  entry: unknown,
  field: Field,
  what: string,
  isName: (text: string) => boolean,
): Permitted<Field> {
  const record = typeof entry === 'string' ? { [field]: entry } : entry;
  if (!isRecord(record)) throw new FormatError();
  const { [field]: name, permissions = null, ...rest } = record;
  if (Object.keys(rest).length > 0)
    throw new FormatError(`has an entry with something else than ${field} and permissions`);
  if (typeof name !== 'string' || !isName(name))
    throw new FormatError(`has an entry that is none of ${what}`);
  return { [field]: name, permissions: parse(permissions) } as Permitted<Field>;
}

function parse(permissions: unknown): Permissions | null {
  if (permissions === null) return null;
  try {
    return parsePermissions(permissions);
  } catch (error) {
    if (error instanceof PermissionFormatError) throw new FormatError(`is wrong: ${error.message}`);
    throw error;
  }
}
