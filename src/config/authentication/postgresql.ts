/** Settings of the method `postgresql`. */
import { boolean } from '../formats.ts';
import { key } from '../key.ts';
import { sqlKeys } from './sql.ts';

/** See the head of the file. */
export const POSTGRESQL_KEYS = {
  ...sqlKeys('dollar', 5432),
  prepared_statements: key(
    '`false` for connection poolers that cannot keep prepared statements; values are bound all the same.',
    boolean,
    true,
  ),
} as const;
