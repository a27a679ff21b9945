/**
 * The composition root: builds all parts from a configuration and knows in which order they start and stop.
 * Importing it has no side effects; one process may run several gateways.
 */
import { AccessControl } from './auth/access-control.ts';
import { PermissionChecks } from './auth/permission-check.ts';
import type { Config, ListenerConfig, UpstreamTlsConfig } from './config/config.ts';
import { GatewayError } from './errors.ts';
import { Counters } from './metrics/counters.ts';
import { type GatewayOverview, type GatewayView, overviewOf, processStatus } from './metrics/gateway-view.ts';
import { NO_USAGE, type UpstreamUsage } from './metrics/upstream-usage.ts';
import type { LiveSession, SessionServices } from './session/context.ts';
import { NameSpaces } from './session/name-spaces.ts';
import type { ClientPort } from './session/ports.ts';
import { createServerId } from './session/server-id.ts';
import { Session } from './session/session.ts';
import { CredentialStore } from './tls/credential-store.ts';
import { filterSubjects } from './translation/filter-subjects.ts';
import { createNameMapper } from './translation/subject-topic.ts';
import { WireHeaders } from './translation/wire-headers.ts';
import { Acceptor } from './transport/acceptor.ts';
import type { Admission } from './transport/admission.ts';
import type { Connection } from './transport/connection.ts';
import { ConnectionRegistry } from './transport/connection-registry.ts';
import { createListener } from './transport/create-listener.ts';
import { FlushScheduler } from './transport/flush-scheduler.ts';
import { InputAccount } from './transport/input-account.ts';
import type { Listener, ListenerAddress } from './transport/listener.ts';
import { PendingAccount } from './transport/pending-account.ts';
import type { CapabilityReport } from './upstream/capability-report.ts';
import type { BrokerTls } from './upstream/connect-options.ts';
import type { EmbeddedBroker } from './upstream/embedded-broker.ts';
import type { ProbeReport } from './upstream/probe/report.ts';
import type { RecoveryPeers } from './upstream/recovery.ts';
import { BrokerUpstream, type UpstreamOptions } from './upstream/upstream.ts';
import { systemClock } from './util/clock.ts';
import { type Logger, RepeatLimiter, silentLogger } from './util/logger.ts';

export type { Config } from './config/config.ts';
export { loadConfig } from './config/load.ts';
export type { CapabilityReport } from './upstream/capability-report.ts';

/** Optional parts of a gateway. */
export interface GatewayOptions {
  /** Nothing is logged when left out. */
  readonly logger?: Logger;
  /** Of a gateway that shares its addresses with other processes; left out: it is the only one. */
  readonly place?: WorkerPlace;
}

/** What the processes of one gateway agree on. */
export interface WorkerPlace {
  /** In INFO of all of them. */
  readonly serverId: string;
  /** The first connection id is one more. */
  readonly cidBase: number;
  readonly admission: Admission;
  readonly peers: RecoveryPeers;
}

/** How a gateway is stopped. */
export interface StopOptions {
  /** Wait, within `shutdown_timeout`, until the broker has acknowledged what clients have published. */
  readonly drain?: boolean;
}

/** A snapshot of what a gateway is doing. */
export interface GatewayStatus {
  readonly connections: number;
  readonly upstream: UpstreamUsage;
  readonly pendingBytes: number;
  /** What the broker can do, and what that means for clients; null before the start. */
  readonly broker: CapabilityReport | null;
  readonly counters: Counters;
}

/** A gateway between NATS clients and one MQTT broker. */
export interface Gateway extends GatewayView {
  /**
   * To be called once.
   * @throws {GatewayError} `GW_LISTEN` when an address cannot be used; nothing is left running then
   */
  start(): Promise<void>;
  /** Idempotent; ends in bounded time and leaves neither sockets nor timers. */
  stop(options?: StopOptions): Promise<void>;
  /**
   * Looks at all certificates, keys and authorities now; changed files are noticed within seconds anyway.
   * @returns whether what the files hold is in force everywhere; if not, the old stays and the log says why
   */
  reloadCertificates(): Promise<boolean>;
  /**
   * Takes over who may connect and what clients may do: `authentication`, `no_auth_user`, `default_permissions`, and which
   * listeners ask for credentials. Connected clients are checked once more. Everything else stays as it is.
   * @param onTaken called when the new methods are in use, before connected clients are checked
   * @throws {GatewayError} `GW_CONFIG` when the methods cannot be set up; nothing has changed then
   */
  reload(config: Config, onTaken?: () => void): Promise<void>;
  /** Where clients connect; with the real ports once started. */
  addresses(): ListenerAddress[];
  status(): GatewayStatus;
}

