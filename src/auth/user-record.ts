/**
 * One user of the method `built_in`, as it stands in the configuration or in a users file; and what users of other methods have
 * in common with it. Pure.
 */
import type { HashAlgorithm, StoredPassword } from './password-hash.ts';
import { parsePermissions } from './permission-format.ts';
import type { Permissions } from './permissions.ts';

/** How a connection comes in, in the words of nats-server. */
export type ConnectionType = 'STANDARD' | 'WEBSOCKET';

/** What a user's password is compared with. */
export type UserSecret =
  /** As in nats-server: the password itself, or its bcrypt hash. */
  | { readonly kind: 'password'; readonly password: string }
  /** As EMQX stores it. Without an algorithm that of the method holds. */
  | { readonly kind: 'hash'; readonly stored: StoredPassword; readonly algorithm: HashAlgorithm | null };

/** What a user may do, and who it is towards the broker: everything but its name, and how it proves to be itself. */
export interface UserGrants {
  readonly isSuperuser: boolean;
  /** Null: `default_permissions`. */
  readonly permissions: Permissions | null;
  /** Null: any. */
  readonly connectionTypes: readonly ConnectionType[] | null;
  readonly clientId: string | null;
  readonly mountpoint: string | null;
  readonly attributes: Readonly<Record<string, string>>;
}

/** Of a user of whom nothing is said. */
export const NO_GRANTS: UserGrants = {
  isSuperuser: false,
  permissions: null,
  connectionTypes: null,
  clientId: null,
  mountpoint: null,
  attributes: {},
};

/** See the head of the file. */
export interface UserRecord extends UserGrants {
  readonly user: string;
  /** Null: nobody can log in; only for `no_auth_user`. */
  readonly secret: UserSecret | null;
}

/** What was written is no user. The message holds no secret. */
export class UserFormatError extends Error {
  override readonly name = 'UserFormatError';
}

/** Fields of a user of any method. */
const GRANT_FIELDS = [
  'is_superuser',
  'permissions',
  'allowed_connection_types',
  'client_id',
  'mountpoint',
  'attributes',
];
const FIELDS = ['user', 'password', 'password_hash', 'salt', 'algorithm', ...GRANT_FIELDS];

/** Fields that are never shown. */
export const SECRET_USER_FIELDS: readonly string[] = ['password', 'password_hash', 'salt'];

const ALGORITHM_FIELDS = ['name', 'salt_position', 'mac_fun', 'iterations', 'dk_length'];
const ALGORITHMS = ['plain', 'md5', 'sha', 'sha256', 'sha512', 'bcrypt', 'pbkdf2'] as const;
const SALT_POSITIONS = ['prefix', 'suffix', 'disable'] as const;
const MAC_FUNCTIONS = ['md5', 'sha', 'sha224', 'sha256', 'sha384', 'sha512'] as const;
/** nats-server has more; clients of this gateway come in these two ways. */
const TYPES = ['STANDARD', 'WEBSOCKET', 'LEAFNODE', 'LEAFNODE_WS', 'MQTT', 'MQTT_WS', 'IN_PROCESS'] as const;

type Fields = Readonly<Record<string, unknown>>;

/** @throws {UserFormatError} or {PermissionFormatError} */
function parseUser(value: unknown): UserRecord {
  const fields = asRecord(value, 'a user', FIELDS);
  const user = text(fields, 'user');
  if (user === null || user === '') throw new UserFormatError('user is missing');
  return {
    user,
    secret: parseSecret(fields),
    ...parseGrants(fields),
  };
}

/**
 * A user of another method.
 * @param field holds its name
 * @throws {UserFormatError} or {PermissionFormatError}
 */
export function parseNamedGrants(value: unknown, field: string): UserGrants & { readonly name: string } {
  const fields = asRecord(value, 'an entry', [field, ...GRANT_FIELDS]);
  const name = text(fields, field);
  if (name === null || name === '') throw new UserFormatError(`${field} is missing`);
  return { name, ...parseGrants(fields) };
}

function parseGrants(fields: Fields): UserGrants {
  return {
    isSuperuser: parseBoolean(fields, 'is_superuser'),
    permissions: (fields.permissions ?? null) === null ? null : parsePermissions(fields.permissions),
    connectionTypes: parseTypes(fields.allowed_connection_types),
    clientId: text(fields, 'client_id') || null,
    mountpoint: text(fields, 'mountpoint') || null,
    attributes: parseAttributes(fields.attributes),
  };
}

