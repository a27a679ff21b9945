/** Lists of names that may connect, each with what it is granted, if anything is said of it. */
import { PermissionFormatError } from '../../auth/permission-format.ts';
import { parseNamedGrants, UserFormatError, type UserGrants } from '../../auth/user-record.ts';
import { type Format, FormatError, fromJson } from '../formats.ts';
import { isRecord } from '../key-path.ts';

/** One entry. */
export type Permitted<Field extends string> = { readonly [name in Field]: string } & UserGrants;

/**
 * Entries are a name, or an object with the name under `field`, and fields of a user of `built_in`.
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
    allowed: `a list of ${what}, or of objects with "${field}", "permissions" and other fields of users`,
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
  const { name, ...grants } = parsed(record, field);
  if (!isName(name)) throw new FormatError(`has an entry that is none of ${what}`);
  return { [field]: name, ...grants } as Permitted<Field>;
}

function parsed(record: object, field: string): ReturnType<typeof parseNamedGrants> {
  try {
    return parseNamedGrants(record, field);
  } catch (error) {
    if (error instanceof UserFormatError || error instanceof PermissionFormatError)
      throw new FormatError(`is wrong: ${error.message}`);
    throw error;
  }
}
