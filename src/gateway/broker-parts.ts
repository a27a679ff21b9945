/** Builds a gateway's way to the broker from the configuration, the embedded broker included. */
import { isDeepStrictEqual } from 'node:util';
import type { Config, UpstreamTlsConfig } from '../config/config.ts';
import type { Counters } from '../metrics/counters.ts';
import type { CredentialStore } from '../tls/credential-store.ts';
import type { BrokerTls } from '../upstream/connect-options.ts';
import type { EmbeddedBroker } from '../upstream/embedded-broker.ts';
import type { ProbeReport } from '../upstream/probe/report.ts';
import type { RecoveryPeers } from '../upstream/recovery.ts';
import {
  BrokerUpstream,
  type ChangeableBroker,
  type ChangeableOptions,
  type UpstreamOptions,
} from '../upstream/upstream.ts';
import type { Logger } from '../util/logger.ts';
import type { PreparedChange } from '../util/prepared-change.ts';

/** What the way to the broker is made of. */
export interface BrokerNeeds {
  readonly config: Config;
  readonly logger: Logger;
  readonly counters: Counters;
  readonly certificates: CredentialStore;
  /** Other processes of the same gateway; undefined: there are none. */
  readonly peers: RecoveryPeers | undefined;
}

/** What has been built; nothing is connected before `upstream.start()` or the first client. */
export interface BrokerParts {
  readonly upstream: BrokerUpstream;
  /** Null: the broker is somebody else's. */
  readonly broker: EmbeddedBroker | null;
}

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

/**
 * Starts the embedded broker, where that is wanted, and prepares the sessions.
 * @throws {GatewayError} `GW_LISTEN`, and `GW_CONFIG` when certificates cannot be used
 */
export async function openBroker(needs: BrokerNeeds): Promise<BrokerParts> {
  const { config, logger, counters } = needs;
  const { isEmbedded, embeddedHost: host, embeddedPort: port } = config.upstream;
  let broker: EmbeddedBroker | null = null;
  if (isEmbedded) {
    const { startEmbeddedBroker } = await import('../upstream/embedded-broker.ts');
    broker = await startEmbeddedBroker({ host, port, logger });
  }
  try {
    return { broker, upstream: new BrokerUpstream(upstreamOptions(needs, broker), logger, counters) };
  } catch (error) {
    await broker?.close();
    throw error;
  }
}

function upstreamOptions(needs: BrokerNeeds, broker: EmbeddedBroker | null): UpstreamOptions {
  const { config, peers } = needs;
  const { upstream } = config;
  return {
    broker: {
      url: broker?.url ?? upstream.url,
      protocolVersion: upstream.protocolVersion,
      isFastPath: upstream.isFastPath,
      ...changeableTimes(config),
      tls: upstream.tls === null ? null : brokerTls(upstream.tls, needs),
    },
    ...changeableOptions(config),
    mode: upstream.mode,
    poolSize: upstream.poolSize,
    sessions: upstream.sessions,
    probe: upstream.probe,
    knownReport: broker === null ? null : EMBEDDED_REPORT,
    hasSubscribers: broker?.hasSubscribers.bind(broker) ?? null,
    peers,
  };
}

function changeableOptions(config: Config): ChangeableOptions {
  const { upstream, mapping, maxTotalInputBytes } = config;
  const { username, password } = upstream;
  return {
    outageGraceMs: upstream.outageGraceMs,
    authRequired: upstream.authRequired,
    maxUnackedBytes: maxTotalInputBytes,
    service: username === null ? null : { username, password: password ?? undefined },
    wantsRetained: mapping.retained === 'deliver',
    usesDollarTopics: usesDollarTopics(config),
  };
}

function changeableTimes({ upstream }: Config): Omit<ChangeableBroker, 'tls'> {
  const { keepaliveMs, connectTimeoutMs, ackTimeoutMs, maxInflight } = upstream;
  return { keepaliveMs, connectTimeoutMs, ackTimeoutMs, maxInflight };
}

/**
 * What a running gateway takes over of another configuration on the side of the broker.
 * @param needs with the configuration in force
 * @throws {GatewayError} `GW_CONFIG` when certificates cannot be used; everything is as before then
 */
export function prepareBroker(needs: BrokerNeeds, upstream: BrokerUpstream, config: Config): PreparedChange {
  const before = upstream.tls;
  const wanted = config.upstream.tls;
  const isSame = wanted === null || isDeepStrictEqual(needs.config.upstream.tls, wanted);
  const tls = isSame ? before : brokerTls(wanted, needs);
  return {
    commit: () => {
      upstream.change(changeableOptions(config), { ...changeableTimes(config), tls });
      if (tls !== before) before?.credentials.close();
    },
    abandon: async () => {
      if (tls !== before) tls?.credentials.close();
    },
  };
}

/** Under a mountpoint no topic begins with what the client has written. */
function usesDollarTopics({ listeners, mapping, mountpoint }: Config): boolean {
  return !mapping.escapeDollar && listeners.some((listener) => (listener.mountpoint ?? mountpoint) === '');
}

function brokerTls(tls: UpstreamTlsConfig, { logger, certificates }: BrokerNeeds): BrokerTls {
  if (!tls.verify) {
    logger.warn(
      { event: 'upstream.unverified' },
      'upstream.tls.verify is false: anyone on the way to the broker can pose as the broker',
    );
  }
  return { ...tls, credentials: certificates.open(tls) };
}

/** A broker URL to be shown: its query may hold a token. */
export function shownUrl(url: string): string {
  return url.split('?')[0] ?? '';
}
