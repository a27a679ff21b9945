/**
 * The composition root: builds all parts from a configuration and knows in which order they start and stop.
 * Importing it has no side effects; one process may run several gateways.
 */
import { AccessControl } from './auth/access-control.ts';
import type { Config } from './config/config.ts';
import { DelegatedControl } from './control/delegated-control.ts';
import type { ReloadResult } from './control/gateway-control.ts';
import { GatewayError } from './errors.ts';
import { type BrokerNeeds, openBroker, prepareBroker, shownUrl } from './gateway/broker-parts.ts';
import { ClientParts } from './gateway/client-parts.ts';
import type { Gateway, GatewayOptions, GatewayStatus, StopOptions, WorkerPlace } from './gateway/gateway.ts';
import { LameDuck } from './gateway/lame-duck.ts';
import { ProcessControl, type RunningParts } from './gateway/process-control.ts';
import { Reloader, type ReloadParts } from './gateway/reload.ts';
import { Counters } from './metrics/counters.ts';
import { type GatewayOverview, overviewOf, processStatus } from './metrics/gateway-view.ts';
import { ProcessMeter } from './metrics/process-figures.ts';
import { SubscriptionGauge } from './metrics/subscription-gauge.ts';
import { NO_USAGE } from './metrics/upstream-usage.ts';
import type { LiveSession } from './session/context.ts';
import { createServerId } from './session/server-id.ts';
import { TapHub } from './session/tap-hub.ts';
import { CredentialStore } from './tls/credential-store.ts';
import { filterSubjects } from './translation/filter-subjects.ts';
import { createNameMapper, type NameMapper } from './translation/subject-topic.ts';
import type { Connection } from './transport/connection.ts';
import { ConnectionRegistry } from './transport/connection-registry.ts';
import type { ListenerAddress } from './transport/listener.ts';
import { PendingAccount } from './transport/pending-account.ts';
import type { EmbeddedBroker } from './upstream/embedded-broker.ts';
import type { BrokerUpstream } from './upstream/upstream.ts';
import { systemClock } from './util/clock.ts';
import { type Logger, silentLogger } from './util/logger.ts';
import type { PreparedChange } from './util/prepared-change.ts';

export type { Config } from './config/config.ts';
export { loadConfig } from './config/load.ts';
export type { Gateway, GatewayOptions, GatewayStatus, StopOptions, WorkerPlace } from './gateway/gateway.ts';
export type { CapabilityReport } from './upstream/capability-report.ts';

/**
 * Builds a gateway; it does nothing before `start()`.
 * @param config from `loadConfig`
 */
export function createGateway(config: Config, options: GatewayOptions = {}): Gateway {
  return new ComposedGateway(config, options.logger ?? silentLogger, options.place ?? null);
}

/** Bound of a stop without drain. */
const QUICK_STOP_MS = 1_000;

class ComposedGateway extends DelegatedControl implements Gateway {
  #reloader: Reloader;
  #logger: Logger;
  #place: WorkerPlace | null;
  #readySinceMs: number | null = null;
  #counters = new Counters();
  #meter = new ProcessMeter();
  #subscriptions = new SubscriptionGauge();
  #taps: TapHub;
  #registry: ConnectionRegistry<Connection>;
  #pending: PendingAccount;
  #certificates: CredentialStore;
  #upstream: BrokerUpstream | null = null;
  #clients: ClientParts | null = null;
  #broker: EmbeddedBroker | null = null;
  #access: AccessControl;
  protected readonly control: ProcessControl;
  /** For access lists that are written in topics. */
  #mapper: NameMapper;
  #sessions = new Set<LiveSession>();
  #lameDuck: LameDuck;
  #starting: Promise<void> | null = null;
  #stopping: Promise<void> | null = null;