/**
 * Builds a gateway; it does nothing before `start()`.
 * @param config from `loadConfig`
 */
export function createGateway(config: Config, options: GatewayOptions = {}): Gateway {
  return new ComposedGateway(config, options.logger ?? silentLogger, options.place ?? null);
}

/** Frame overhead allowed on top of a payload and its control line. */
const FRAME_SLACK_BYTES = 64 * 1024;
/** The upgrade request may take as long as CONNECT, and a little more. */
const HANDSHAKE_MARGIN_MS = 1_000;
/** Clients that a reload checks at the same time. */
const RECHECKS_AT_A_TIME = 16;
/** Bound of a stop without drain. */
const QUICK_STOP_MS = 1_000;

/** What the embedded broker is known to do: no probe is needed for it. */
const EMBEDDED_REPORT: ProbeReport = {
  requiresCredentials: false,
  speaksOnlyMqtt311: false,
  // It does not say so itself, but it can be asked.
  noMatchingSubscribers: true,
  overlap: 'single',
  splitsByQoS: false,
  sharedSubscriptions: false,
  mixesSharedAndPlain: null,
  dollarTopics: 'works',
  wildcardsMatchDollar: false,
  dots: 'works',
  delaysSmallWrites: false,
};

class ComposedGateway implements Gateway {
  #config: Config;
  #logger: Logger;
  #place: WorkerPlace | null;
  #readySinceMs: number | null = null;
  #counters = new Counters();
  #registry: ConnectionRegistry<Connection>;
  #pending: PendingAccount;
  #listeners: Listener[] = [];
  #certificates: CredentialStore;
  #upstream: BrokerUpstream | null = null;
  #broker: EmbeddedBroker | null = null;
  #access: AccessControl;
  #sessions = new Set<LiveSession>();
  #starting: Promise<void> | null = null;
  #stopping: Promise<void> | null = null;

