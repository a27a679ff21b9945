/**
 * Takes another configuration over while the gateway runs: every part prepares its change, then all of them change in one
 * turn of the event loop, or none does.
 */
import type { AccessControl } from '../auth/access-control.ts';
import { takeOver } from '../config/changes.ts';
import type { Config } from '../config/config.ts';
import type { ReloadResult } from '../control/gateway-control.ts';
import { GatewayError } from '../errors.ts';
import type { LiveSession } from '../session/context.ts';
import type { Logger } from '../util/logger.ts';
import type { PreparedChange } from '../util/prepared-change.ts';

/** What of a running gateway changes. */
export interface ReloadParts {
  readonly access: AccessControl;
  /** Prepares the change of everything else; nothing has changed when one of them throws. */
  readonly others: readonly ((config: Config) => PreparedChange | Promise<PreparedChange>)[];
  readonly sessions: ReadonlySet<LiveSession>;
  /** False once the gateway stops. */
  readonly isRunning: () => boolean;
}

/** Clients that a reload checks at the same time. */
const RECHECKS_AT_A_TIME = 16;

/** See the head of this file. */
export class Reloader {
  readonly #logger: Logger;
  #config: Config;
  #last: Promise<unknown> = Promise.resolve();

  constructor(config: Config, logger: Logger) {
    this.#config = config;
    this.#logger = logger;
  }

  /** In force. */
  get config(): Config {
    return this.#config;
  }

  /**
   * One after the other.
   * @param onTaken called when everything is in force, before connected clients are checked
   * @throws {GatewayError} `GW_CONFIG`; nothing has changed then
   */
  reload(parts: ReloadParts, wanted: Config, onTaken: () => void): Promise<ReloadResult> {
    const result = this.#last.then(() => this.#reload(parts, wanted, onTaken));
    // Its failure is its caller's business.
    this.#last = result.catch(() => {});
    return result;
  }

  async #reload(parts: ReloadParts, wanted: Config, onTaken: () => void): Promise<ReloadResult> {
    const { config, changed, needsRestart } = takeOver(this.#config, wanted);
    const changes = await prepareAll(parts, config);
    if (!parts.isRunning()) {
      await abandonAll(changes);
      throw new GatewayError('GW_CONFIG', 'the gateway is stopping');
    }
    this.#config = config;
    for (const change of changes) change.commit();
    this.#logger.setLevel?.(config.log.level);
    onTaken();
    await recheck(parts.sessions);
    return { changed, needsRestart };
  }
}

async function prepareAll({ access, others }: ReloadParts, config: Config): Promise<PreparedChange[]> {
  const changes: PreparedChange[] = [];
  try {
    changes.push(await access.prepare(config));
    for (const prepare of others) changes.push(await prepare(config));
    return changes;
  } catch (error) {
    await abandonAll(changes);
    if (!(error instanceof GatewayError) || error.code !== 'GW_LISTEN') throw error;
    // For an operator who has just changed it, the address is what is wrong with the configuration.
    const { key } = error.context;
    const words = typeof key === 'string' ? `${key}: ${error.message}` : error.message;
    throw new GatewayError('GW_CONFIG', words, { cause: error, context: error.context });
  }
}

async function abandonAll(changes: readonly PreparedChange[]): Promise<void> {
  for (const change of changes) await change.abandon();
}

/** A few at a time: the backends of the methods have others to serve. */
async function recheck(sessions: ReadonlySet<LiveSession>): Promise<void> {
  const waiting = [...sessions];
  const worker = async (): Promise<void> => {
    for (let one = waiting.pop(); one !== undefined; one = waiting.pop()) await one.reauthorize();
  };
  await Promise.all(Array.from({ length: RECHECKS_AT_A_TIME }, worker));
}
