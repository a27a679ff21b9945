/** How stored passwords are hashed, for the methods that keep them; names and values are those of EMQX. */
import { choice, integer } from '../formats.ts';
import { key, optional } from '../key.ts';

/** See the head of the file. */
export const PASSWORD_HASH_KEYS = {
  name: key(
    'Hash function; `plain` is none.',
    choice('plain', 'md5', 'sha', 'sha256', 'sha512', 'bcrypt', 'pbkdf2'),
    'sha256',
  ),
  salt_position: key(
    'Where the salt stands when the two are hashed together; not used by `bcrypt` and `pbkdf2`.',
    choice('prefix', 'suffix', 'disable'),
    'prefix',
  ),
  mac_fun: key(
    'Inner hash function of `pbkdf2`.',
    choice('md5', 'sha', 'sha224', 'sha256', 'sha384', 'sha512'),
    'sha256',
  ),
  iterations: key('Rounds of `pbkdf2`.', integer(1, 10_000_000), 4096),
  dk_length: optional(
    'Bytes of the result of `pbkdf2`; left out: as many as its hash function gives.',
    integer(1, 1024),
  ),
} as const;
