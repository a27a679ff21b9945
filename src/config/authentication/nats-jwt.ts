/** Settings of the method `nats_jwt`. */
import { duration, listOf } from '../formats.ts';
import { key } from '../key.ts';
import * as names from '../name-formats.ts';
import { documentUrl } from './document-url.ts';

/** See the head of the file. */
export const NATS_JWT_KEYS = {
  trusted_operators: key(
    'Operators whose accounts are trusted: public keys (`O…`) or tokens.',
    listOf(names.oneLine, 'public keys of operators or their tokens'),
    [],
  ),
  operator_files: key('Files with the token of an operator each.', listOf(names.oneLine, 'files'), []),
  resolver: {
    preload: key('Tokens of accounts.', listOf(names.oneLine, 'tokens of accounts'), []),
    directory: key(
      'Folder with a file `KEY.jwt` for each account; read whenever a client connects.',
      names.oneLine,
      '',
    ),
    url: key(
      'Account server: the public key of an account is put behind this, as in `https://HOST/jwt/v1/accounts/`.',
      documentUrl,
      '',
    ),
    ca_file: key(
      "Certificates that sign the account server's; left out: those of Node.js.",
      names.oneLine,
      '',
    ),
    timeout: key(
      'How long the account server may take to answer.',
      duration({ min: '10ms', max: '60s' }),
      '2s',
    ),
    refresh: key(
      'Age at which an account is asked for again; it stays in use while its server is away.',
      duration({ min: '1s', max: '24h' }),
      '2m',
    ),
  },
} as const;
