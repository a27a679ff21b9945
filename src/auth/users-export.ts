/** Users as EMQX exports them, in JSON or CSV, as records of a users file. Pure. */
import { GatewayError } from '../errors.ts';

type Fields = Readonly<Record<string, unknown>>;

const NAMES = ['user_id', 'username', 'user'];

/** Users of an export, and what is none. */
export interface ParsedExport {
  readonly users: readonly { readonly line: number; readonly record: Fields & { readonly user: string } }[];
  readonly skipped: readonly { readonly line: number; readonly reason: string }[];
}

/**
 * All users of an export.
 * @param algorithm how the hashes of the export were made, in the words of a users file
 * @throws {GatewayError} `GW_CONFIG` when the text is no such export; the message quotes no secret
 */
export function usersOfExport(text: string, algorithm: Fields): Fields[] {
  const { users, skipped } = parseExport(text, /^\s*\[/.test(text) ? 'json' : 'csv', algorithm);
  const [first] = skipped;
  if (first !== undefined)
    throw new GatewayError('GW_CONFIG', `line ${first.line} of the export ${first.reason}`);
  return users.map(({ record }) => record);
}

/**
 * As {@link usersOfExport}, without those that cannot be used. Lines of JSON are its entries, counted from 1.
 * @throws {GatewayError} `GW_CONFIG` when the text is no such export at all
 */
export function parseExport(text: string, format: 'json' | 'csv', algorithm: Fields): ParsedExport {
  const entries = format === 'json' ? entriesOfJson(text) : entriesOfCsv(text);
  const parsed = entries.map(({ line, entry }) => ({ line, record: toRecord(entry, algorithm) }));
  return {
    users: parsed.flatMap(({ line, record }) => (record === null ? [] : [{ line, record }])),
    skipped: parsed.flatMap(({ line, record }) => (record === null ? [{ line, reason: INCOMPLETE }] : [])),
  };
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
function toRecord(entry: Fields, algorithm: Fields): (Fields & { readonly user: string }) | null {
  const user = NAMES.map((name) => entry[name]).find((value) => value !== undefined);
  const { password_hash: hash, password, salt } = entry;
  const hasHash = typeof hash === 'string' && hash !== '';
  const hasPassword = typeof password === 'string' && password !== '';
  if (typeof user !== 'string' || user === '' || hasHash === hasPassword) return null;
  const isSuperuser = [true, 'true', 1, '1'].some((yes) => yes === entry.is_superuser);
  return {
    user,
    ...(hasHash ? secretOf(hash, salt, algorithm) : { password }),
    ...(isSuperuser && { is_superuser: true }),
  };
}

/** A bcrypt hash says by itself what it is. */
function secretOf(hash: string, salt: unknown, algorithm: Fields): Fields {
  if (/^\$2[abxy]\$/.test(hash)) return { password: hash };
  return { password_hash: hash, salt: typeof salt === 'string' ? salt : '', algorithm };
}
