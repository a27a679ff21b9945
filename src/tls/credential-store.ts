/** All TLS material of a gateway, so that it can be renewed and let go together. */
import type { Logger } from '../util/logger.ts';
import { TlsCredentials } from './credentials.ts';
import type { TlsSettings } from './material.ts';

/** See the head of this file. */
export class CredentialStore {
  readonly #logger: Logger;
  #all: TlsCredentials[] = [];

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /**
   * Reads the files and watches them from now on.
   * @throws {GatewayError} `GW_CONFIG` when the files cannot be used
   */
  open(settings: TlsSettings): TlsCredentials {
    const credentials = new TlsCredentials(settings, this.#logger);
    this.#all = [...this.all, credentials];
    credentials.watch();
    return credentials;
  }

  /** Everything that is in use. */
  get all(): readonly TlsCredentials[] {
    return this.#all.filter(({ isClosed }) => !isClosed);
  }

  /**
   * Looks at all files now.
   * @returns whether what they hold is in force everywhere; if not, it has been logged why
   */
  async reload(): Promise<boolean> {
    const results = await Promise.all(this.all.map((credentials) => credentials.reload()));
    return results.every((isInForce) => isInForce);
  }

  /** Idempotent. */
  close(): void {
    for (const credentials of this.#all) credentials.close();
  }
}
