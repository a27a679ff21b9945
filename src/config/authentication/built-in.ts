/** Settings of the method `built_in`. */
import { PermissionFormatError } from '../../auth/permission-format.ts';
import { parseUsers, UserFormatError, type UserRecord } from '../../auth/user-record.ts';
import { type Format, FormatError, fromJson } from '../formats.ts';
import { key } from '../key.ts';
import * as names from '../name-formats.ts';
import { PASSWORD_HASH_KEYS } from './password-hash.ts';

/** Kind of settings whose values are users; they hold passwords. */
export const USERS_KIND = 'users';

const users: Format<readonly UserRecord[]> = {
  kind: USERS_KIND,
  short: 'a list of users',
  allowed: 'a list of users such as { "user": "ann", "password": "…" }',
  fromText: fromJson,
  parse(value) {
    try {
      return parseUsers(value);
    } catch (error) {
      if (error instanceof UserFormatError || error instanceof PermissionFormatError)
        throw new FormatError(`is wrong: ${error.message}`);
      throw error;
    }
  },
};

/** See the head of the file. */
export const BUILT_IN_KEYS = {
  users: key(
    'Users, each with `user` and `password` (plain or bcrypt) or `password_hash` and `salt`; see docs/authentication.md for all fields.',
    users,
    [],
  ),
  users_file: key(
    'File with more users, managed by the command `users`; read at the start and on SIGHUP.',
    names.oneLine,
    '',
  ),
  password_hash_algorithm: PASSWORD_HASH_KEYS,
} as const;