  constructor(config: Config, logger: Logger, place: WorkerPlace | null) {
    this.#config = config;
    this.#logger = logger;
    this.#place = place;
    this.#certificates = new CredentialStore(logger);
    const { maxConnections } = config;
    this.#registry = new ConnectionRegistry({ maxConnections, cidBase: place?.cidBase ?? 0 });
    this.#pending = new PendingAccount(config.maxTotalPendingBytes);
    const mapper = createNameMapper({ ...config.mapping, mountpoint: '' });
    this.#access = new AccessControl(config.authFailureDelayMs, {
      logger,
      clock: systemClock,
      counters: this.#counters.auth,
      subjectsOfFilter: (filter) => filterSubjects(mapper, filter),
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
    this.#logger.info(
      { event: 'gateway.ready', upstream: shownUrl(this.#config.upstream.url) },
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

  async reload(config: Config, onTaken: () => void = () => {}): Promise<void> {
    await this.#access.load(config);
    onTaken();
    const sessions = [...this.#sessions];
    // A few at a time: the backends of the methods have others to serve.
    const worker = async (): Promise<void> => {
      for (let one = sessions.pop(); one !== undefined; one = sessions.pop()) await one.reauthorize();
    };
    await Promise.all(Array.from({ length: RECHECKS_AT_A_TIME }, worker));
    await this.reloadCertificates();
    this.#logger.info({ event: 'gateway.reloaded', clients: this.#sessions.size }, 'authentication reloaded');
  }

  addresses(): ListenerAddress[] {
    return this.#listeners.map((listener) => listener.address);
  }

  status(): GatewayStatus {
    return {
      connections: this.#registry.size,
      upstream: this.#upstream?.usage ?? NO_USAGE,
      pendingBytes: this.#pending.totalBytes,
      broker: this.#upstream?.capabilities ?? null,
      counters: this.#counters,
    };
  }

  overview(): Promise<GatewayOverview> {
    const uptimeMs = this.#readySinceMs === null ? 0 : Math.round(systemClock.now() - this.#readySinceMs);
    const only = { worker: 0, pid: process.pid, uptimeMs, restarts: 0, isCurrent: true };
    return Promise.resolve(overviewOf([{ ...only, ...processStatus(this.status()) }]));
  }

  async #startParts(): Promise<void> {
    await this.#access.load(this.#config);
    await this.#startUpstream();
    this.#listeners = this.#buildListeners();
    for (const [index, listener] of this.#listeners.entries()) await this.#listen(listener, index);
  }

  async #startUpstream(): Promise<void> {
    const { upstream } = this.#config;
    if (upstream.isEmbedded) {
      const { startEmbeddedBroker } = await import('./upstream/embedded-broker.ts');
      const { embeddedHost: host, embeddedPort: port } = upstream;
      this.#broker = await startEmbeddedBroker({ host, port, logger: this.#logger });
    }
    this.#upstream = new BrokerUpstream(this.#upstreamOptions(), this.#logger, this.#counters);
  }

  #upstreamOptions(): UpstreamOptions {
    const { upstream, mapping } = this.#config;
    return {
      broker: {
        url: this.#broker?.url ?? upstream.url,
        protocolVersion: upstream.protocolVersion,
        keepaliveMs: upstream.keepaliveMs,
        connectTimeoutMs: upstream.connectTimeoutMs,
        ackTimeoutMs: upstream.ackTimeoutMs,
        maxInflight: upstream.maxInflight,
        isFastPath: upstream.isFastPath,
        tls: upstream.tls === null ? null : this.#brokerTls(upstream.tls),
      },
      outageGraceMs: upstream.outageGraceMs,
      mode: upstream.mode,
      poolSize: upstream.poolSize,
      sessions: upstream.sessions,
      authRequired: upstream.authRequired,
      probe: upstream.probe,
      maxUnackedBytes: this.#config.maxTotalInputBytes,
      service:
        upstream.username === null
          ? null
          : { username: upstream.username, password: upstream.password ?? undefined },
      wantsRetained: mapping.retained === 'deliver',
      knownReport: this.#broker === null ? null : EMBEDDED_REPORT,
      usesDollarTopics: this.#usesDollarTopics,
      hasSubscribers: this.#broker?.hasSubscribers.bind(this.#broker) ?? null,
      peers: this.#place?.peers,
    };
  }

  /** Under a mountpoint no topic begins with what the client has written. */
  get #usesDollarTopics(): boolean {
    const { listeners, mapping, mountpoint } = this.#config;
    return !mapping.escapeDollar && listeners.some((listener) => (listener.mountpoint ?? mountpoint) === '');
  }

  #brokerTls(tls: UpstreamTlsConfig): BrokerTls {
    if (!tls.verify) {
      this.#logger.warn(
        { event: 'upstream.unverified' },
        'upstream.tls.verify is false: anyone on the way to the broker can pose as the broker',
      );
    }
    return { ...tls, credentials: this.#certificates.open(tls) };
  }

