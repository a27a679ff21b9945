/** Builds what serves clients from the configuration: listeners, and the sessions of those who come in. */

import { isDeepStrictEqual } from 'node:util';
import type { AccessControl } from '../auth/access-control.ts';
import { PermissionChecks } from '../auth/permission-check.ts';
import type { Config, ListenerConfig } from '../config/config.ts';
import { GatewayError } from '../errors.ts';
import type { Counters } from '../metrics/counters.ts';
import type { SubscriptionGauge } from '../metrics/subscription-gauge.ts';
import { MessageWriter } from '../nats/message-writer.ts';
import type { LiveSession, SessionServices } from '../session/context.ts';
import type { PublishRule } from '../session/name-space.ts';
import { type NameSpaceOptions, NameSpaces } from '../session/name-spaces.ts';
import type { ClientPort } from '../session/ports.ts';
import { Session } from '../session/session.ts';
import type { TapHub } from '../session/tap-hub.ts';
import type { CredentialStore } from '../tls/credential-store.ts';
import { WireHeaders } from '../translation/wire-headers.ts';
import { Acceptor } from '../transport/acceptor.ts';
import type { Admission } from '../transport/admission.ts';
import type { Connection } from '../transport/connection.ts';
import type { ConnectionRegistry } from '../transport/connection-registry.ts';
import { createListener, type ListenerSettings } from '../transport/create-listener.ts';
import { FlushScheduler } from '../transport/flush-scheduler.ts';
import { InputAccount } from '../transport/input-account.ts';
import { ListenerSet } from '../transport/listener-set.ts';
import type { PendingAccount } from '../transport/pending-account.ts';
import type { BrokerUpstream } from '../upstream/upstream.ts';
import { systemClock } from '../util/clock.ts';
import { type Logger, RepeatLimiter } from '../util/logger.ts';
import type { PreparedChange } from '../util/prepared-change.ts';
import { LiveSettings } from './live-settings.ts';

/** What clients are served with. */
export interface ClientNeeds {
  /** At the start. */
  readonly config: Config;
  readonly serverId: string;
  readonly logger: Logger;
  readonly counters: Counters;
  readonly certificates: CredentialStore;
  readonly registry: ConnectionRegistry<Connection>;
  readonly pending: PendingAccount;
  /** Of a gateway that shares its limits with other processes; undefined: the registry decides. */
  readonly admission: Admission | undefined;
  readonly access: AccessControl;
  readonly sessions: Set<LiveSession>;
  readonly subscriptionGauge: SubscriptionGauge;
  readonly taps: TapHub;
  readonly upstream: BrokerUpstream;
  /** Of the embedded broker, which disconnects publishers of deeper topics; null: no such limit. */
  readonly maxLevels: number | null;
}

/** Frame overhead allowed on top of a payload and its control line. */
const FRAME_SLACK_BYTES = 64 * 1024;
/** The upgrade request may take as long as CONNECT, and a little more. */
const HANDSHAKE_MARGIN_MS = 1_000;

/** See the head of this file. */
export class ClientParts {
  readonly settings: LiveSettings;
  readonly listeners: ListenerSet<ListenerSettings>;
  readonly #needs: ClientNeeds;
  readonly #input: InputAccount;
  /** By listener. */
  #spaces: ReadonlyMap<string, NameSpaces> = new Map();
  #rules: readonly PublishRule[] = [];

  /** Nothing listens yet. */
  constructor(needs: ClientNeeds) {
    const { config, logger, counters, registry, admission, pending, certificates } = needs;
    this.#needs = needs;
    this.settings = new LiveSettings(config, needs.serverId);
    this.#input = new InputAccount(config.maxTotalInputBytes, systemClock);
    this.#rules = publishRules(config);
    this.#spaces = this.#spacesFor(config, this.#rules);
    const context = {
      limits: this.settings.limits,
      scheduler: new FlushScheduler(),
      pending,
      input: this.#input,
      clock: systemClock,
      logger,
    };
    const createSession = this.#sessionFactory();
    const acceptor = new Acceptor({ context, registry, counters, createSession, admission });
    const parts = { acceptor, certificates, counters, logger };
    this.listeners = new ListenerSet((plan) => createListener(plan, parts), logger);
  }

