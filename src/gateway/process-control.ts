/** What operators may see of a gateway of one process, and tell it to do. Reads what others keep. */
import type { AccessControl } from '../auth/access-control.ts';
import type { Config, ListenerConfig } from '../config/config.ts';
import { workerOf } from '../control/client-pages.ts';
import type { ClientPage, ClientQuery, SubscriptionPage, SubscriptionQuery } from '../control/client-view.ts';
import type { AskedControl } from '../control/delegated-control.ts';
import type {
  CertificateView,
  GatewayIdentity,
  ListenerView,
  Readiness,
  UpstreamView,
} from '../control/gateway-control.ts';
import { BROKER_AWAY, type Phase, unready } from '../control/readiness.ts';
import type { TapHandle, TapMessage, TapRequest } from '../control/tap.ts';
import type { Counters } from '../metrics/counters.ts';
import { NO_USAGE } from '../metrics/upstream-usage.ts';
import { SERVER_VERSION } from '../session/server-info.ts';
import type { TapHub } from '../session/tap-hub.ts';
import type { CredentialStore } from '../tls/credential-store.ts';
import type { Connection } from '../transport/connection.ts';
import type { ConnectionRegistry } from '../transport/connection-registry.ts';
import type { Listener } from '../transport/listener.ts';
import type { BrokerUpstream } from '../upstream/upstream.ts';
import { programVersion } from '../util/program-version.ts';
import { shownUrl } from './broker-parts.ts';
import { ClientDirectory } from './client-directory.ts';

/** The parts of a gateway that are there from its beginning. */
export interface ControlSources {
  readonly serverId: string;
  /** The first connection id is one more. */
  readonly cidBase: number;
  readonly registry: ConnectionRegistry<Connection>;
  readonly counters: Counters;
  readonly certificates: CredentialStore;
  readonly access: AccessControl;
  readonly taps: TapHub;
  /** As of now. */
  readonly now: () => RunningParts;
}

/** What changes while a gateway starts, runs and stops. */
export interface RunningParts {
  readonly config: Config;
  readonly phase: Phase;
  readonly listeners: readonly Listener[];
  readonly upstream: BrokerUpstream | null;
}

/** See the head of the file, and `GatewayControl`. */
export class ProcessControl implements AskedControl {
  readonly identity: GatewayIdentity;
  readonly #sources: ControlSources;
  readonly #clients: ClientDirectory;

  constructor(sources: ControlSources) {
    this.#sources = sources;
    this.#clients = new ClientDirectory(sources.registry);
    this.identity = {
      serverId: sources.serverId,
      serverName: sources.now().config.serverName,
      version: programVersion(),
      natsVersion: SERVER_VERSION,
      startMs: Date.now(),
    };
  }

  async readiness(): Promise<Readiness> {
    const { phase, upstream } = this.#sources.now();
    if (phase !== 'serving') return unready(phase);
    const broker = await upstream?.lookAtBroker();
    const isDown = broker?.state === 'down';
    const reasons = isDown ? [`${BROKER_AWAY}: ${broker.lastError}`] : [];
    return { isReady: !isDown, reasons, isLameDuck: false };
  }

  clients(query: ClientQuery): Promise<ClientPage> {
    return this.#clients.page(query);
  }

  subscriptions(query: SubscriptionQuery): Promise<SubscriptionPage> {
    return this.#clients.subscriptions(query);
  }

  kick(who: { readonly cid: number } | { readonly user: string }): Promise<number> {
    return Promise.resolve(this.#clients.kick(who));
  }

  listeners(): Promise<readonly ListenerView[]> {
    const { config, listeners } = this.#sources.now();
    return Promise.resolve(config.listeners.map((one, index) => this.#listener(one, listeners[index])));
  }

  upstream(): Promise<readonly UpstreamView[]> {
    const { config, upstream } = this.#sources.now();
    const { url, mode } = config.upstream;
    const view: UpstreamView = {
      worker: workerOf(this.#sources.cidBase),
      url: shownUrl(url),
      mode,
      ...(upstream?.brokerState ?? {
        state: 'unknown',
        sinceMs: this.identity.startMs,
        lastError: '',
      }),
      usage: upstream?.usage ?? NO_USAGE,
      capabilities: upstream === null ? null : { ...upstream.capabilities },
    };
    return Promise.resolve([view]);
  }

  certificates(): Promise<readonly CertificateView[]> {
    const views = this.#sources.certificates.all.flatMap(({ settings, material }) =>
      material.leaf === null
        ? []
        : [{ path: settings.path, file: settings.certFile ?? '', ...material.leaf }],
    );
    return Promise.resolve(views);
  }

  async tap(request: TapRequest, onMessage: (message: TapMessage) => void): Promise<TapHandle> {
    return this.#sources.taps.open(request, onMessage);
  }

  #listener(settings: ListenerConfig, listener: Listener | undefined): ListenerView {
    const { name, type, host, port, maxConnections, mountpoint } = settings;
    const { registry, counters, access, now } = this.#sources;
    const { accepted, rejected } = counters.ofListener(name);
    return {
      name,
      type,
      host,
      port: listener?.address.port ?? port,
      state: listener?.isListening === true ? 'listening' : 'closed',
      connections: registry.countOf(name),
      maxConnections,
      accepted,
      rejected: Object.fromEntries(rejected),
      isAuthenticated: (access.at(name)?.rules.chain ?? null) !== null,
      mountpoint: mountpoint ?? now().config.mountpoint,
    };
  }
}
