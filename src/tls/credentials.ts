/**
 * The TLS material in force, and its renewal while the program runs: files are looked at every few seconds, by content,
 * so that it does not matter how they are replaced. What is wrong is never put in force.
 */
import type { SecureContext } from 'node:tls';
import { GatewayError } from '../errors.ts';
import type { Logger } from '../util/logger.ts';
import {
  buildMaterial,
  digestOf,
  readFiles,
  readFilesNow,
  type TlsFiles,
  type TlsMaterial,
  TlsMaterialError,
  type TlsSettings,
} from './material.ts';

/** How {@link TlsCredentials} works; tests are less patient. */
export interface CredentialsOptions {
  readonly pollMs?: number;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

const POLL_MS = 5_000;
const DAY_MS = 86_400_000;
/** Days before the expiry at which it is logged; 0 is the expiry itself. */
const WARN_DAYS = [0, 1, 7, 30] as const;

/**
 * Reads and checks the files now.
 * @throws {GatewayError} `GW_CONFIG` when they cannot be used
 */
export function readMaterial(settings: TlsSettings): { material: TlsMaterial; digest: string } {
  try {
    const files = readFilesNow(settings);
    return { material: buildMaterial(settings, files), digest: digestOf(files) };
  } catch (cause) {
    if (!(cause instanceof TlsMaterialError)) throw cause;
    throw new GatewayError('GW_CONFIG', `wrong configuration: ${cause.message}`, { cause });
  }
}

/** The material of one listener, or of the broker connections. */
export class TlsCredentials {
  readonly settings: TlsSettings;
  readonly #logger: Logger;
  readonly #pollMs: number;
  readonly #now: () => number;
  #material: TlsMaterial;
  #digest: string;
  /** What could not be used when it was last looked at, and whether that has been said. */
  #rejected: { readonly digest: string; readonly isLogged: boolean } | null = null;
  #warnedDays: number = Number.POSITIVE_INFINITY;
  /** Called when other material is in force. */
  onRenewed: (() => void) | null = null;
  #timer: NodeJS.Timeout | null = null;
  #isClosed = false;

  /** @throws {GatewayError} `GW_CONFIG` when the files cannot be used */
  constructor(settings: TlsSettings, logger: Logger, options: CredentialsOptions = {}) {
    this.settings = settings;
    this.#logger = logger;
    this.#pollMs = options.pollMs ?? POLL_MS;
    this.#now = options.now ?? Date.now;
    const { material, digest } = readMaterial(settings);
    this.#material = material;
    this.#digest = digest;
  }

  /** In force for new connections. Those that exist keep what they have. */
  get material(): TlsMaterial {
    return this.#material;
  }

  /** Nobody uses it any more. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** For connections that we open. */
  get context(): SecureContext {
    return this.#material.context;
  }

  /** Begins to look for new files, and to warn of expiry. */
  watch(): void {
    this.#checkExpiry();
    this.#schedule();
  }

  /**
   * Looks at the files now.
   * @returns whether what they hold is in force; if not, it has been logged why
   */
  async reload(): Promise<boolean> {
    return await this.#look(true);
  }

  /** A look at the files and at the calendar, as the clock brings it every few seconds. */
  async look(): Promise<void> {
    await this.#look(false);
    if (!this.#isClosed) this.#checkExpiry();
  }

  /** Idempotent. */
  close(): void {
    this.#isClosed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  #schedule(): void {
    if (this.#isClosed) return;
    this.#timer = setTimeout(() => {
      void this.look().then(() => this.#schedule());
    }, this.#pollMs);
  }

  async #look(isAsked: boolean): Promise<boolean> {
    const files = await readFiles(this.settings).catch((error: unknown) => {
      if (error instanceof TlsMaterialError) return error;
      throw error;
    });
    if (this.#isClosed) return false;
    if (files instanceof TlsMaterialError) return this.#reject(files.message, files.message, isAsked);
    const digest = digestOf(files);
    if (digest === this.#digest) {
      this.#rejected = null;
      return true;
    }
    try {
      this.#renew(this.#usable(files), digest);
    } catch (error) {
      if (!(error instanceof TlsMaterialError)) throw error;
      return this.#reject(digest, error.message, isAsked);
    }
    return true;
  }

  #usable(files: TlsFiles): TlsMaterial {
    const material = buildMaterial(this.settings, files);
    const now = this.#now();
    if (material.expiresAtMs <= now && this.#material.expiresAtMs > now) {
      const { path, certFile } = this.settings;
      throw new TlsMaterialError(`${path}.cert_file: the certificate in ${certFile} has expired`);
    }
    return material;
  }

  #renew(material: TlsMaterial, digest: string): void {
    this.#material = material;
    this.#digest = digest;
    this.#rejected = null;
    this.#warnedDays = Number.POSITIVE_INFINITY;
    this.#logger.info(
      { event: 'tls.reloaded', ...this.#description(), valid_to: dateText(material.expiresAtMs) },
      'new TLS files are in force for new connections',
    );
    this.onRenewed?.();
    this.#checkExpiry();
  }

  /**
   * Certificate and key are two files: between the one and the other being replaced they do not match. So only what
   * is still wrong at the second look is worth a line.
   */
  #reject(digest: string, detail: string, isAsked: boolean): false {
    const known = this.#rejected?.digest === digest ? this.#rejected : null;
    const isLogged = known?.isLogged ?? false;
    if (isAsked || (known !== null && !isLogged)) {
      this.#logger.error(
        { event: 'tls.reload_failed', ...this.#description(), detail },
        'new TLS files cannot be used; the old ones stay in force',
      );
      this.#rejected = { digest, isLogged: true };
    } else {
      this.#rejected = { digest, isLogged };
    }
    return false;
  }

  #checkExpiry(): void {
    const { expiresAtMs } = this.#material;
    const leftMs = expiresAtMs - this.#now();
    const reached = WARN_DAYS.find((days) => leftMs <= days * DAY_MS);
    if (reached === undefined || reached >= this.#warnedDays) return;
    this.#warnedDays = reached;
    const fields = { ...this.#description(), valid_to: dateText(expiresAtMs) };
    if (reached === 0) {
      this.#logger.error({ event: 'tls.certificate_expired', ...fields }, 'the certificate has expired');
      return;
    }
    const days = Math.floor(leftMs / DAY_MS);
    this.#logger.warn(
      { event: 'tls.certificate_expires', ...fields, days_left: days },
      'the certificate expires soon',
    );
  }

  #description(): { setting: string; file: string | null } {
    const { path, certFile, caFile } = this.settings;
    return { setting: path, file: certFile ?? caFile };
  }
}

function dateText(timeMs: number): string | null {
  return Number.isFinite(timeMs) ? new Date(timeMs).toISOString() : null;
}