  /** @throws {GatewayError} `GW_LISTEN`, naming the setting of the address, and `GW_CONFIG` for certificates */
  start(): Promise<void> {
    return this.listeners.start(listenerPlans(this.#needs.config));
  }

  /**
   * Everything that clients are served with, but for who may connect.
   * @throws {GatewayError} as {@link ClientParts.start}; everything is as before then
   */
  async prepare(config: Config): Promise<PreparedChange> {
    const wantedRules = publishRules(config);
    const rules = isDeepStrictEqual(this.#rules, wantedRules) ? this.#rules : wantedRules;
    const spaces = this.#spacesFor(config, rules);
    const listeners = await this.listeners.prepare(listenerPlans(config));
    const { registry, pending, sessions } = this.#needs;
    return {
      abandon: () => listeners.abandon(),
      commit: () => {
        this.settings.take(config);
        registry.maxConnections = config.maxConnections;
        pending.maxBytes = config.maxTotalPendingBytes;
        this.#input.maxBytes = config.maxTotalInputBytes;
        for (const one of spaces.values()) one.useRules(rules);
        this.#rules = rules;
        this.#spaces = spaces;
        listeners.commit();
        this.#closeClientsOf(listeners.removed);
        for (const session of [...sessions]) {
          const place = spaces.get(session.listener);
          if (place !== undefined) session.useSpaces(place);
        }
        this.#closeSurplus(config);
      },
    };
  }

  /** Nobody can come in where they have come in: they go elsewhere, or come in at another listener. */
  #closeClientsOf(removed: readonly string[]): void {
    for (const connection of [...this.#needs.registry.live()]) {
      if (removed.includes(connection.peer.listener)) connection.close('Server Shutdown');
    }
  }

  /** As in nats-server, a lower limit ends connections that are there; here those that came last. */
  #closeSurplus({ maxConnections, listeners }: Config): void {
    const { registry, admission } = this.#needs;
    // With several processes somebody else counts.
    if (admission !== undefined) return;
    const surplus = new Set(registry.latest(registry.size - maxConnections));
    for (const { name, maxConnections: limit } of listeners) {
      if (limit === 0) continue;
      for (const one of registry.latest(registry.countOf(name) - limit, name)) surplus.add(one);
    }
    for (const connection of surplus) {
      connection.fail(new GatewayError('GW_MAX_CONNECTIONS', 'the limit of connections was lowered'));
    }
  }

  /** Those that would be the same are the same, with what they have cached. */
  #spacesFor(config: Config, rules: readonly PublishRule[]): Map<string, NameSpaces> {
    const { maxLevels } = this.#needs;
    return new Map(
      config.listeners.map((listener) => {
        const one = { ...nameSpaceOptions(listener, config, maxLevels), rules };
        const current = this.#spaces.get(one.listener);
        return [one.listener, current?.hasSameNames(one) === true ? current : new NameSpaces(one)] as const;
      }),
    );
  }

  #sessionFactory(): (client: ClientPort) => Session {
    const { access } = this.#needs;
    const services = this.#sessionServices();
    return (client) => {
      const { listener } = client.peer;
      const space = this.#spaces.get(listener);
      const point = access.at(listener);
      if (space === undefined || point === undefined)
        throw new GatewayError('GW_INTERNAL', 'a connection of no listener');
      return new Session(services, client, { spaces: space, access: point });
    };
  }

  #sessionServices(): SessionServices {
    const { logger, upstream, counters, access, sessions, subscriptionGauge, taps } = this.#needs;
    return {
      options: this.settings.sessions,
      upstream,
      clock: systemClock,
      logger,
      limitedLog: new RepeatLimiter(logger, systemClock),
      counters,
      wireHeaders: new WireHeaders(),
      messageWriter: new MessageWriter(),
      failureDelay: access.failureDelay,
      permissionChecks: new PermissionChecks(),
      live: sessions,
      subscriptionGauge,
      taps,
    };
  }
}

function listenerPlans(config: Config): ListenerSettings[] {
  return config.listeners.map((listener) => {
    const isWebSocket = listener.type === 'ws' || listener.type === 'wss';
    const plan = {
      ...listener,
      webSocketHandshakeMs: isWebSocket ? config.authTimeoutMs + HANDSHAKE_MARGIN_MS : 0,
      maxMessageBytes: isWebSocket
        ? config.maxPayloadBytes + config.maxControlLineBytes + FRAME_SLACK_BYTES
        : 0,
    };
    return { ...plan, signature: signatureOf(plan) };
  });
}

/** Of everything that a listener is made of; where it stands in the list makes no difference, nor what its sessions are made of. */
function signatureOf(plan: ListenerConfig): string {
  const { bindKey: _key, mountpoint: _mountpoint, isAuthenticated: _isAuthenticated, tls, ...rest } = plan;
  // JSON knows no Infinity.
  return JSON.stringify({ ...rest, tls: tls && { ...tls, path: '', infoDelayMs: String(tls.infoDelayMs) } });
}

function nameSpaceOptions(
  listener: ListenerConfig,
  config: Config,
  maxLevels: number | null,
): Omit<NameSpaceOptions, 'rules'> {
  const { mapping, mountpoint } = config;
  return {
    mapping: {
      profile: mapping.profile,
      escapeDollar: mapping.escapeDollar,
      allowDollar: mapping.allowDollar,
      maxLevels: Math.min(mapping.maxLevels, maxLevels ?? mapping.maxLevels),
      maxTopicBytes: mapping.maxTopicBytes,
    },
    mountpoint: listener.mountpoint ?? mountpoint,
    listener: listener.name,
  };
}

function publishRules({ rules }: Config): PublishRule[] {
  return rules.map(({ subject, qos, retain, messageExpirySeconds }) => ({
    subject,
    qos,
    retain,
    messageExpiry: messageExpirySeconds,
  }));
}
