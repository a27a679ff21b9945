/** Settings of the method `nkey`. */
import { isNkey } from '../../nats/nkey.ts';
import { key } from '../key.ts';
import { permittedList } from './permitted.ts';

/** See the head of the file. */
export const NKEY_KEYS = {
  users: key(
    'Public keys of users (`U…`), or objects with `nkey`, `permissions` and other fields of users.',
    permittedList('nkey', 'public user keys (U…)', (text) => isNkey(text, 'user')),
    [],
  ),
} as const;
