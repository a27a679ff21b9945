/** Method `mysql`: looks users up in MySQL or MariaDB with a prepared statement. */

import { connect, isIP } from 'node:net';
import type { Connection, ConnectionOptions, RowDataPacket, SslOptions } from 'mysql2';
import type { Authenticator } from '../authenticator.ts';
import { backendTlsOptions } from '../backend-tls.ts';
import { guardStream } from '../guarded-stream.ts';
import { compileQuery } from '../query-template.ts';
import type { AuthServices } from '../services.ts';
import { type SqlConnection, type SqlSettings, SqlUsers } from '../sql-users.ts';
import type { StoredRecord } from '../stored-user.ts';

/** Settings of the method. */
export type MysqlSettings = SqlSettings;

const METHOD = 'mysql';

/** The prepared statement is not known any more: a new connection prepares it again. */
const FATAL_CODES = new Set(['ER_UNKNOWN_STMT_HANDLER', 'ER_NEED_REPREPARE']);

/** See the head of the file. */
export async function createMysqlAuthenticator(
  settings: MysqlSettings,
  services: AuthServices,
): Promise<Authenticator> {
  const { createConnection } = await import('mysql2');
  const query = compileQuery(settings.query, 'question');
  const open = async (signal: AbortSignal): Promise<SqlConnection> => {
    const { host, port } = settings.server;
    const tls = await tlsOptions(settings);
    const options: ConnectionOptions = {
      ...tls,
      port,
      stream: () => {
        const socket = connect({ host, port, noDelay: true, keepAlive: true });
        guardStream(socket);
        return socket;
      },
      user: settings.username,
      password: settings.password,
      database: settings.database,
      timezone: 'Z',
      supportBigNumbers: true,
      // The database must not be able to ask for files of this machine.
      flags: ['-LOCAL_FILES'],
    };
    const connection = new MysqlConnection(createConnection(options), query.sql);
    await connection.connect(signal);
    return connection;
  };
  return new SqlUsers(METHOD, settings, query, open, services);
}

/** The driver checks the certificate for its `host`, wherever the stream leads to. */
async function tlsOptions({ tls, server }: MysqlSettings): Promise<Pick<ConnectionOptions, 'host' | 'ssl'>> {
  const options = await backendTlsOptions(tls, server.host);
  if (options === null) return { host: server.host };
  const name = tls.server_name || server.host;
  const { ca, cert, key, rejectUnauthorized } = options as SslOptions;
  return {
    // For an address the driver would check for "localhost". With a dot at its end it passes it on, and the check, which
    // takes the dot away, compares addresses.
    host: isIP(name) === 0 ? name : `${name}.`,
    ssl: {
      ...(ca !== undefined && { ca }),
      ...(cert !== undefined && { cert }),
      ...(key !== undefined && { key }),
      rejectUnauthorized: rejectUnauthorized ?? true,
      verifyIdentity: tls.verify,
    },
  };
}

class MysqlConnection implements SqlConnection {
  readonly #connection: Connection;
  readonly #sql: string;
  #isOpen = true;

  constructor(connection: Connection, sql: string) {
    this.#connection = connection;
    this.#sql = sql;
    // Without a listener an error of an idle connection would end the process.
    connection.on('error', () => this.destroy());
    connection.on('end', () => this.destroy());
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  async connect(signal: AbortSignal): Promise<void> {
    try {
      await new Promise<void>((resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason), { once: true });
        this.#connection.connect((error) => (error === null ? resolve() : reject(error)));
      });
    } catch (error) {
      this.destroy();
      throw error;
    }
  }

  query(values: readonly string[]): Promise<StoredRecord[]> {
    return new Promise((resolve, reject) => {
      this.#connection.execute<RowDataPacket[]>(this.#sql, [...values], (error, rows) => {
        if (error === null) {
          // A statement that finds nothing to return, such as UPDATE, has a header in place of rows.
          resolve(Array.isArray(rows) ? rows : []);
          return;
        }
        if (error.fatal || error.sqlState === undefined || FATAL_CODES.has(error.code)) this.destroy();
        reject(error);
      });
    });
  }

  end(): Promise<void> {
    this.#isOpen = false;
    return new Promise((resolve) => {
      this.#connection.once('end', resolve);
      this.#connection.end(() => resolve());
    });
  }

  destroy(): void {
    this.#isOpen = false;
    this.#connection.destroy();
  }
}
