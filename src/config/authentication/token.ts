/** Settings of the method `token`. */
import { key } from '../key.ts';
import * as names from '../name-formats.ts';

/** See the head of the file. */
export const TOKEN_KEYS = {
  token: key(
    'The token that clients show in `auth_token`: plain, or its bcrypt hash.',
    names.oneLine,
    '',
    true,
  ),
  token_file: key('File that holds `token`.', names.oneLine, ''),
  name: key('Name of clients that show it, for logs and `${identity.name}`.', names.identifier, 'token'),
} as const;
