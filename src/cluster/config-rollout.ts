/**
 * Brings a changed configuration to the workers: to one of them first, then to all. Lives in the primary; knows of
 * workers only how to ask them.
 */
import type { Config } from '../config/config.ts';
import { GatewayError } from '../errors.ts';
import type { Logger } from '../util/logger.ts';
import type { ReloadOutcome } from './reload-question.ts';

/** A worker that may be asked. */
export interface RolloutTarget {
  readonly worker: number;
  readonly isReady: boolean;
  /** It has been given a configuration, and its process is there. */
  readonly hasBegun: boolean;
  reload(config: Config): Promise<ReloadOutcome>;
  kill(): void;
}

/** See the head of this file. */
export class ConfigRollout {
  #config: Config;
  readonly #targets: readonly RolloutTarget[];
  readonly #logger: Logger;

  constructor(config: Config, targets: readonly RolloutTarget[], logger: Logger) {
    this.#config = config;
    this.#targets = targets;
    this.#logger = logger;
  }

  /** What workers have to go by, those that are started later included. */
  get config(): Config {
    return this.#config;
  }

  /** @throws {GatewayError} `GW_CONFIG` when the first worker does not take it over; nothing has changed then */
  async reload(config: Config): Promise<void> {
    const next = withAccessOf(this.#config, config);
    const first = this.#targets.find(({ isReady }) => isReady);
    if (first === undefined) throw new GatewayError('GW_CONFIG', 'no worker serves clients at the moment');
    const outcome = await first.reload(next);
    if (outcome.kind !== 'taken') throw new GatewayError('GW_CONFIG', reasonOf(outcome));
    // In the same turn as the questions: no worker begins in between with the old one.
    this.#config = next;
    const others = this.#targets.filter((one) => one !== first && one.hasBegun);
    await Promise.all(others.map((one) => this.#reloadOther(one)));
    const workers = others.length + 1;
    this.#logger.info({ event: 'cluster.reloaded', workers }, 'authentication reloaded in all workers');
  }

  /** Who must not come in any more must not come in anywhere: a worker that stays behind is replaced. */
  async #reloadOther(target: RolloutTarget): Promise<void> {
    const outcome = await target.reload(this.#config);
    if (outcome.kind === 'taken' || outcome.kind === 'gone') return;
    const fields = { event: 'worker.reload_failed', worker: target.worker, reason: reasonOf(outcome) };
    this.#logger.error(fields, 'a worker did not take over what others did: it is replaced');
    target.kill();
  }
}

function reasonOf(outcome: Exclude<ReloadOutcome, { kind: 'taken' }>): string {
  if (outcome.kind === 'refused') return outcome.reason;
  return outcome.kind === 'late' ? 'a worker takes too long to take it over' : 'a worker ended meanwhile';
}

/** Only that which a running gateway takes over: a worker that is started later must not differ from the others in more. */
function withAccessOf(
  config: Config,
  { authentication, noAuthUser, defaultPermissions, listeners }: Config,
): Config {
  const isAuthenticated = new Map(listeners.map((listener) => [listener.name, listener.isAuthenticated]));
  return {
    ...config,
    authentication,
    noAuthUser,
    defaultPermissions,
    listeners: config.listeners.map((listener) => ({
      ...listener,
      isAuthenticated: isAuthenticated.get(listener.name) ?? listener.isAuthenticated,
    })),
  };
}