  constructor(config: Config, logger: Logger, place: WorkerPlace | null) {
    super();
    this.#reloader = new Reloader(config, logger);
    this.#logger = logger;
    this.#place = place;
    this.#certificates = new CredentialStore(logger);
    this.#taps = new TapHub(systemClock, logger);
    const { maxConnections } = config;
    this.#registry = new ConnectionRegistry({ maxConnections, cidBase: place?.cidBase ?? 0 });
    this.#lameDuck = new LameDuck({ registry: this.#registry, clock: systemClock, logger });
    this.#pending = new PendingAccount(config.maxTotalPendingBytes);
    this.#mapper = createNameMapper({ ...config.mapping, mountpoint: '' });
    this.#access = new AccessControl(config.authFailureDelayMs, {
      logger,
      clock: systemClock,
      counters: this.#counters.auth,
      subjectsOfFilter: (filter) => filterSubjects(this.#mapper, filter),
    });
    this.control = new ProcessControl({
      serverId: place?.serverId ?? createServerId(),
      cidBase: place?.cidBase ?? 0,
      registry: this.#registry,
      counters: this.#counters,
      certificates: this.#certificates,
      access: this.#access,
      taps: this.#taps,
      now: () => this.#running,
    });
  }

  async start(): Promise<void> {
    if (this.#starting !== null || this.#stopping !== null) {
      throw new GatewayError('GW_INTERNAL', 'a gateway starts once; create another one');
    }
    this.#starting = this.#startParts();
    try {
      await this.#starting;
    } catch (error) {
      await this.stop();
      throw error;
    }
    if (this.#stopping !== null) return;
    this.#upstream?.start();
    this.#readySinceMs = systemClock.now();
    this.#meter.start();
    this.#logger.info(
      { event: 'gateway.ready', upstream: shownUrl(this.config.upstream.url) },
      'Gateway is ready',
    );
  }

  stop(options: StopOptions = {}): Promise<void> {
    this.#stopping ??= this.#stop(options.drain ?? false);
    return this.#stopping;
  }

  reloadCertificates(): Promise<boolean> {
    return this.#certificates.reload();
  }

  get config(): Config {
    return this.#reloader.config;
  }

  async reload(config: Config, onTaken: () => void = () => {}): Promise<ReloadResult> {
    const result = await this.#reloader.reload(this.#reloadParts(), config, onTaken);
    await this.reloadCertificates();
    return result;
  }

  get retired(): Promise<void> {
    return this.#lameDuck.over;
  }

  get isLameDuck(): boolean {
    return this.#lameDuck.isActive;
  }

  async beginLameDuck(): Promise<void> {
    await this.#starting?.catch(() => {});
    const clients = this.#clients;
    if (clients === null || this.#stopping !== null) return;
    await clients.listeners.close();
    clients.settings.beginLameDuck();
    const times = { graceMs: this.config.lameDuckGraceMs, durationMs: this.config.lameDuckDurationMs };
    this.#lameDuck.begin(times, () => {
      for (const session of this.#sessions) session.sendInfo();
    });
  }

  endSurplus(cids: readonly number[]): void {
    for (const cid of cids) {
      const error = new GatewayError('GW_MAX_CONNECTIONS', 'the limit of connections was lowered');
      this.#registry.get(cid)?.fail(error);
    }
  }

  addresses(): ListenerAddress[] {
    return this.#clients?.listeners.addresses ?? [];
  }

  status(): GatewayStatus {
    return {
      connections: this.#registry.size,
      subscriptions: this.#subscriptions,
      upstream: this.#upstream?.usage ?? NO_USAGE,
      pendingBytes: this.#pending.totalBytes,
      process: this.#meter.figures(),
      broker: this.#upstream?.capabilities ?? null,
      counters: this.#counters,
    };
  }

  overview(): Promise<GatewayOverview> {
    const uptimeMs = this.#readySinceMs === null ? 0 : Math.round(systemClock.now() - this.#readySinceMs);
    const only = { worker: 0, pid: process.pid, uptimeMs, restarts: 0, isCurrent: true };
    return Promise.resolve(overviewOf([{ ...only, ...processStatus(this.status()) }]));
  }

  get #running(): RunningParts {
    return {
      config: this.config,
      phase: this.#phase,
      listeners: this.#clients?.listeners.all ?? [],
      upstream: this.#upstream,
    };
  }

  get #phase(): RunningParts['phase'] {
    if (this.#stopping !== null) return 'closed';
    if (this.isLameDuck) return 'lame_duck';
    return this.#readySinceMs === null ? 'starting' : 'serving';
  }

  async #startParts(): Promise<void> {
    const { config } = this;
    const logger = this.#logger;
    const counters = this.#counters;
    const certificates = this.#certificates;
    await this.#access.load(config);
    const { broker, upstream } = await openBroker(this.#brokerNeeds());
    this.#broker = broker;
    this.#upstream = upstream;
    this.#clients = new ClientParts({
      config,
      logger,
      counters,
      certificates,
      upstream,
      serverId: this.identity.serverId,
      registry: this.#registry,
      pending: this.#pending,
      admission: this.#place?.admission,
      access: this.#access,
      sessions: this.#sessions,
      subscriptionGauge: this.#subscriptions,
      taps: this.#taps,
      maxLevels: broker?.maxLevels ?? null,
    });
    await this.#clients.start();
  }

  #brokerNeeds(): BrokerNeeds {
    const peers = this.#place?.peers;
    const { config } = this;
    return {
      config,
      logger: this.#logger,
      counters: this.#counters,
      certificates: this.#certificates,
      peers,
    };
  }

  #reloadParts(): ReloadParts {
    const [clients, upstream] = [this.#clients, this.#upstream];
    if (clients === null || upstream === null)
      throw new GatewayError('GW_CONFIG', 'the gateway has not started yet');
    return {
      access: this.#access,
      sessions: this.#sessions,
      isRunning: () => this.#stopping === null && !this.isLameDuck,
      others: [
        (config) => prepareBroker(this.#brokerNeeds(), upstream, config),
        (config) => clients.prepare(config),
        (config) => this.#prepareMapper(config),
      ],
    };
  }

  #prepareMapper(config: Config): PreparedChange {
    const mapper = createNameMapper({ ...config.mapping, mountpoint: '' });
    return {
      commit: () => {
        this.#mapper = mapper;
      },
      abandon: async () => {},
    };
  }

  async #stop(isDrain: boolean): Promise<void> {
    this.#logger.info({ event: 'gateway.stopping', drain: isDrain }, 'Gateway stops');
    // What is still being opened could not be closed. A failure is thrown by start().
    await this.#starting?.catch(() => {});
    this.#lameDuck.stop();
    this.#taps.close();
    await this.#clients?.listeners.close();
    for (const connection of [...this.#registry.live()]) connection.close('Server Shutdown');
    const limitMs = isDrain ? this.config.shutdownTimeoutMs : QUICK_STOP_MS;
    const isDone = await this.#upstream?.stop(limitMs);
    if (isDone === false)
      this.#logger.warn({ event: 'gateway.drain_incomplete' }, 'not everything was acknowledged');
    for (const connection of [...this.#registry.live()]) connection.abort('Server Shutdown');
    await this.#broker?.close();
    this.#certificates.close();
    this.#meter.close();
    await this.#access.close();
    this.#logger.info({ event: 'gateway.stopped' }, 'Gateway stopped');
  }
}
