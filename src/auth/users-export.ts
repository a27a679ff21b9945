/** Users as EMQX exports them, in JSON or CSV, as records of a users file. Pure. */
import { GatewayError } from '../errors.ts';

type Fields = Readonly<Record<string, unknown>>;

const NAMES = ['user_id', 'username', 'user'];

/** A user of an export. */
export interface ExportedUser {
  readonly line: number;
  readonly record: Fields & { readonly user: string };
  /** In plain text, not part of the record: nobody may keep it so. Null where the record has a hash. */
  readonly password: string | null;
}

/** Users of an export, and what is none. */
export interface ParsedExport {
  readonly users: readonly ExportedUser[];
  readonly skipped: readonly { readonly line: number; readonly reason: string }[];
}

/** JSON begins with its list. */
export function formatOf(text: string): 'json' | 'csv' {
  return /^\s*\[/.test(text) ? 'json' : 'csv';
}

/** @throws {GatewayError} `GW_CONFIG` when one of the users cannot be used; the message quotes no secret */
export function allUsers({ users, skipped }: ParsedExport): ExportedUser['record'][] {
  const [first] = skipped;
  if (first !== undefined)
    throw new GatewayError('GW_CONFIG', `line ${first.line} of the export ${first.reason}`);
  return users.map(({ record }) => record);
}

/**
 * Users that can be used, and what cannot. Lines of JSON are its entries, counted from 1.
 * @param algorithm how the hashes of the export were made, in the words of a users file
 * @throws {GatewayError} `GW_CONFIG` when the text is no such export at all; the message quotes no secret
 */
export function parseExport(text: string, format: 'json' | 'csv', algorithm: Fields): ParsedExport {
  const entries = format === 'json' ? entriesOfJson(text) : entriesOfCsv(text);
  const users: ExportedUser[] = [];
  const skipped: { line: number; reason: string }[] = [];
  for (const { line, entry } of entries) {
    const user = toUser(entry, algorithm);
    if (user === null) skipped.push({ line, reason: INCOMPLETE });
    else users.push({ line, ...user });
  }
  return { users, skipped };
}

const INCOMPLETE = 'needs user_id, and either password_hash or password';

interface Entry {
  readonly line: number;
  readonly entry: Fields;
}

function entriesOfJson(text: string): Entry[] {
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch {
    throw new GatewayError('GW_CONFIG', 'the export is not valid JSON');
  }
  if (!Array.isArray(list) || !list.every((entry) => typeof entry === 'object' && entry !== null))
    throw new GatewayError('GW_CONFIG', 'the export must be a list of objects');
  return (list as Fields[]).map((entry, position) => ({ line: position + 1, entry }));
}

function entriesOfCsv(text: string): Entry[] {
  const [head, ...lines] = text
    .split(/\r?\n/)
    .map((content, position) => ({ content, line: position + 1 }))
    .filter(({ content }) => content.trim() !== '');
  const columns = fieldsOf(head?.content ?? '');
  if (!columns.some((name) => NAMES.includes(name)))
    throw new GatewayError(
      'GW_CONFIG',
      'the first line of the export must name its columns, such as user_id',
    );
  return lines.map(({ content, line }) => {
    const values = fieldsOf(content);
    return { line, entry: Object.fromEntries(columns.map((name, i) => [name, values[i] ?? ''])) };
  });
}

/** RFC 4180, without line ends inside of fields. */
function fieldsOf(line: string): string[] {
  return [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(([, quoted, plain]) =>
    quoted === undefined ? (plain ?? '').trim() : quoted.replaceAll('""', '"'),
  );
}

/** Null: something is missing. */
function toUser(entry: Fields, algorithm: Fields): Omit<ExportedUser, 'line'> | null {
  const user = NAMES.map((name) => entry[name]).find((value) => value !== undefined);
  const { password_hash: hash, password, salt } = entry;
  const hasHash = typeof hash === 'string' && hash !== '';
  const hasPassword = typeof password === 'string' && password !== '';
  if (typeof user !== 'string' || user === '' || hasHash === hasPassword) return null;
  const isSuperuser = [true, 'true', 1, '1'].some((yes) => yes === entry.is_superuser);
  return {
    record: {
      user,
      ...(hasHash && secretOf(hash, salt, algorithm)),
      ...(isSuperuser && { is_superuser: true }),
    },
    password: hasPassword ? password : null,
  };
}

/** A bcrypt hash says by itself what it is. */
function secretOf(hash: string, salt: unknown, algorithm: Fields): Fields {
  if (/^\$2[abxy]\$/.test(hash)) return { password: hash };
  return { password_hash: hash, salt: typeof salt === 'string' ? salt : '', algorithm };
}
