/** How stored password hashes were made; in the words of EMQX. */
import { choice, integer } from '../formats.ts';
import { key, optional } from '../key.ts';

/** See the head of the file. */
export const PASSWORD_HASH_KEYS = {
  name: key(
    'How passwords are hashed; `plain`: not at all.',
    choice('plain', 'md5', 'sha', 'sha256', 'sha512', 'bcrypt', 'pbkdf2'),
    'sha256',
  ),
  salt_position: key(
    'Where the salt stands when it is hashed together with the password (not for bcrypt and pbkdf2).',
    choice('prefix', 'suffix', 'disable'),
    'suffix',
  ),
  mac_fun: key(
    'Inner hash function of pbkdf2.',
    choice('md5', 'sha', 'sha224', 'sha256', 'sha384', 'sha512'),
    'sha256',
  ),
  iterations: key('Rounds of pbkdf2.', integer(1, 10_000_000), 4096),
  dk_length: optional(
    'Bytes of a pbkdf2 hash; left out: as many as the inner hash function gives.',
    integer(1, 1024),
  ),
} as const;
