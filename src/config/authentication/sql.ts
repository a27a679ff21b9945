/** What the methods `mysql` and `postgresql` have in common. */
import { compileQuery, type ParameterStyle, TemplateError } from '../../auth/query-template.ts';
import { duration, type Format, FormatError, integer } from '../formats.ts';
import { key } from '../key.ts';
import { oneLine } from '../name-formats.ts';
import { DATABASE_LIMIT_KEYS, DATABASE_TLS_KEYS, databaseAddress } from './database.ts';
import { PASSWORD_HASH_KEYS } from './password-hash.ts';

/** A query whose placeholders exist and stand where a value can stand. */
function query(style: ParameterStyle): Format<string> {
  return {
    kind: `query (${style})`,
    form: { kind: 'template' },
    short: 'query with `${…}`',
    allowed: 'a query with placeholders such as ${connect.user}',
    fromText: (value) => value,
    parse(value) {
      if (typeof value !== 'string' || value.trim() === '') throw new FormatError();
      try {
        compileQuery(value, style);
      } catch (error) {
        if (error instanceof TemplateError) throw new FormatError(error.message);
        throw error;
      }
      return value;
    },
  };
}

/** Settings of a method on an SQL database. */
export function sqlKeys(style: ParameterStyle, defaultPort: number) {
  return {
    server: key('Address of the database.', databaseAddress(defaultPort), `127.0.0.1:${defaultPort}`),
    database: key('Name of the database.', oneLine, undefined),
    username: key('User name of the gateway at the database.', oneLine, undefined),
    password: key('Password of the gateway at the database.', oneLine, '', true),
    password_file: key('File that holds `password`.', oneLine, ''),
    query: key(
      'Finds the user: `password_hash`, and if wanted `salt`, `is_superuser`, `permissions`, `expire_at`, `client_id`, `mountpoint`, `username`; further columns become `${identity.NAME}`. Values are bound, never inserted.',
      query(style),
      undefined,
    ),
    password_hash_algorithm: PASSWORD_HASH_KEYS,
    pool_size: key('Most connections to the database.', integer(1, 1024), 8),
    ...DATABASE_LIMIT_KEYS,
    idle_timeout: key(
      'A connection that was not used for so long is closed.',
      duration({ min: '1s', max: '24h' }),
      '60s',
    ),
    tls: DATABASE_TLS_KEYS,
  } as const;
}
