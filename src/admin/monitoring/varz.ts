/** `/varz`: the gateway in nats-server's words. */
import { availableParallelism } from 'node:os';
import type { Config, ListenerConfig } from '../../config/config.ts';
import type { ListenerView } from '../../control/gateway-control.ts';
import type { CounterSnapshot } from '../../metrics/counters.ts';
import type { GatewayOverview } from '../../metrics/gateway-view.ts';
import type { AdminContext, BoundAddress } from '../context.ts';
import { nanoseconds, timeText, uptimeText } from './go-format.ts';

/** A number of a snapshot; 0 where it is not counted. */
export function countOf(counters: CounterSnapshot, name: string): number {
  const value = counters[name];
  return typeof value === 'number' ? value : 0;
}

/** nats-server's default, for listeners without TLS. */
const TLS_TIMEOUT_MS = 2_000;

/** The page. @param requests how often each page was asked for */
export async function varz(context: AdminContext, requests: ReadonlyMap<string, number>): Promise<object> {
  const { control, reloads, usage } = context;
  const { identity } = control;
  const [overview, listeners] = await Promise.all([control.overview(), control.listeners()]);
  const { memoryBytes, cpuPercent } = usage.look(overview);
  const nowMs = Date.now();
  const last = reloads?.history.last;
  return {
    ...settingsOf(context, listeners),
    start: timeText(identity.startMs),
    now: timeText(nowMs),
    uptime: uptimeText(nowMs - identity.startMs),
    mem: memoryBytes,
    cores: availableParallelism(),
    gomaxprocs: overview.workers.length,
    cpu: cpuPercent,
    ...trafficOf(overview),
    http_req_stats: Object.fromEntries([...requests].sort(([a], [b]) => (a < b ? -1 : 1))),
    config_load_time: timeText(last?.isSuccess === true ? last.atMs : identity.startMs),
    system_account: '$SYS',
    ...slowConsumersOf(overview),
  };
}

function settingsOf({ control, bound }: AdminContext, listeners: readonly ListenerView[]): object {
  const { config, identity } = control;
  const [main] = listeners.filter(({ type }) => type === 'tcp' || type === 'tls');
  return {
    server_id: identity.serverId,
    server_name: identity.serverName,
    version: identity.natsVersion,
    proto: 1,
    go: `node${process.versions.node}`,
    host: main?.host ?? '',
    port: main?.port ?? 0,
    ...listenerFlags(config, main?.name, main?.isAuthenticated ?? false),
    max_connections: config.maxConnections,
    ...(config.maxSubscriptions > 0 && { max_subscriptions: config.maxSubscriptions }),
    ping_interval: nanoseconds(config.pingIntervalMs),
    // One that is not answered in time ends the connection.
    ping_max: 1,
    ...httpAddress(config, bound()),
    auth_timeout: config.authTimeoutMs / 1000,
    max_control_line: config.maxControlLineBytes,
    max_payload: config.maxPayloadBytes,
    max_pending: config.maxPendingBytes,
    cluster: {},
    gateway: {},
    leaf: {},
    mqtt: {},
    websocket: websocketOf(listeners, config),
    jetstream: {},
    tls_timeout: (listenerOf(config, main?.name)?.tls?.timeoutMs ?? TLS_TIMEOUT_MS) / 1000,
    write_deadline: nanoseconds(config.writeDeadlineMs),
  };
}

/** Listeners that are gone included. */
function sumOfListeners({ listeners }: CounterSnapshot, name: string): number {
  const all = typeof listeners === 'object' ? Object.values(listeners) : [];
  return all.reduce<number>((sum, one) => sum + (typeof one === 'object' ? countOf(one, name) : 0), 0);
}

function trafficOf({ connections, counters, subscriptions }: GatewayOverview): object {
  return {
    connections,
    // From the first byte that was accepted on, whatever came of them.
    total_connections: sumOfListeners(counters, 'accepted'),
    routes: 0,
    remotes: 0,
    leafnodes: 0,
    in_msgs: countOf(counters, 'clientMessagesIn'),
    out_msgs: countOf(counters, 'clientMessagesOut'),
    in_bytes: countOf(counters, 'clientBytesIn'),
    out_bytes: countOf(counters, 'clientBytesOut'),
    subscriptions: subscriptions.plain + subscriptions.queue,
  };
}

function slowConsumersOf({ counters }: GatewayOverview): object {
  const clients = countOf(counters, 'slowConsumersPending') + countOf(counters, 'slowConsumersDeadline');
  return {
    slow_consumers: clients,
    slow_consumer_stats: { clients, routes: 0, gateways: 0, leafs: 0 },
  };
}

function listenerOf(config: Config, name: string | undefined): ListenerConfig | undefined {
  return config.listeners.find((listener) => listener.name === name);
}

/** nats-server leaves out what is false. */
function listenerFlags(config: Config, name: string | undefined, isAuthenticated: boolean): object {
  const tls = listenerOf(config, name)?.tls ?? null;
  return {
    ...(isAuthenticated && { auth_required: true }),
    ...(tls !== null && !tls.isOptional && { tls_required: true }),
    ...(tls?.verify === true && { tls_verify: true }),
  };
}

function httpAddress({ http }: Config, bound: BoundAddress | null): object {
  const port = bound?.port ?? 0;
  return {
    http_host: bound?.host ?? '',
    http_port: http.tls === null ? port : 0,
    http_base_path: http.basePath,
    https_port: http.tls === null ? 0 : port,
  };
}

function websocketOf(listeners: readonly ListenerView[], config: Config): object {
  const found = listeners.find(({ type }) => type === 'ws' || type === 'wss');
  if (found === undefined) return {};
  const compresses = listenerOf(config, found.name)?.websocket.compression === true;
  return {
    host: found.host,
    port: found.port,
    ...(found.type === 'ws' && { no_tls: true }),
    ...(compresses && { compression: true }),
  };
}
