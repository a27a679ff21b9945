/** The method `mysql` against MariaDB. */
import { createMysqlAuthenticator, type MysqlSettings } from '../../../src/auth/authenticators/mysql.ts';
import type { AuthServices } from '../../../src/auth/services.ts';
import { MYSQL_KEYS } from '../../../src/config/authentication/mysql.ts';
import { parseGroup } from '../../../src/config/entries.ts';
import { LOOPBACK } from '../../support/free-port.ts';
import { type MariaDb, startMariaDb } from '../../support/mariadb.ts';
import { insertStatement } from '../../support/sql.ts';
import {
  CONNECT_TIMEOUT,
  type MethodOptions,
  QUERY_TIMEOUT,
  testDatabaseContract,
  testStoredUsers,
  type UserDatabase,
} from './stored-users.ts';

const PASSWORD = 'gateway-at-mariadb';

/** Compares names without regard to case and trailing blanks, as tables do by default. */
const SCHEMA = [
  `CREATE TABLE users (
     username VARCHAR(8000) COLLATE utf8mb4_general_ci NOT NULL,
     password_hash VARCHAR(255), salt VARCHAR(64), is_superuser TINYINT(1) NOT NULL DEFAULT 0,
     permissions TEXT, expire_at BIGINT, client_id VARCHAR(255), mountpoint VARCHAR(255)
   ) CHARACTER SET utf8mb4`,
  `CREATE USER 'gateway'@'${LOOPBACK}' IDENTIFIED BY '${PASSWORD}'`,
  `GRANT SELECT ON mqtt.users TO 'gateway'@'${LOOPBACK}'`,
];
const QUERY = 'SELECT * FROM users WHERE username = ${connect.user} LIMIT 1';

async function start(): Promise<UserDatabase> {
  const server: MariaDb = await startMariaDb();
  await server.sql(...SCHEMA);
  return {
    port: server.port,
    tlsPort: server.port,
    certificates: server.certificates,
    password: PASSWORD,
    addUser: (name, record) => server.sql(insertStatement('users', { username: name, ...record }, '\\')),
    countUsers: () => server.count('users'),
    create: (options: MethodOptions, services: AuthServices) =>
      createMysqlAuthenticator(settings(options), services),
    kill: () => server.kill(),
    restart: () => server.restart(),
    stop: () => server.stop(),
  };
}

testStoredUsers('mysql', start);
testDatabaseContract('mysql', start, (port) => fileSettings({ port, algorithm: { name: 'sha256' } }));

function settings(options: MethodOptions): MysqlSettings {
  return parseGroup(MYSQL_KEYS, fileSettings(options));
}

/** As they stand in the configuration file. */
function fileSettings(options: MethodOptions): Readonly<Record<string, unknown>> {
  return {
    server: `${LOOPBACK}:${options.port}`,
    database: 'mqtt',
    username: 'gateway',
    password: options.password ?? PASSWORD,
    query: QUERY,
    password_hash_algorithm: options.algorithm,
    pool_size: options.poolSize ?? 4,
    connect_timeout: `${CONNECT_TIMEOUT}ms`,
    query_timeout: `${QUERY_TIMEOUT}ms`,
    tls: options.tls,
  };
}
