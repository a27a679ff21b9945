/**
 * A gateway of several processes, seen from the one that owns them. It serves no client itself: it starts workers
 * and replaces them, keeps the limits they share, and adds up what they do.
 */
import type { Config } from '../config/config.ts';
import { CIDS_PER_WORKER } from '../control/client-pages.ts';
import { DelegatedControl } from '../control/delegated-control.ts';
import type { GatewayControl, ReloadResult } from '../control/gateway-control.ts';
import type { Phase } from '../control/readiness.ts';
import type { TapMessage } from '../control/tap.ts';
import { GatewayError } from '../errors.ts';
import { type GatewayOverview, overviewOf } from '../metrics/gateway-view.ts';
import { createServerId } from '../session/server-id.ts';
import type { ListenerAddress } from '../transport/listener.ts';
import type { EmbeddedBroker } from '../upstream/embedded-broker.ts';
import type { Clock } from '../util/clock.ts';
import type { Logger } from '../util/logger.ts';
import { ClusterControl } from './cluster-control.ts';
import { startClusterBroker, warnOfSmallShare } from './cluster-start.ts';
import { ClusterTaps } from './cluster-taps.ts';
import { ConfigRollout } from './config-rollout.ts';
import { ConnectionLedger, limitsOf } from './connection-ledger.ts';
import type { StartMessage } from './messages.ts';
import { OutageBoard } from './outage-board.ts';
import type { Spawn } from './spawn.ts';
import { Turns } from './turns.ts';
import { partOf } from './worker-config.ts';
import { type SlotOwner, WorkerSlot } from './worker-slot.ts';

/** What a gateway of several processes is made of. */
export interface ClusterParts {
  readonly config: Config;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly spawn: Spawn;
}

/** Ids that a worker may have given out without the primary having heard of it. */
const UNHEARD_CIDS = 2 ** 16;
/** What a stop may take beyond the time that its workers have for it. */
const STOP_MARGIN_MS = 2_500;
/** Bound of a stop without drain, in a worker. */
const QUICK_STOP_MS = 1_000;

/** See the head of this file. */
export class ClusterGateway extends DelegatedControl implements SlotOwner, GatewayControl {
  /** Settles when it cannot go on; it has stopped then. */
  readonly failure: Promise<GatewayError>;
  /** Settles when a lame duck has no clients any more. */
  readonly retired: Promise<void>;
  readonly #parts: ClusterParts;
  readonly #serverId = createServerId();
  readonly #slots: readonly WorkerSlot[];
  readonly #rollout: ConfigRollout;
  readonly #taps: ClusterTaps;
  protected readonly control: ClusterControl;
  readonly #ledger: ConnectionLedger;
  readonly #outages = new OutageBoard();
  readonly #turns = new Turns<WorkerSlot>((slot) => slot.begin(this.#startMessage(slot.worker)));
  #addresses: readonly ListenerAddress[] = [];
  /** The ports are known, and nobody holds them any more: asking for "any" again would give others. */
  #isPortFixed = false;
  #broker: EmbeddedBroker | null = null;
  #onStarted: (error: GatewayError | null) => void = () => {};
  #onRetired: () => void = () => {};
  #onFailure: (error: GatewayError) => void = () => {};
  #isStarted = false;
  #isLameDuck = false;
  #starting: Promise<void> | null = null;
  #stopping: Promise<void> | null = null;

