/**
 * What a database says of a user → a verdict. Columns and fields have the same names in every database. Knows no
 * database.
 */
import type { Credentials, Identity, Verdict } from './authenticator.ts';
import { BackendError } from './backend-error.ts';
import { plainIdentity } from './identity.ts';
import type { HashAlgorithm } from './password-hash.ts';
import { parsePermissions } from './permission-format.ts';
import type { AuthServices } from './services.ts';

/** One row or hash: values as drivers give them. */
export type StoredRecord = Readonly<Record<string, unknown>>;

/** How records of one method are judged. */
export interface StoredUserRules {
  readonly method: string;
  readonly algorithm: HashAlgorithm;
}

/** Columns with a meaning; any other is an attribute for templates. */
const KNOWN = new Set([
  'username',
  'password_hash',
  'salt',
  'is_superuser',
  'permissions',
  'expire_at',
  'client_id',
  'mountpoint',
]);

const TRUE_TEXTS = new Set(['1', 't', 'true', 'yes']);
const ATTRIBUTE_NAME = /^\w{1,64}$/;

/**
 * @param record null: there is no such user
 * @throws {BackendError} when a value makes no sense: whoever fills the table must learn of it
 */
export async function judgeStoredUser(
  record: StoredRecord | null,
  credentials: Credentials,
  rules: StoredUserRules,
  { passwords, wallClock }: AuthServices,
  signal: AbortSignal,
): Promise<Verdict> {
  if (record === null) {
    await passwords.pretend(credentials.pass, rules.algorithm, signal);
    return { kind: 'skip' };
  }
  if (!Object.hasOwn(record, 'password_hash')) throw malformed('there is no password_hash');
  // Some databases compare names without regard to case or trailing blanks, which would give one user many names.
  const { username } = record;
  if (username !== undefined && textOf('username', username) !== credentials.user) return { kind: 'skip' };
  const stored = { hash: textOf('password_hash', record.password_hash), salt: textOf('salt', record.salt) };
  if (stored.hash === '') return { kind: 'reject', detail: 'the user has no password' };
  const isRight = await passwords.verify(credentials.pass, stored, rules.algorithm, signal);
  if (!isRight) return { kind: 'reject', detail: 'wrong password' };
  const identity = identityOf(record, credentials.user, rules.method);
  if (identity.expiresAtMs !== null && identity.expiresAtMs <= wallClock()) {
    return { kind: 'reject', detail: 'the user has expired' };
  }
  return { kind: 'accept', identity };
}

function identityOf(record: StoredRecord, name: string, method: string): Identity {
  return {
    ...plainIdentity(method, name),
    isSuperuser: isTrue(record.is_superuser),
    permissions: permissionsOf(record.permissions),
    expiresAtMs: timeOf(record.expire_at),
    clientId: textOf('client_id', record.client_id) || null,
    mountpoint: textOf('mountpoint', record.mountpoint) || null,
    attributes: attributesOf(record),
  };
}

function textOf(column: string, value: unknown): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'string') return value;
  if (value instanceof Uint8Array) return Buffer.from(value).toString();
  if (typeof value === 'number' || typeof value === 'bigint') return String(value);
  throw malformed(`${column} is no text`);
}

/** 1, true and what databases make of them; everything else is no. */
function isTrue(value: unknown): boolean {
  if (typeof value === 'boolean') return value;
  // BIT(1) of MySQL.
  if (value instanceof Uint8Array && value.length === 1 && (value[0] ?? 0) < 2) return value[0] === 1;
  if (value === null || value === undefined) return false;
  return TRUE_TEXTS.has(textOf('is_superuser', value).toLowerCase());
}

function permissionsOf(value: unknown): Identity['permissions'] {
  if (value === null || value === undefined) return null;
  const isText = typeof value === 'string' || value instanceof Uint8Array;
  const text = isText ? textOf('permissions', value) : '';
  if (isText && text.trim() === '') return null;
  try {
    return parsePermissions(isText ? JSON.parse(text) : value);
  } catch {
    // Never without permissions instead: that would be more than was meant.
    throw malformed('permissions are no JSON object of the documented form');
  }
}

/** Seconds since 1970, or a date. @returns milliseconds, or null when there is no end */
function timeOf(value: unknown): number | null {
  if (value instanceof Date) return finite(value.getTime());
  const text = textOf('expire_at', value).trim();
  if (text === '') return null;
  if (/^\d+(\.\d+)?$/.test(text)) return finite(Number(text) * 1000);
  // A date without a zone is UTC, as on the database's side.
  const isoText = text.replace(' ', 'T');
  const hasZone = !isoText.includes('T') || /(?:Z|[+-]\d\d:\d\d)$/i.test(isoText);
  return finite(Date.parse(hasZone ? isoText : `${isoText}Z`));
}

function finite(ms: number): number {
  if (!Number.isFinite(ms)) throw malformed('expire_at is no time');
  return ms;
}

function attributesOf(record: StoredRecord): Record<string, string> {
  const attributes: Record<string, string> = {};
  for (const [column, value] of Object.entries(record)) {
    if (KNOWN.has(column) || !ATTRIBUTE_NAME.test(column)) continue;
    if (['string', 'number', 'bigint'].includes(typeof value)) attributes[column] = String(value);
    else if (value instanceof Uint8Array) attributes[column] = textOf(column, value);
  }
  return attributes;
}

function malformed(problem: string): BackendError {
  return new BackendError(`the answer cannot be used: ${problem}`, 'MALFORMED');
}
