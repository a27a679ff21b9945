/** Users as EMQX exports them, in JSON or CSV, as records of a users file. Pure. */
import { GatewayError } from '../errors.ts';

type Fields = Readonly<Record<string, unknown>>;

const NAMES = ['user_id', 'username', 'user'];

/**
 * @param algorithm how the hashes of the export were made, in the words of a users file
 * @throws {GatewayError} `GW_CONFIG` when the text is no such export; the message quotes no secret
 */
export function usersOfExport(text: string, algorithm: Fields): Fields[] {
  const entries = /^\s*\[/.test(text) ? entriesOfJson(text) : entriesOfCsv(text);
  return entries.map((entry, position) => toRecord(entry, position, algorithm));
}

function entriesOfJson(text: string): Fields[] {
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch {
    throw new GatewayError('GW_CONFIG', 'the export is not valid JSON');
  }
  if (!Array.isArray(list) || !list.every((entry) => typeof entry === 'object' && entry !== null))
    throw new GatewayError('GW_CONFIG', 'the export must be a list of objects');
  return list as Fields[];
}

function entriesOfCsv(text: string): Fields[] {
  const [head, ...lines] = text.split(/\r?\n/).filter((line) => line.trim() !== '');
  const columns = fieldsOf(head ?? '');
  if (!columns.some((name) => NAMES.includes(name)))
    throw new GatewayError(
      'GW_CONFIG',
      'the first line of the export must name its columns, such as user_id',
    );
  return lines.map((line) => {
    const values = fieldsOf(line);
    return Object.fromEntries(columns.map((name, i) => [name, values[i] ?? '']));
  });
}

/** RFC 4180, without line ends inside of fields. */
function fieldsOf(line: string): string[] {
  return [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(([, quoted, plain]) =>
    quoted === undefined ? (plain ?? '').trim() : quoted.replaceAll('""', '"'),
  );
}

function toRecord(entry: Fields, position: number, algorithm: Fields): Fields {
  const user = NAMES.map((name) => entry[name]).find((value) => value !== undefined);
  const { password_hash: hash, password, salt } = entry;
  const hasHash = typeof hash === 'string' && hash !== '';
  const hasPassword = typeof password === 'string' && password !== '';
  if (typeof user !== 'string' || user === '' || hasHash === hasPassword) {
    throw new GatewayError(
      'GW_CONFIG',
      `user ${position + 1} of the export needs user_id, and either password_hash or password`,
    );
  }
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
