/** Method `redis`: looks users up with one command that reads one key; a single Redis, behind sentinels, or a cluster. */
import type { Cluster, Redis, RedisOptions } from 'ioredis';
import { GatewayError } from '../../errors.ts';
import { backoffDelay } from '../../util/backoff.ts';
import type { Authenticator, Credentials, Verdict } from '../authenticator.ts';
import { BackendError, backendError, secretsOf } from '../backend-error.ts';
import { type BackendTlsSettings, backendTlsOptions } from '../backend-tls.ts';
import { renderCredentials } from '../credential-template.ts';
import { type HashSettings, hashAlgorithm } from '../hash-settings.ts';
import { type CommandTemplate, compileCommand, recordOf } from '../redis-command.ts';
import { RedisLink } from '../redis-link.ts';
import type { AuthServices } from '../services.ts';
import { judgeStoredUser, type StoredRecord } from '../stored-user.ts';

/** Settings of the method, named as in the configuration. Times in milliseconds; texts are empty where nothing is given. */
export interface RedisSettings {
  readonly mode: 'single' | 'sentinel' | 'cluster';
  /** The server, the sentinels, or some nodes of the cluster. */
  readonly servers: readonly { readonly host: string; readonly port: number }[];
  /** Name by which sentinels know the server. */
  readonly sentinel_master: string;
  readonly sentinel_username: string;
  readonly sentinel_password: string;
  readonly username: string;
  readonly password: string;
  /** Number of the database; 0 in a cluster. */
  readonly database: number;
  /** With placeholders; see redis-command.ts. */
  readonly command: string;
  readonly password_hash_algorithm: HashSettings;
  readonly connect_timeout: number;
  readonly query_timeout: number;
  readonly tls: BackendTlsSettings;
}

const METHOD = 'redis';
/** For the other end to close, too. */
const DISCONNECT_TIMEOUT_MS = 500;
const RETRY = { baseMs: 100, maxMs: 400 };

/** See the head of the file. */
export async function createRedisAuthenticator(
  settings: RedisSettings,
  services: AuthServices,
): Promise<Authenticator> {
  const command = compileCommand(settings.command);
  const client = await createClient(settings);
  const { clock, logger } = services;
  const limits = { acquireTimeoutMs: settings.connect_timeout, queryTimeoutMs: settings.query_timeout };
  const link = new RedisLink(client, limits, { method: METHOD, clock, logger, secrets: secrets(settings) });
  return new RedisUsers(settings, command, link, services);
}

class RedisUsers implements Authenticator {
  readonly method = METHOD;
  readonly needsNonce = false;
  readonly #settings: RedisSettings;
  readonly #command: CommandTemplate;
  readonly #link: RedisLink;
  readonly #services: AuthServices;

  constructor(settings: RedisSettings, command: CommandTemplate, link: RedisLink, services: AuthServices) {
    this.#settings = settings;
    this.#command = command;
    this.#link = link;
    this.#services = services;
  }

  async authenticate(credentials: Credentials, signal: AbortSignal): Promise<Verdict> {
    // An empty password is none: whoever stored one must not have opened the door.
    if (credentials.pass === '') return { kind: 'skip' };
    const record = await this.#record(credentials, signal);
    const rules = { method: METHOD, algorithm: hashAlgorithm(this.#settings.password_hash_algorithm) };
    return await judgeStoredUser(record, credentials, rules, this.#services, signal);
  }

  async close(): Promise<void> {
    this.#link.close();
  }

  async #record(credentials: Credentials, signal: AbortSignal): Promise<StoredRecord | null> {
    const { command, key: template, fields } = this.#command;
    // One argument, whatever the values hold: the protocol counts bytes.
    const key = renderCredentials(template, credentials, (value) => value);
    try {
      return recordOf(this.#command, await this.#link.call(command, [key, ...fields], signal));
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      // A key of another kind is no user, and a client can name any key that begins like those of users.
      if (error instanceof Error && error.message.startsWith('WRONGTYPE')) return null;
      throw backendError('query', error, [...secretsOf(credentials), ...secrets(this.#settings)]);
    }
  }
}

function secrets({ password, sentinel_password }: RedisSettings): string[] {
  return [password, sentinel_password];
}

async function createClient(settings: RedisSettings): Promise<Redis | Cluster> {
  const { Redis, Cluster } = await import('ioredis');
  const [first] = settings.servers;
  if (first === undefined) throw new BackendError('there is no server', 'CONFIG');
  const tls = await backendTlsOptions(settings.tls, '').catch((cause: Error) => {
    throw new GatewayError('GW_CONFIG', `method redis: ${cause.message}`, { cause });
  });
  const { retryStrategy, ...node } = connectionOptions(settings);
  const common = { ...node, ...(tls !== null && { tls }) };
  switch (settings.mode) {
    case 'single':
      return new Redis({ ...common, ...first, retryStrategy });
    case 'sentinel':
      return new Redis({ ...common, ...sentinelOptions(settings), retryStrategy });
    case 'cluster':
      return new Cluster([...settings.servers], clusterOptions(settings, common, retryStrategy));
    default:
      return settings.mode satisfies never;
  }
}

function connectionOptions(settings: RedisSettings) {
  return {
    ...(settings.username !== '' && { username: settings.username }),
    ...(settings.password !== '' && { password: settings.password }),
    db: settings.database,
    connectTimeout: settings.connect_timeout,
    disconnectTimeout: DISCONNECT_TIMEOUT_MS,
    // A server that has stopped answering is left, and with it all that waits for it.
    socketTimeout: settings.query_timeout,
    // Nothing waits inside the driver: a queue there would have no bound.
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    retryStrategy: (times: number) => backoffDelay(times - 1, RETRY, 0.5 + Math.random() / 2),
    // Older servers know only this one.
    protocol: 2 as const,
    connectionName: 'nats-mqtt-gateway',
    lazyConnect: true,
  };
}

function sentinelOptions(settings: RedisSettings) {
  return {
    sentinels: [...settings.servers],
    name: settings.sentinel_master,
    ...(settings.sentinel_username !== '' && { sentinelUsername: settings.sentinel_username }),
    ...(settings.sentinel_password !== '' && { sentinelPassword: settings.sentinel_password }),
    sentinelCommandTimeout: settings.connect_timeout,
    sentinelRetryStrategy: (times: number) => backoffDelay(times - 1, RETRY, 0.5 + Math.random() / 2),
    enableTLSForSentinelMode: settings.tls.enable,
  };
}

type NodeOptions = Omit<ReturnType<typeof connectionOptions>, 'retryStrategy'> & Pick<RedisOptions, 'tls'>;

function clusterOptions(settings: RedisSettings, node: NodeOptions, retry: (times: number) => number) {
  const { enableOfflineQueue, lazyConnect, ...redisOptions } = node;
  return {
    redisOptions,
    enableOfflineQueue,
    lazyConnect,
    clusterRetryStrategy: retry,
    slotsRefreshTimeout: settings.connect_timeout,
    maxRedirections: 3,
  };
}