  constructor(parts: ClusterParts) {
    super();
    this.#parts = parts;
    const { config, spawn, clock, logger } = parts;
    this.failure = new Promise((resolve) => {
      this.#onFailure = resolve;
    });
    this.retired = new Promise((resolve) => {
      this.#onRetired = resolve;
    });
    this.#ledger = new ConnectionLedger(limitsOf(config));
    this.#slots = Array.from(
      { length: config.workers },
      (_, index) => new WorkerSlot({ worker: index + 1, spawn, owner: this, clock, logger }),
    );
    this.#rollout = new ConfigRollout(
      config,
      this.#slots,
      {
        partOf: (whole) => this.#partOf(whole),
        onTaken: (taken, addresses) => this.#onTaken(taken, addresses),
      },
      logger,
    );
    this.#taps = new ClusterTaps(this.#slots, clock);
    this.control = new ClusterControl({
      taps: this.#taps,
      serverId: this.#serverId,
      workers: this.#slots,
      clock,
      logger,
      now: () => ({ config: this.config, phase: this.#phase }),
    });
  }

  /** Of the gateway as a whole; each worker has its part. */
  get config(): Config {
    return this.#rollout.config;
  }

  /**
   * Resolves when all workers serve clients. To be called once.
   * @throws {GatewayError} what keeps a worker from starting, such as `GW_LISTEN`; nothing is left running then
   */
  async start(): Promise<void> {
    if (this.#starting !== null || this.#stopping !== null) {
      throw new GatewayError('GW_INTERNAL', 'a gateway starts once; create another one');
    }
    this.#starting = this.#startAll();
    try {
      await this.#starting;
    } catch (error) {
      await this.#giveUp();
      throw error;
    }
  }

  /**
   * Idempotent and bounded in time.
   * @throws {GatewayError} when a worker has not ended as it was told: something may be lost
   */
  stop({ drain }: { readonly drain: boolean }): Promise<void> {
    this.#stopping ??= this.#stop(drain);
    return this.#stopping;
  }

  /**
   * As a gateway of one process does: one worker tries, then all take it over.
   * @throws {GatewayError} `GW_CONFIG`; nothing has changed then
   */
  async reload(config: Config): Promise<ReloadResult> {
    if (this.#stopping !== null || this.#isLameDuck)
      throw new GatewayError('GW_CONFIG', 'the gateway is stopping');
    return await this.#rollout.reload(config);
  }

  get isLameDuck(): boolean {
    return this.#isLameDuck;
  }

  /** As a gateway of one process does: each worker ends its own clients. Resolves when it has begun. */
  async beginLameDuck(): Promise<void> {
    await this.#starting?.catch(() => {});
    if (this.#isLameDuck || this.#stopping !== null) return;
    this.#isLameDuck = true;
    const { lameDuckGraceMs, lameDuckDurationMs } = this.config;
    const fields = { clients: this.#ledger.size, grace_ms: lameDuckGraceMs, duration_ms: lameDuckDurationMs };
    const words = 'Lame duck: no new clients, those who are here are closed one by one';
    this.#parts.logger.info({ event: 'cluster.lame_duck', ...fields }, words);
    void Promise.all(this.#slots.map((slot) => slot.retire())).then(() => this.#onRetired());
  }

  /** Where clients connect; with the real ports once started. */
  addresses(): readonly ListenerAddress[] {
    return this.#addresses;
  }

  async overview(): Promise<GatewayOverview> {
    return overviewOf(await Promise.all(this.#slots.map((slot) => slot.report())));
  }

  onLoaded(slot: WorkerSlot): void {
    this.#turns.wait(slot);
  }

  onReady(slot: WorkerSlot, addresses: readonly ListenerAddress[]): void {
    if (this.#addresses.length === 0) this.#addresses = addresses;
    const isSame = addresses.every(({ name, port }) => {
      // During a reload some are there already, or still.
      const known = this.#addresses.find((one) => one.name === name);
      return known === undefined || known.port === port;
    });
    if (!isSame) throw new GatewayError('GW_INTERNAL', 'a worker does not listen where the others do');
    this.#turns.end(slot);
    this.#taps.onReady(slot);
    this.#outages.tell(this.#slots);
    if (this.#slots.every(({ isReady }) => isReady)) {
      this.#isStarted = true;
      this.#onStarted(null);
    }
  }

  onFailed(): boolean {
    return this.#isStarted;
  }

  onAsk({ worker }: WorkerSlot, cid: number, listener: string): boolean {
    return this.#ledger.admit(worker, cid, listener);
  }

  onLeft({ worker }: WorkerSlot, cid: number): void {
    this.#ledger.leave(worker, cid);
  }

  onAway({ worker }: WorkerSlot, areAway: boolean): void {
    this.#outages.set(worker, areAway);
    this.#outages.tell(this.#slots);
  }

  onAnswered(slot: WorkerSlot): void {
    for (const other of this.#slots) if (other !== slot && other.isReady) other.tell({ type: 'answered' });
  }

  onTap(_slot: WorkerSlot, id: number, message: TapMessage): void {
    this.#taps.onMessage(id, message);
  }

  onEnded(slot: WorkerSlot): void {
    this.#ledger.forget(slot.worker);
    this.#outages.forget(slot.worker);
    this.#outages.tell(this.#slots);
    this.#turns.end(slot);
  }

  onHopeless(error: GatewayError): void {
    if (this.#isStarted) void this.#giveUp().then(() => this.#onFailure(error));
    else this.#onStarted(error);
  }

  get #phase(): Phase {
    if (this.#stopping !== null) return 'closed';
    if (this.#isLameDuck) return 'lame_duck';
    return this.#isStarted ? 'serving' : 'starting';
  }

  async #startAll(): Promise<void> {
    this.#broker = await startClusterBroker(this.#parts.config, this.#parts.logger);
    // Told to stop meanwhile.
    if (this.#stopping !== null) return;
    warnOfSmallShare(this.#parts.config, this.#parts.logger);
    const started = new Promise<GatewayError | null>((resolve) => {
      this.#onStarted = resolve;
    });
    for (const slot of this.#slots) slot.open();
    const error = await started;
    if (error !== null) throw error;
  }

  #startMessage(worker: number): StartMessage {
    if (this.#addresses.length > 0 && !this.#slots.some(({ isReady }) => isReady)) this.#isPortFixed = true;
    const config = this.#partOf(this.config);
    const lastCid = this.#ledger.lastCid(worker);
    const cidBase = lastCid === 0 ? worker * CIDS_PER_WORKER : lastCid + UNHEARD_CIDS;
    return { type: 'start', worker, config, serverId: this.#serverId, cidBase };
  }

  /** What one worker gets. */
  #partOf(config: Config): Config {
    const { listeners } = this.config;
    // A listener that was there keeps the port it was given, whatever its place in the list is now.
    const portOf = (name: string) => this.#addresses[listeners.findIndex((one) => one.name === name)]?.port;
    const ports = config.listeners.map(({ name, port }) => (port === 0 ? (portOf(name) ?? 0) : port));
    return partOf(config, { ports: this.#isPortFixed ? ports : null, broker: this.#broker });
  }

  #onTaken(config: Config, addresses: readonly ListenerAddress[]): void {
    this.#addresses = addresses;
    this.#parts.logger.setLevel?.(config.log.level);
    this.#ledger.limits = limitsOf(config);
    for (const [worker, cids] of this.#ledger.surplus()) {
      this.#slots[worker - 1]?.tell({ type: 'surplus', cids });
    }
  }

  async #stop(isDrain: boolean): Promise<void> {
    const { clock, logger } = this.#parts;
    this.#onStarted(null);
    // What is still being opened could not be closed. A failure is thrown by start().
    await this.#starting?.catch(() => {});
    this.#taps.close();
    const limitMs = (isDrain ? this.config.shutdownTimeoutMs : QUICK_STOP_MS) + STOP_MARGIN_MS;
    const timer = clock.setTimeout(() => {
      logger.error({ event: 'cluster.stop_timeout', limitMs }, 'workers that do not stop are killed');
      for (const slot of this.#slots) slot.kill();
    }, limitMs);
    const areClean = await Promise.all(this.#slots.map((slot) => slot.stop(isDrain)));
    clock.clearTimeout(timer);
    await this.#broker?.close();
    if (areClean.includes(false))
      throw new GatewayError(
        'GW_INTERNAL',
        'a worker has ended before it could stop in order; see the log above',
      );
  }

  /** Stops because something else has gone wrong, which is what counts. */
  async #giveUp(): Promise<void> {
    try {
      await this.stop({ drain: false });
    } catch (error) {
      this.#parts.logger.error(
        { event: 'cluster.stop_failed', err: error },
        'not all workers stopped in order',
      );
    }
  }
}
