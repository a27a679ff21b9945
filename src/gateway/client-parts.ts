/** Builds what serves clients from the configuration: listeners, and the sessions of those who come in. */
import type { AccessControl } from '../auth/access-control.ts';
import { PermissionChecks } from '../auth/permission-check.ts';
import type { Config, ListenerConfig } from '../config/config.ts';
import { GatewayError } from '../errors.ts';
import type { Counters } from '../metrics/counters.ts';
import type { SubscriptionGauge } from '../metrics/subscription-gauge.ts';
import type { LiveSession, SessionServices } from '../session/context.ts';
import { NameSpaces } from '../session/name-spaces.ts';
import type { ClientPort } from '../session/ports.ts';
import { Session } from '../session/session.ts';
import type { CredentialStore } from '../tls/credential-store.ts';
import { WireHeaders } from '../translation/wire-headers.ts';
import { Acceptor } from '../transport/acceptor.ts';
import type { Admission } from '../transport/admission.ts';
import type { Connection } from '../transport/connection.ts';
import type { ConnectionRegistry } from '../transport/connection-registry.ts';
import { createListener } from '../transport/create-listener.ts';
import { FlushScheduler } from '../transport/flush-scheduler.ts';
import { InputAccount } from '../transport/input-account.ts';
import type { Listener } from '../transport/listener.ts';
import type { PendingAccount } from '../transport/pending-account.ts';
import type { BrokerUpstream } from '../upstream/upstream.ts';
import { systemClock } from '../util/clock.ts';
import { type Logger, RepeatLimiter } from '../util/logger.ts';

/** What clients are served with. */
export interface ClientNeeds {
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
  readonly upstream: BrokerUpstream;
  /** Of the embedded broker, which disconnects publishers of deeper topics; null: no such limit. */
  readonly maxLevels: number | null;
}

/** Frame overhead allowed on top of a payload and its control line. */
const FRAME_SLACK_BYTES = 64 * 1024;
/** The upgrade request may take as long as CONNECT, and a little more. */
const HANDSHAKE_MARGIN_MS = 1_000;

/**
 * The listeners of the configuration, in its order; they do not listen yet.
 * @throws {GatewayError} `GW_CONFIG` when certificates cannot be used
 */
export function buildListeners(needs: ClientNeeds): Listener[] {
  const { config, logger, counters, registry, admission, pending, certificates } = needs;
  const context = {
    limits: {
      maxControlLineBytes: config.maxControlLineBytes,
      maxPendingBytes: config.maxPendingBytes,
      writeDeadlineMs: config.writeDeadlineMs,
    },
    scheduler: new FlushScheduler(),
    pending,
    input: new InputAccount(config.maxTotalInputBytes, systemClock),
    clock: systemClock,
    logger,
  };
  const acceptor = new Acceptor({
    context,
    registry,
    counters,
    createSession: sessionFactory(needs),
    admission,
  });
  const parts = {
    acceptor,
    certificates,
    logger,
    webSocketHandshakeMs: config.authTimeoutMs + HANDSHAKE_MARGIN_MS,
    maxMessageBytes: config.maxPayloadBytes + config.maxControlLineBytes + FRAME_SLACK_BYTES,
  };
  return config.listeners.map((listener) => createListener(listener, parts));
}

/** @throws {GatewayError} `GW_LISTEN`, naming the setting of the address */
export async function startListener(listener: Listener, settings: ListenerConfig | undefined): Promise<void> {
  try {
    await listener.start();
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    const key = settings?.bindKey;
    const flag = ['tcp', 'tls'].includes(listener.address.type) ? '-p' : '--set';
    throw new GatewayError(error.code, error.message, {
      cause: error,
      context: { ...error.context, key, flag },
    });
  }
}

function sessionFactory(needs: ClientNeeds): (client: ClientPort) => Session {
  const { config, access } = needs;
  const services = sessionServices(needs);
  const spaces = new Map(config.listeners.map((listener) => [listener.name, nameSpaces(listener, needs)]));
  return (client) => {
    const { listener } = client.peer;
    const space = spaces.get(listener);
    const point = access.at(listener);
    if (space === undefined || point === undefined)
      throw new GatewayError('GW_INTERNAL', 'a connection of no listener');
    return new Session(services, client, { spaces: space, access: point });
  };
}

function sessionServices({ config, ...needs }: ClientNeeds): SessionServices {
  const { logger, upstream, counters, access, sessions } = needs;
  return {
    options: {
      serverId: needs.serverId,
      serverName: config.serverName,
      maxPayloadBytes: config.maxPayloadBytes,
      maxSubscriptions: config.maxSubscriptions,
      authTimeoutMs: config.authTimeoutMs,
      idleTimeoutMs: config.idleTimeoutMs,
      pingIntervalMs: config.pingIntervalMs,
      pingTimeoutMs: config.pingTimeoutMs,
      clientInfo: config.clientInfo,
      controlHeaders: config.controlHeaders,
      countsPerClient: true,
    },
    upstream,
    clock: systemClock,
    logger,
    limitedLog: new RepeatLimiter(logger, systemClock),
    counters,
    wireHeaders: new WireHeaders(),
    failureDelay: access.failureDelay,
    permissionChecks: new PermissionChecks(),
    live: sessions,
    subscriptionGauge: needs.subscriptionGauge,
  };
}

function nameSpaces(listener: ListenerConfig, { config, maxLevels }: ClientNeeds): NameSpaces {
  const { mapping, mountpoint, rules } = config;
  return new NameSpaces({
    mapping: {
      profile: mapping.profile,
      escapeDollar: mapping.escapeDollar,
      allowDollar: mapping.allowDollar,
      maxLevels: Math.min(mapping.maxLevels, maxLevels ?? mapping.maxLevels),
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
