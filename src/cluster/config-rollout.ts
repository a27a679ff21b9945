/**
 * Brings a changed configuration to the workers: to one of them first, then to all. Lives in the primary; knows of
 * workers only how to ask them.
 */
import { takeOver } from '../config/changes.ts';
import type { Config } from '../config/config.ts';
import type { ReloadResult } from '../control/gateway-control.ts';
import { GatewayError } from '../errors.ts';
import type { ListenerAddress } from '../transport/listener.ts';
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

/** What a rollout needs of the primary. */
export interface RolloutOwner {
  /** What one worker gets of a configuration. */
  partOf(config: Config): Config;
  /** One worker works with it, and all others have to: what is not the workers' business changes now. */
  onTaken(config: Config, addresses: readonly ListenerAddress[]): void;
}

/** See the head of this file. */
export class ConfigRollout {
  #config: Config;
  readonly #targets: readonly RolloutTarget[];
  readonly #owner: RolloutOwner;
  readonly #logger: Logger;
  #last: Promise<unknown> = Promise.resolve();

  constructor(config: Config, targets: readonly RolloutTarget[], owner: RolloutOwner, logger: Logger) {
    this.#config = config;
    this.#targets = targets;
    this.#owner = owner;
    this.#logger = logger;
  }

  /** What workers have to go by, those that are started later included. */
  get config(): Config {
    return this.#config;
  }

  /**
   * One after the other.
   * @throws {GatewayError} `GW_CONFIG` when the first worker does not take it over; nothing has changed then
   */
  reload(wanted: Config): Promise<ReloadResult> {
    const result = this.#last.then(() => this.#reload(wanted));
    // Its failure is its caller's business.
    this.#last = result.catch(() => {});
    return result;
  }

  async #reload(wanted: Config): Promise<ReloadResult> {
    const { config, changed, needsRestart } = takeOver(this.#config, wanted);
    refuseOtherFreePorts(this.#config, config);
    const first = this.#targets.find(({ isReady }) => isReady);
    if (first === undefined) throw new GatewayError('GW_CONFIG', 'no worker serves clients at the moment');
    const outcome = await first.reload(this.#owner.partOf(config));
    // It may still take over later what nobody else will: the next process goes by the old one.
    if (outcome.kind === 'late') first.kill();
    if (outcome.kind !== 'taken') throw new GatewayError('GW_CONFIG', reasonOf(outcome));
    // In the same turn as the questions: no worker begins in between with the old one.
    this.#config = config;
    this.#owner.onTaken(config, outcome.addresses);
    const others = this.#targets.filter((one) => one !== first && one.hasBegun);
    await Promise.all(others.map((one) => this.#reloadOther(one)));
    return { changed, needsRestart };
  }

  /** Who must not come in any more must not come in anywhere: a worker that stays behind is replaced. */
  async #reloadOther(target: RolloutTarget): Promise<void> {
    const outcome = await target.reload(this.#owner.partOf(this.#config));
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

/** Workers share a free port by counting how many they have asked for: the count must be the same in all, whenever they start. */
function refuseOtherFreePorts(inForce: Config, wanted: Config): void {
  const free = ({ listeners }: Config) => listeners.filter(({ port }) => port === 0);
  const names = (config: Config) => free(config).map(({ name, host }) => `${name} ${host}`);
  if (names(inForce).join() === names(wanted).join()) return;
  const key = free(wanted)[0]?.bindKey ?? 'listeners';
  throw new GatewayError(
    'GW_CONFIG',
    `${key}: with several workers, listeners on any free port (0) come and go only with a restart; name a port`,
  );
}
