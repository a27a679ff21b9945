/**
 * Reads the configuration again and hands it to the running gateway, on SIGHUP and for the admin API. What is wrong leaves
 * everything as it is.
 */
import type { Config } from '../config/config.ts';
import type { ConfigReloads, ReloadHistory, ReloadResult } from '../control/gateway-control.ts';
import { GatewayError } from '../errors.ts';
import type { Logger } from '../util/logger.ts';

/** What it needs of the gateway. */
export interface ReloadTarget {
  /** @throws {GatewayError} `GW_CONFIG`; nothing has changed then */
  reload(config: Config): Promise<ReloadResult>;
}

/** What it needs besides. */
export interface ReloadSource {
  readonly logger: Logger;
  /** @throws {GatewayError} `GW_CONFIG` */
  readonly loadConfig: () => Config;
}

/** See the head of this file. */
export class ConfigReloader implements ConfigReloads {
  readonly #target: ReloadTarget;
  readonly #source: ReloadSource;
  #history: ReloadHistory = { succeeded: 0, failed: 0, last: null };
  #last: Promise<unknown> = Promise.resolve();
  #isRequested = false;

  constructor(target: ReloadTarget, source: ReloadSource) {
    this.#target = target;
    this.#source = source;
  }

  get history(): ReloadHistory {
    return this.#history;
  }

  /** For signals: one that comes while another one waits is the same one. */
  request(): void {
    if (this.#isRequested) return;
    this.#isRequested = true;
    // Its failure has been logged, and there is nobody to tell.
    void this.#enqueue(() => {
      this.#isRequested = false;
    }).catch(() => {});
  }

  reload(): Promise<ReloadResult> {
    return this.#enqueue(() => {});
  }

  #enqueue(onBegin: () => void): Promise<ReloadResult> {
    const result = this.#last.then(() => {
      onBegin();
      return this.#run();
    });
    this.#last = result.catch(() => {});
    return result;
  }

  async #run(): Promise<ReloadResult> {
    try {
      const result = await this.#target.reload(this.#source.loadConfig());
      this.#note('');
      this.#logSuccess(result);
      return result;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#note(reason);
      const { logger } = this.#source;
      // Anything else is a bug, and its stack says where.
      const fields = { reason, ...(!(error instanceof GatewayError) && { err: error }) };
      const words = 'the configuration was not taken over: the old one holds';
      logger.error({ event: 'config.reload_failed', ...fields }, words);
      throw error;
    }
  }

  /** @param reason empty: it was taken over */
  #note(reason: string): void {
    const isSuccess = reason === '';
    const { succeeded, failed } = this.#history;
    this.#history = {
      succeeded: succeeded + (isSuccess ? 1 : 0),
      failed: failed + (isSuccess ? 0 : 1),
      last: { atMs: Date.now(), isSuccess, reason },
    };
  }

  #logSuccess({ changed, needsRestart }: ReloadResult): void {
    const { logger } = this.#source;
    logger.info(
      { event: 'config.reloaded', changed, needs_restart: needsRestart },
      `configuration reloaded: ${changed.length === 0 ? 'no setting has changed' : changed.join(', ')}`,
    );
    if (needsRestart.length === 0) return;
    const words = `these settings take effect with the next start: ${needsRestart.join(', ')}`;
    logger.warn({ event: 'config.needs_restart', settings: needsRestart }, words);
  }
}
