/**
 * Finds the token of an account by its public key: among those of the configuration, in a folder, at an account server.
 * Must not know whether the account is trusted.
 */
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { GatewayError } from '../errors.ts';
import { boundedGet } from './bounded-get.ts';
import { readConfiguredFile } from './configured-file.ts';
import { type NatsAccount, readAccount } from './nats-account.ts';
import { MAX_TOKEN_BYTES } from './nats-token.ts';
import { RefreshingCache } from './refreshing-cache.ts';
import type { AuthServices } from './services.ts';

/** Where accounts are looked up, in this order; what is empty is left out. */
export interface ResolverSettings {
  /** Tokens of accounts. */
  readonly preload: readonly string[];
  /** Folder with a file `KEY.jwt` for each account; read at every look-up. */
  readonly directory: string;
  /** Account server: the public key is put behind this text. */
  readonly url: string;
  /** CA of an HTTPS account server, as PEM. */
  readonly ca_file: string;
  /** Milliseconds. */
  readonly timeout: number;
  /** Milliseconds. */
  readonly refresh: number;
}

const RETRY_MS = 5_000;
const MAX_ACCOUNTS = 10_000;
const MAX_REQUESTS = 16;

/** Looks accounts up. */
export class AccountResolver {
  readonly #preload: ReadonlyMap<string, NatsAccount>;
  readonly #directory: string;
  readonly #served: RefreshingCache<NatsAccount> | null;

  private constructor(
    preload: ReadonlyMap<string, NatsAccount>,
    directory: string,
    served: RefreshingCache<NatsAccount> | null,
  ) {
    this.#preload = preload;
    this.#directory = directory;
    this.#served = served;
  }

  /** @throws {Error} `GW_CONFIG` when a token is not that of an account, or the CA cannot be read */
  static async create(settings: ResolverSettings, services: AuthServices): Promise<AccountResolver> {
    const accounts = settings.preload.map((text, index) => {
      const account = readAccount(text.trim());
      if (account === null)
        throw new GatewayError('GW_CONFIG', `resolver.preload[${index}] is not the token of an account`);
      return [account.token.subject, account] as const;
    });
    const ca =
      settings.ca_file === '' ? null : await readConfiguredFile(settings.ca_file, 'resolver.ca_file');
    const served = settings.url === '' ? null : servedAccounts(settings, ca, services);
    return new AccountResolver(new Map(accounts), settings.directory, served);
  }

  /**
   * @param key public key of an account
   * @returns null when nobody knows the account
   * @throws {Error} when a source fails
   */
  async find(key: string, signal: AbortSignal): Promise<NatsAccount | null> {
    const preloaded = this.#preload.get(key);
    if (preloaded !== undefined) return preloaded;
    if (this.#directory !== '') {
      const text = await readBounded(join(this.#directory, `${key}.jwt`));
      if (text !== null) return ownAccount(key, text);
    }
    return (await this.#served?.get(key, signal)) ?? null;
  }

  /** Ends running requests. */
  close(): void {
    this.#served?.close();
  }
}

/** A source may not answer with the token of another account. */
function ownAccount(key: string, text: string): NatsAccount | null {
  const account = readAccount(text.trim());
  return account?.token.subject === key ? account : null;
}

function servedAccounts(
  settings: ResolverSettings,
  ca: string | null,
  { clock, logger }: AuthServices,
): RefreshingCache<NatsAccount> {
  return new RefreshingCache<NatsAccount>({
    clock,
    refreshMs: settings.refresh,
    retryMs: RETRY_MS,
    timeoutMs: settings.timeout,
    maxEntries: MAX_ACCOUNTS,
    maxLoads: MAX_REQUESTS,
    onStale: (err) =>
      logger.warn({ event: 'auth.backend_stale', err }, 'the account server fails; a kept account is used'),
    async load(key, signal) {
      const request = { url: settings.url + key, maxBytes: MAX_TOKEN_BYTES, ca, signal };
      const text = await boundedGet(request);
      if (text === null) return null;
      const account = ownAccount(key, text);
      if (account === null) throw new Error('the answer is not the token of the account');
      return account;
    },
  });
}

/** @returns null when there is no such file */
async function readBounded(path: string): Promise<string | null> {
  const file = await openIfThere(path);
  if (file === null) return null;
  try {
    const { size } = await file.stat();
    if (size > MAX_TOKEN_BYTES) throw new Error(`an account's file has ${size} bytes`);
    return await file.readFile('utf8');
  } finally {
    await file.close();
  }
}

async function openIfThere(path: string): Promise<FileHandle | null> {
  try {
    return await open(path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}
