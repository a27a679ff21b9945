/** The method `postgresql` against PostgreSQL. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  createPostgresqlAuthenticator,
  type PostgresqlSettings,
} from '../../../src/auth/authenticators/postgresql.ts';
import type { AuthServices } from '../../../src/auth/services.ts';
import { POSTGRESQL_KEYS } from '../../../src/config/authentication/postgresql.ts';
import { parseGroup } from '../../../src/config/entries.ts';
import { authServices, credentials } from '../../support/credentials.ts';
import { LOOPBACK } from '../../support/free-port.ts';
import { startPostgresql } from '../../support/postgresql.ts';
import { insertStatement } from '../../support/sql.ts';
import {
  CONNECT_TIMEOUT,
  type MethodOptions,
  QUERY_TIMEOUT,
  testDatabaseContract,
  testStoredUsers,
  type UserDatabase,
} from './stored-users.ts';

const PASSWORD = 'gateway-at-postgresql';

const SCHEMA = [
  `CREATE TABLE users (
     username TEXT PRIMARY KEY, password_hash TEXT, salt TEXT, is_superuser BOOLEAN NOT NULL DEFAULT false,
     permissions TEXT, expire_at TIMESTAMP, client_id TEXT, mountpoint TEXT
   )`,
  `CREATE USER gateway PASSWORD '${PASSWORD}'`,
  'GRANT SELECT ON users TO gateway',
];
const COLUMNS = 'password_hash, salt, is_superuser, permissions, expire_at, client_id, mountpoint';
const QUERY = `SELECT ${COLUMNS} FROM users WHERE username = \${connect.user} LIMIT 1`;

async function start(): Promise<UserDatabase> {
  const server = await startPostgresql();
  await server.sql(...SCHEMA);
  return {
    port: server.port,
    tlsPort: server.port,
    certificates: server.certificates,
    password: PASSWORD,
    addUser: (name, { expire_at: end = null, is_superuser: isSuperuser = 0, ...record }) => {
      const expireAt = end === null ? null : new Date(Number(end) * 1000).toISOString().slice(0, -1);
      const row = { username: name, ...record, expire_at: expireAt, is_superuser: `${isSuperuser}` };
      return server.sql(insertStatement('users', row, ''));
    },
    countUsers: () => server.count('users'),
    create: (options: MethodOptions, services: AuthServices) =>
      createPostgresqlAuthenticator(settings(options), services),
    // Its backends would outlive it otherwise.
    kill: () => server.kill('SIGQUIT'),
    restart: () => server.restart(),
    stop: () => server.stop(),
  };
}

testStoredUsers('postgresql', start);
testDatabaseContract('postgresql', start, (port) => fileSettings({ port, algorithm: { name: 'sha256' } }));

test('postgresql: without prepared statements, values are bound all the same', async () => {
  const server = await startPostgresql();
  const services = authServices();
  try {
    await server.sql(...SCHEMA, "INSERT INTO users VALUES ('ann', 'sesame')");
    const own = settings({ port: server.port, algorithm: { name: 'plain' } }, false);
    const users = await createPostgresqlAuthenticator(own, services);
    const ask = (user: string) =>
      users.authenticate(credentials({ user, pass: 'sesame' }), new AbortController().signal);
    assert.equal((await ask('ann')).kind, 'accept');
    assert.equal((await ask("' OR '1'='1")).kind, 'skip');
    await users.close();
  } finally {
    await services.close();
    await server.stop();
  }
});

function settings(options: MethodOptions, isPrepared = true): PostgresqlSettings {
  return parseGroup(POSTGRESQL_KEYS, fileSettings(options, isPrepared));
}

/** As they stand in the configuration file. */
function fileSettings(options: MethodOptions, isPrepared = true): Readonly<Record<string, unknown>> {
  return {
    server: `${LOOPBACK}:${options.port}`,
    database: 'postgres',
    username: 'gateway',
    password: options.password ?? PASSWORD,
    query: QUERY,
    prepared_statements: isPrepared,
    password_hash_algorithm: options.algorithm,
    pool_size: options.poolSize ?? 4,
    connect_timeout: `${CONNECT_TIMEOUT}ms`,
    query_timeout: `${QUERY_TIMEOUT}ms`,
    tls: options.tls,
  };
}
