/** Changes lists of users as they stand in a users file. Pure. */
import { GatewayError } from '../errors.ts';

type Fields = Readonly<Record<string, unknown>>;

/** @throws {GatewayError} `GW_CONFIG` when the user is there already */
export function withUser(users: readonly Fields[], name: string, record: Fields): Fields[] {
  if (users.some(({ user }) => user === name))
    throw new GatewayError('GW_CONFIG', `there is a user ${JSON.stringify(name)} already`);
  return [...users, { user: name, ...record }];
}

/** Everything but the password stays, and what the record says besides. @throws {GatewayError} `GW_CONFIG` when there is no such user */
export function withPassword(users: readonly Fields[], name: string, record: Fields): Fields[] {
  return withFields(users, name, record, true);
}

/**
 * Everything that the record does not say stays.
 * @throws {GatewayError} `GW_CONFIG` when there is no such user
 */
export function withFields(
  users: readonly Fields[],
  name: string,
  record: Fields,
  hasNewPassword: boolean,
): Fields[] {
  const at = indexOf(users, name);
  return users.map((one, i) => {
    if (i !== at) return one;
    if (!hasNewPassword) return { ...one, ...record };
    const { password: _1, password_hash: _2, salt: _3, algorithm: _4, ...kept } = one;
    return { ...kept, ...record };
  });
}

/** @throws {GatewayError} `GW_CONFIG` when there is no such user */
export function withoutUser(users: readonly Fields[], name: string): Fields[] {
  const at = indexOf(users, name);
  return users.filter((_, i) => i !== at);
}

function indexOf(users: readonly Fields[], name: string): number {
  const at = users.findIndex(({ user }) => user === name);
  if (at < 0) throw new GatewayError('GW_CONFIG', `there is no user ${JSON.stringify(name)}`);
  return at;
}
