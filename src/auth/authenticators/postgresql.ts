/** Method `postgresql`: looks users up with a prepared statement. */
import type { Client, ClientConfig } from 'pg';
import type { Authenticator } from '../authenticator.ts';
import { backendTlsOptions } from '../backend-tls.ts';
import type { PooledConnection } from '../connection-pool.ts';
import { guardStream } from '../guarded-stream.ts';
import { compileQuery, type QueryTemplate } from '../query-template.ts';
import type { AuthServices } from '../services.ts';
import { type SqlConnection, type SqlSettings, SqlUsers } from '../sql-users.ts';
import type { StoredRecord } from '../stored-user.ts';

/** Settings of the method. */
export interface PostgresqlSettings extends SqlSettings {
  /** Off for connection poolers that cannot keep prepared statements; values are bound all the same. */
  readonly prepared_statements: boolean;
}

const METHOD = 'postgresql';
const STATEMENT_NAME = 'nats_mqtt_gateway_user';

/** Type `timestamp`, which has no zone. */
const TIMESTAMP_OID = 1114;

/** The connection is out of step with the database after these. */
const FATAL_CODES = new Set(['0A000', '26000', '25006', '57P01', '57P02', '57P03']);

/** See the head of the file. */
export async function createPostgresqlAuthenticator(
  settings: PostgresqlSettings,
  services: AuthServices,
): Promise<Authenticator> {
  const pg = (await import('pg')).default;
  const query = compileQuery(settings.query, 'dollar');
  const types: ClientConfig['types'] = {
    // The driver's default takes it for local time, which depends on where the gateway runs.
    getTypeParser: (oid, format) =>
      oid === TIMESTAMP_OID ? String : pg.types.getTypeParser(oid, format as 'text'),
  };
  const open = async (signal: AbortSignal): Promise<SqlConnection> => {
    const tls = await backendTlsOptions(settings.tls, settings.server.host);
    const client = new pg.Client({
      host: settings.server.host,
      port: settings.server.port,
      user: settings.username,
      // A function, because an empty text would make the driver look for passwords elsewhere.
      password: () => settings.password,
      database: settings.database,
      ssl: tls ?? false,
      application_name: 'nats-mqtt-gateway',
      keepAlive: true,
      types,
    });
    const connection = new PostgresqlConnection(client, query, settings.prepared_statements);
    await connection.connect(signal);
    return connection;
  };
  return new SqlUsers(METHOD, settings, query, open, services);
}

class PostgresqlConnection implements SqlConnection, PooledConnection {
  readonly #client: Client;
  readonly #sql: string;
  readonly #isPrepared: boolean;
  #isOpen = true;

  constructor(client: Client, query: QueryTemplate, isPrepared: boolean) {
    this.#client = client;
    this.#sql = query.sql;
    this.#isPrepared = isPrepared;
    guardStream(client.connection.stream);
    // With TLS another stream has taken its place.
    client.connection.on('sslconnect', () => guardStream(client.connection.stream));
    // Without a listener an error of an idle connection would end the process.
    client.on('error', () => this.destroy());
    client.on('end', () => this.destroy());
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  async connect(signal: AbortSignal): Promise<void> {
    const aborted = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
    try {
      await Promise.race([this.#client.connect(), aborted]);
    } catch (error) {
      this.destroy();
      throw error;
    }
  }

  async query(values: readonly string[]): Promise<StoredRecord[]> {
    const name = this.#isPrepared ? { name: STATEMENT_NAME } : {};
    try {
      const { rows, command } = await this.#client.query({ text: this.#sql, values: [...values], ...name });
      if (command === null) throw new TypeError('the answer has no end');
      return rows as StoredRecord[];
    } catch (error) {
      if (isFatal(error)) this.destroy();
      throw error;
    }
  }

  async end(): Promise<void> {
    this.#isOpen = false;
    await this.#client.end();
  }

  destroy(): void {
    this.#isOpen = false;
    // The driver's own way waits for the other end.
    this.#client.connection.stream.destroy();
  }
}

/** Errors of the database about this query alone leave the connection as it was. */
function isFatal(error: unknown): boolean {
  const { severity, code } = error as { severity?: string; code?: string };
  return severity !== 'ERROR' || code === undefined || FATAL_CODES.has(code);
}