/**
 * A list of users.
 * @throws {UserFormatError} naming the position of the first that is wrong
 */
export function parseUsers(value: unknown): UserRecord[] {
  if (!Array.isArray(value)) throw new UserFormatError('users must be a list of objects');
  const names = new Set<string>();
  return value.map((entry, position) => {
    try {
      const record = parseUser(entry);
      if (names.has(record.user)) throw new UserFormatError('user is there twice');
      names.add(record.user);
      return record;
    } catch (cause) {
      throw new UserFormatError(`users[${position}]: ${(cause as Error).message}`, { cause });
    }
  });
}

/** How hashes are made, as EMQX writes it. @throws {UserFormatError} */
export function parseAlgorithm(value: unknown): HashAlgorithm {
  const fields = asRecord(value, 'algorithm', ALGORITHM_FIELDS);
  return {
    name: oneOf(fields, 'name', ALGORITHMS, 'sha256'),
    saltPosition: oneOf(fields, 'salt_position', SALT_POSITIONS, 'suffix'),
    macFunction: oneOf(fields, 'mac_fun', MAC_FUNCTIONS, 'sha256'),
    iterations: count(fields, 'iterations', 4096, 10_000_000),
    keyBytes: fields.dk_length === undefined ? null : count(fields, 'dk_length', 0, 1024),
  };
}

function parseSecret(fields: Fields): UserSecret | null {
  const password = text(fields, 'password');
  const hash = text(fields, 'password_hash');
  if (password !== null && hash !== null)
    throw new UserFormatError('password and password_hash contradict each other');
  if (password === '' || hash === '') throw new UserFormatError('the password is empty');
  if (password !== null) return { kind: 'password', password };
  if (hash === null) return null;
  const algorithm = fields.algorithm === undefined ? null : parseAlgorithm(fields.algorithm);
  return { kind: 'hash', stored: { hash, salt: text(fields, 'salt') ?? '' }, algorithm };
}

function parseBoolean(fields: Fields, name: string): boolean {
  const value = fields[name] ?? false;
  if (typeof value !== 'boolean') throw new UserFormatError(`${name} must be true or false`);
  return value;
}

function parseTypes(value: unknown): ConnectionType[] | null {
  if (value === undefined) return null;
  const names: unknown[] = Array.isArray(value) ? value : [value];
  const types = names.map((name) => {
    const found = TYPES.find((type) => type === String(name).toUpperCase());
    if (found === undefined)
      throw new UserFormatError(`allowed_connection_types may hold ${TYPES.join(', ')}`);
    return found;
  });
  return types.filter((type) => type === 'STANDARD' || type === 'WEBSOCKET');
}

function parseAttributes(value: unknown): Readonly<Record<string, string>> {
  if (value === undefined) return {};
  const fields = asRecord(value, 'attributes', null);
  for (const [name, text] of Object.entries(fields)) {
    if (typeof text !== 'string' || !/^[\w-]+$/.test(name))
      throw new UserFormatError('attributes must be names with texts');
  }
  return fields as Readonly<Record<string, string>>;
}

function text(fields: Fields, name: string): string | null {
  const value = fields[name] ?? null;
  if (value === null || typeof value === 'string') return value;
  throw new UserFormatError(`${name} must be a text`);
}

function count(fields: Fields, name: string, fallback: number, max: number): number {
  const value = fields[name] ?? fallback;
  if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= max) return value;
  throw new UserFormatError(`${name} must be a whole number from 1 to ${max}`);
}

function oneOf<const T extends readonly string[]>(
  fields: Fields,
  name: string,
  allowed: T,
  fallback: T[number],
): T[number] {
  const value = fields[name] ?? fallback;
  const found = allowed.find((one) => one === value);
  if (found === undefined) throw new UserFormatError(`${name} must be one of ${allowed.join(', ')}`);
  return found;
}

function asRecord(value: unknown, what: string, known: readonly string[] | null): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new UserFormatError(`${what} must be an object`);
  const unknown = Object.keys(value).find((name) => known !== null && !known.includes(name));
  if (unknown !== undefined)
    throw new UserFormatError(`${what} has no ${JSON.stringify(unknown)}, only ${known?.join(', ')}`);
  return value as Fields;
}
