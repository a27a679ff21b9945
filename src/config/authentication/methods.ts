/** All authentication methods by the name that `method` has: the only list of them in the configuration. */
import type { Parsed } from '../key.ts';
import { BUILT_IN_KEYS } from './built-in.ts';
import type { COMMON_KEYS } from './common.ts';
import { HTTP_KEYS } from './http.ts';
import { JWT_KEYS } from './jwt.ts';
import { MYSQL_KEYS } from './mysql.ts';
import { NATS_JWT_KEYS } from './nats-jwt.ts';
import { NKEY_KEYS } from './nkey.ts';
import { POSTGRESQL_KEYS } from './postgresql.ts';
import { REDIS_KEYS } from './redis.ts';
import { TLS_CERTIFICATE_KEYS } from './tls-certificate.ts';
import { TOKEN_KEYS } from './token.ts';

/** Settings of each method, those that all have left out. */
export const METHOD_KEYS = {
  built_in: BUILT_IN_KEYS,
  http: HTTP_KEYS,
  jwt: JWT_KEYS,
  mysql: MYSQL_KEYS,
  nats_jwt: NATS_JWT_KEYS,
  nkey: NKEY_KEYS,
  postgresql: POSTGRESQL_KEYS,
  redis: REDIS_KEYS,
  tls_certificate: TLS_CERTIFICATE_KEYS,
  token: TOKEN_KEYS,
} as const;

/** Name of a method. */
export type MethodName = keyof typeof METHOD_KEYS;

/** The settings of one method. Times in milliseconds. */
export type SettingsOf<Name extends MethodName> = { readonly method: Name } & Parsed<typeof COMMON_KEYS> &
  Parsed<(typeof METHOD_KEYS)[Name]>;

/** One entry of `authentication`. */
export type MethodConfig = { readonly [Name in MethodName]: SettingsOf<Name> }[MethodName];
