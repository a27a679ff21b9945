/** What the methods on SQL databases have in common: a pool, one query, one row. Knows no driver. */
import type { Authenticator, Credentials, Verdict } from './authenticator.ts';
import { BackendError, backendError, secretsOf } from './backend-error.ts';
import type { BackendTlsSettings } from './backend-tls.ts';
import { ConnectionPool, type PooledConnection } from './connection-pool.ts';
import { credentialValue } from './credential-template.ts';
import { type HashSettings, hashAlgorithm } from './hash-settings.ts';
import type { HashAlgorithm } from './password-hash.ts';
import type { QueryTemplate } from './query-template.ts';
import type { AuthServices } from './services.ts';
import { judgeStoredUser, type StoredRecord } from './stored-user.ts';

/** Settings that all SQL databases have, named as in the configuration. Times in milliseconds. */
export interface SqlSettings {
  readonly server: { readonly host: string; readonly port: number };
  readonly database: string;
  readonly username: string;
  readonly password: string;
  /** With placeholders; see query-template.ts. */
  readonly query: string;
  readonly password_hash_algorithm: HashSettings;
  readonly pool_size: number;
  readonly connect_timeout: number;
  readonly query_timeout: number;
  readonly idle_timeout: number;
  readonly tls: BackendTlsSettings;
}

/** A connection that can run the one query. */
export interface SqlConnection extends PooledConnection {
  /** The query is prepared on the connection, `values` are bound. */
  query(values: readonly string[]): Promise<StoredRecord[]>;
}

/** An authentication method that looks for one row. */
export class SqlUsers implements Authenticator {
  readonly method: string;
  readonly needsNonce = false;
  readonly #password: string;
  readonly #algorithm: HashAlgorithm;
  readonly #query: QueryTemplate;
  readonly #services: AuthServices;
  readonly #pool: ConnectionPool<SqlConnection>;

  constructor(
    method: string,
    settings: SqlSettings,
    query: QueryTemplate,
    open: (signal: AbortSignal) => Promise<SqlConnection>,
    services: AuthServices,
  ) {
    this.method = method;
    this.#password = settings.password;
    this.#algorithm = hashAlgorithm(settings.password_hash_algorithm);
    this.#query = query;
    this.#services = services;
    const { clock, logger } = services;
    const limits = {
      size: settings.pool_size,
      connectTimeoutMs: settings.connect_timeout,
      acquireTimeoutMs: settings.connect_timeout,
      queryTimeoutMs: settings.query_timeout,
      idleTimeoutMs: settings.idle_timeout,
    };
    this.#pool = new ConnectionPool(limits, {
      method,
      clock,
      logger,
      open: (signal) =>
        open(signal).catch((error: unknown) => {
          throw backendError('connect', error, [settings.password]);
        }),
    });
  }

  async authenticate(credentials: Credentials, signal: AbortSignal): Promise<Verdict> {
    // An empty password is none: whoever stored one must not have opened the door.
    if (credentials.pass === '') return { kind: 'skip' };
    const values = this.#query.names.map((name) => credentialValue(name, credentials));
    // No text of a database holds it, and asking for it is an error to some.
    if (values.some((value) => value.includes('\0'))) return { kind: 'skip' };
    const rows = await this.#rows(values, credentials, signal);
    if (rows.length > 1) throw new BackendError(`the query found ${rows.length} rows`, 'AMBIGUOUS');
    return await judgeStoredUser(
      rows[0] ?? null,
      credentials,
      { method: this.method, algorithm: this.#algorithm },
      this.#services,
      signal,
    );
  }

  async close(): Promise<void> {
    await this.#pool.close();
  }

  async #rows(values: string[], credentials: Credentials, signal: AbortSignal): Promise<StoredRecord[]> {
    try {
      return await this.#pool.run((connection) => connection.query(values), signal);
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      throw backendError('query', error, [...secretsOf(credentials), this.#password]);
    }
  }
}
