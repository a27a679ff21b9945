/**
 * What a running gateway takes over of another configuration, and what waits for a restart: the schema says so setting by
 * setting, and {@link SETTINGS} says from which setting each field of the configuration comes. Pure.
 */
import { isDeepStrictEqual } from 'node:util';
import { GatewayError } from '../errors.ts';
import type { Config } from './config.ts';
import { isLoopback } from './contradictions.ts';
import { type Group, isKey, keysOf } from './key.ts';
import { isRecord } from './key-path.ts';
import { SCHEMA } from './schema.ts';

/** Fields of the configuration that are groups themselves. */
type GroupName = 'clientInfo' | 'mapping' | 'upstream' | 'http' | 'log';

type SettingTable = { readonly [Name in Exclude<keyof Config, GroupName>]: string } & {
  readonly [Name in GroupName]: { readonly [Inner in keyof Config[Name]]: string };
};

/** The setting (or group of settings) that a field is made of. The compiler asks for a line with every new field. */
const SETTINGS: SettingTable = {
  serverName: 'server_name',
  workers: 'workers',
  mountpoint: 'mountpoint',
  maxPayloadBytes: 'max_payload',
  maxControlLineBytes: 'max_control_line',
  maxConnections: 'max_connections',
  maxSubscriptions: 'max_subscriptions',
  maxPendingBytes: 'max_pending',
  maxTotalPendingBytes: 'max_total_pending',
  maxTotalInputBytes: 'max_total_input',
  writeDeadlineMs: 'write_deadline',
  authTimeoutMs: 'auth_timeout',
  authFailureDelayMs: 'auth_failure_delay',
  pingIntervalMs: 'ping_interval',
  pingTimeoutMs: 'ping_timeout',
  idleTimeoutMs: 'idle_timeout',
  shutdownTimeoutMs: 'shutdown_timeout',
  lameDuckGraceMs: 'lame_duck_grace_period',
  lameDuckDurationMs: 'lame_duck_duration',
  listeners: 'listeners',
  authentication: 'authentication',
  noAuthUser: 'no_auth_user',
  defaultPermissions: 'default_permissions',
  clientInfo: {
    clientId: 'client_info.client_id',
    username: 'client_info.username',
    password: 'client_info.password',
  },
  mapping: {
    profile: 'mapping.profile',
    escapeDollar: 'mapping.escape_dollar',
    allowDollar: 'mapping.allow_dollar',
    retained: 'mapping.retained',
    maxLevels: 'mapping.max_levels',
    maxTopicBytes: 'mapping.max_topic_bytes',
  },
  rules: 'rules',
  controlHeaders: 'control_headers',
  upstream: {
    url: 'upstream.url',
    isEmbedded: 'upstream.url',
    embeddedHost: 'upstream.embedded_bind',
    embeddedPort: 'upstream.embedded_bind',
    username: 'upstream.username',
    password: 'upstream.password',
    mode: 'upstream.mode',
    poolSize: 'upstream.pool_size',
    sessions: 'upstream.sessions',
    protocolVersion: 'upstream.protocol_version',
    keepaliveMs: 'upstream.keepalive',
    connectTimeoutMs: 'upstream.connect_timeout',
    ackTimeoutMs: 'upstream.ack_timeout',
    outageGraceMs: 'upstream.outage_grace',
    maxInflight: 'upstream.max_inflight',
    isFastPath: 'upstream.fast_path',
    probe: 'upstream.probe',
    authRequired: 'upstream.auth_required',
    tls: 'upstream.tls',
  },
  countsClients: 'enable_stats',
  http: {
    address: 'http.bind',
    basePath: 'http.base_path',
    users: 'http.users',
    tokens: 'http.tokens',
    open: 'http.open',
    allowedHosts: 'http.allowed_hosts',
    sessionIdleMs: 'http.session_idle_timeout',
    sessionMs: 'http.session_timeout',
    readyWithoutBroker: 'http.ready_without_broker',
    tls: 'http.tls',
  },
  log: { level: 'log.level', format: 'log.format', file: 'log.file' },
};

/** What becomes of a running gateway's configuration. */
export interface Takeover {
  /** What holds from now on: of what needs a restart, that which was there before. */
  readonly config: Config;
  /** Dotted paths, in the order of the configuration. */
  readonly changed: readonly string[];
  readonly needsRestart: readonly string[];
}

/**
 * Compares what is in force with what somebody wants.
 * @throws {GatewayError} `GW_CONFIG` when what can be taken over does not go together with what cannot
 */
export function takeOver(inForce: Config, wanted: Config): Takeover {
  const changed = new Set<string>();
  const needsRestart = new Set<string>();
  const isNewBroker = wanted.upstream.url !== inForce.upstream.url;
  const pick = (setting: string, before: unknown, after: unknown): unknown => {
    if (isDeepStrictEqual(before, after)) return before;
    // TLS belongs to the broker that it was set up for.
    const waits = isAtStart(setting) || (isNewBroker && setting === 'upstream.tls');
    (waits ? needsRestart : changed).add(setting);
    return waits ? before : after;
  };
  const config = merged(SETTINGS, inForce, wanted, pick) as unknown as Config;
  refuseOpenRelay(config);
  refuseOpenAdmin(config);
  return { config, changed: [...changed], needsRestart: [...needsRestart] };
}

type Fields = Readonly<Record<string, unknown>>;
type Pick = (setting: string, before: unknown, after: unknown) => unknown;

function merged(table: object, before: object, after: object, pick: Pick): Record<string, unknown> {
  const [old, fresh] = [before as Fields, after as Fields];
  const fields = Object.entries(table).map(([name, setting]: [string, unknown]) => {
    const value =
      typeof setting === 'string'
        ? pick(setting, old[name], fresh[name])
        : merged(setting as object, old[name] as object, fresh[name] as object, pick);
    return [name, value] as const;
  });
  return Object.fromEntries(fields);
}

/** Whether a setting, or one of a group of settings, needs a restart. */
function isAtStart(path: string): boolean {
  let node: unknown = SCHEMA;
  for (const part of path.split('.')) node = isRecord(node) ? node[part] : undefined;
  if (!isRecord(node)) throw new GatewayError('GW_INTERNAL', `there is no setting ${path}`);
  const setting = node as unknown as Parameters<typeof isKey>[0];
  if (isKey(setting)) return setting.needsRestart === true;
  return [...keysOf(setting as Group)].some(([, key]) => key.needsRestart === true);
}

/** The mode that the configuration was checked with may not be the one that goes on. */
function refuseOpenRelay({ upstream, authentication, listeners }: Config): void {
  if (upstream.mode !== 'pooled' || authentication.some(({ enable }) => enable)) return;
  const open = listeners.find(({ host, isAuthenticated }) => isAuthenticated && !isLoopback(host));
  if (open === undefined) return;
  throw new GatewayError(
    'GW_CONFIG',
    `${open.bindKey}: until the restart that upstream.mode waits for, everyone who reaches this listener would have the rights of upstream.username; restart the gateway instead`,
  );
}

/** The address stays what it was, and with it who can reach it. */
function refuseOpenAdmin({ http }: Config): void {
  const { address, users, tokens } = http;
  if (address === null || isLoopback(address.host) || users.length + tokens.length > 0) return;
  throw new GatewayError(
    'GW_CONFIG',
    'http.users: until the restart that http.bind waits for, everyone who reaches the HTTP server could do everything; restart the gateway instead',
  );
}