  #buildListeners(): Listener[] {
    const config = this.#config;
    const context = {
      limits: {
        maxControlLineBytes: config.maxControlLineBytes,
        maxPendingBytes: config.maxPendingBytes,
        writeDeadlineMs: config.writeDeadlineMs,
      },
      scheduler: new FlushScheduler(),
      pending: this.#pending,
      input: new InputAccount(config.maxTotalInputBytes, systemClock),
      clock: systemClock,
      logger: this.#logger,
    };
    const createSession = this.#sessionFactory();
    const admission = this.#place?.admission;
    const acceptor = new Acceptor({ context, registry: this.#registry, createSession, admission });
    const parts = {
      acceptor,
      certificates: this.#certificates,
      logger: this.#logger,
      webSocketHandshakeMs: config.authTimeoutMs + HANDSHAKE_MARGIN_MS,
      maxMessageBytes: config.maxPayloadBytes + config.maxControlLineBytes + FRAME_SLACK_BYTES,
    };
    return config.listeners.map((listener) => createListener(listener, parts));
  }

  #sessionFactory(): (client: ClientPort) => Session {
    const config = this.#config;
    const upstream = this.#upstream;
    if (upstream === null) throw new GatewayError('GW_INTERNAL', 'listeners before upstream');
    const services: SessionServices = {
      options: {
        serverId: this.#place?.serverId ?? createServerId(),
        serverName: config.serverName,
        maxPayloadBytes: config.maxPayloadBytes,
        maxSubscriptions: config.maxSubscriptions,
        authTimeoutMs: config.authTimeoutMs,
        idleTimeoutMs: config.idleTimeoutMs,
        pingIntervalMs: config.pingIntervalMs,
        pingTimeoutMs: config.pingTimeoutMs,
        clientInfo: config.clientInfo,
        controlHeaders: config.controlHeaders,
      },
      upstream,
      clock: systemClock,
      logger: this.#logger,
      limitedLog: new RepeatLimiter(this.#logger, systemClock),
      counters: this.#counters,
      wireHeaders: new WireHeaders(),
      failureDelay: this.#access.failureDelay,
      permissionChecks: new PermissionChecks(),
      live: this.#sessions,
    };
    const spaces = new Map(config.listeners.map((listener) => [listener.name, this.#nameSpaces(listener)]));
    return (client) => {
      const { listener } = client.peer;
      const space = spaces.get(listener);
      const access = this.#access.at(listener);
      if (space === undefined || access === undefined)
        throw new GatewayError('GW_INTERNAL', 'a connection of no listener');
      return new Session(services, client, { spaces: space, access });
    };
  }

  #nameSpaces(listener: ListenerConfig): NameSpaces {
    const { mapping, mountpoint, rules } = this.#config;
    return new NameSpaces({
      mapping: {
        profile: mapping.profile,
        escapeDollar: mapping.escapeDollar,
        allowDollar: mapping.allowDollar,
        // The embedded broker disconnects publishers of deeper topics.
        maxLevels: Math.min(mapping.maxLevels, this.#broker?.maxLevels ?? mapping.maxLevels),
        maxTopicBytes: mapping.maxTopicBytes,
      },
      mountpoint: listener.mountpoint ?? mountpoint,
      listener: listener.name,
      rules: rules.map(({ subject, qos, retain, messageExpirySeconds }) => ({
        subject,
        qos,
        retain,
        messageExpiry: messageExpirySeconds,
      })),
    });
  }

  async #listen(listener: Listener, index: number): Promise<void> {
    try {
      await listener.start();
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      const key = this.#config.listeners[index]?.bindKey;
      const flag = ['tcp', 'tls'].includes(listener.address.type) ? '-p' : '--set';
      throw new GatewayError(error.code, error.message, {
        cause: error,
        context: { ...error.context, key, flag },
      });
    }
  }

  async #stop(isDrain: boolean): Promise<void> {
    this.#logger.info({ event: 'gateway.stopping', drain: isDrain }, 'Gateway stops');
    // What is still being opened could not be closed. A failure is thrown by start().
    await this.#starting?.catch(() => {});
    await Promise.all(this.#listeners.map((listener) => listener.close()));
    for (const { connection } of [...this.#registry.live()]) connection.close('Server Shutdown');
    const limitMs = isDrain ? this.#config.shutdownTimeoutMs : QUICK_STOP_MS;
    const isDone = await this.#upstream?.stop(limitMs);
    if (isDone === false)
      this.#logger.warn({ event: 'gateway.drain_incomplete' }, 'not everything was acknowledged');
    for (const { connection } of [...this.#registry.live()]) connection.abort('Server Shutdown');
    await this.#broker?.close();
    this.#certificates.close();
    await this.#access.close();
    this.#logger.info({ event: 'gateway.stopped' }, 'Gateway stopped');
  }
}

/** A broker URL for the log: its query may hold a token. */
function shownUrl(url: string): string {
  return url.split('?')[0] ?? '';
}
