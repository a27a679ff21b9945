/** Settings of the method `redis`. */
import { TemplateError } from '../../auth/query-template.ts';
import { compileCommand } from '../../auth/redis-command.ts';
import { choice, type Format, FormatError, integer, listOf } from '../formats.ts';
import { key } from '../key.ts';
import { oneLine } from '../name-formats.ts';
import { DATABASE_LIMIT_KEYS, DATABASE_TLS_KEYS, databaseAddress } from './database.ts';
import { PASSWORD_HASH_KEYS } from './password-hash.ts';

const command: Format<string> = {
  kind: 'redis command',
  form: { kind: 'template' },
  short: 'GET, HGET, HGETALL or HMGET',
  allowed: 'a command such as "HMGET mqtt_user:${connect.user} password_hash salt"',
  fromText: (value) => value,
  parse(value) {
    if (typeof value !== 'string') throw new FormatError();
    try {
      compileCommand(value);
    } catch (error) {
      if (error instanceof TemplateError) throw new FormatError(error.message);
      throw error;
    }
    return value;
  },
};

/** See the head of the file. */
export const REDIS_KEYS = {
  mode: key(
    '`single`: one server; `sentinel`: sentinels know the server; `cluster`: some nodes of a cluster.',
    choice('single', 'sentinel', 'cluster'),
    'single',
  ),
  servers: key(
    'Addresses of the server, of the sentinels, or of some nodes of the cluster.',
    listOf(databaseAddress(6379), 'addresses such as "127.0.0.1:6379"'),
    ['127.0.0.1:6379'],
  ),
  sentinel_master: key('Name by which the sentinels know the server.', oneLine, 'mymaster'),
  sentinel_username: key('User name at the sentinels; empty for none.', oneLine, ''),
  sentinel_password: key('Password at the sentinels; empty for none.', oneLine, '', true),
  sentinel_password_file: key('File that holds `sentinel_password`.', oneLine, ''),
  username: key('User name of the gateway at the database; empty for none.', oneLine, ''),
  password: key('Password of the gateway at the database; empty for none.', oneLine, '', true),
  password_file: key('File that holds `password`.', oneLine, ''),
  database: key('Number of the database; 0 in a cluster.', integer(0, 65_535), 0),
  command: key(
    'Reads the user: fields as the columns of `mysql`; with `GET` a JSON object of them, or the hash alone. Values become part of the key as they are.',
    command,
    'HMGET mqtt_user:${connect.user} password_hash salt is_superuser',
  ),
  password_hash_algorithm: PASSWORD_HASH_KEYS,
  ...DATABASE_LIMIT_KEYS,
  tls: DATABASE_TLS_KEYS,
} as const;
