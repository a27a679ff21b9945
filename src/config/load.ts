/**
 * Puts the configuration together: defaults, then file, then environment, then flags. What comes out is complete,
 * checked and frozen; what is wrong anywhere is told all at once.
 */
import { availableParallelism } from 'node:os';
import convict from 'convict';
import { checkSetting, checkSettingAs } from './check.ts';
import type { Config } from './config.ts';
import { checkContradictions } from './contradictions.ts';
import { deepFreeze } from './deep-freeze.ts';
import { parseGroup, variantOf } from './entries.ts';
import { FormatError } from './formats.ts';
import { toHttp } from './http.ts';
import { type Group, isKey, type Key, keysOf } from './key.ts';
import { formatPath, isRecord, type KeyPath, parsePath, valueAt, withValue } from './key-path.ts';
import { applyListen, type ListenFlags } from './listen-flags.ts';
import { toListener } from './listeners.ts';
import { Problems } from './problems.ts';
import { SCHEMA, type Settings } from './schema.ts';
import { readText, type Setting, settingsOfEnvironment, settingsOfFile, settingsOfFlags } from './sources.ts';
import { toUpstream } from './upstream.ts';

/** Where to look for settings. */
export interface LoadOptions {
  /** JSON with comments; left out: no file. */
  readonly file?: string | undefined;
  /** Taken for the content of `file`, to try a change out before it is written. */
  readonly fileText?: string | undefined;
  readonly env: NodeJS.ProcessEnv;
  /**
   * Values by dotted path (`upstream.url`, `listeners[0].bind`) or objects by group (`upstream: { url }`).
   * Strings are read as on a command line, anything else as in the file.
   */
  readonly flags: Readonly<Record<string, unknown>>;
  /** What the user typed for a path of `flags`, for messages: `upstream.url` → `--upstream`. */
  readonly flagNames?: Readonly<Record<string, string>>;
  /** What flags such as nats-server's `-p` change of the first listener that is not for WebSocket. */
  readonly listen?: ListenFlags;
}

/** A configuration together with how it came about. */
export interface LoadedConfig {
  readonly config: Config;
  /** Every setting as it would be written in a file, secrets included. */
  readonly values: Readonly<Record<string, unknown>>;
  /** Where the value at a path came from, such as `config.json:3`; `default` when it was not given. */
  originOf(path: string): string;
}

/**
 * The configuration in effect.
 * @throws {GatewayError} `GW_CONFIG`, naming everything that is wrong: key, value, what is allowed, origin
 */
export function loadConfig(options: LoadOptions): Config {
  return loadConfigWithOrigins(options).config;
}

/** Like {@link loadConfig}, for those who want to show where each value came from. */
export function loadConfigWithOrigins(options: LoadOptions): LoadedConfig {
  const problems = new Problems();
  const given = [
    ...(options.file === undefined ? [] : settingsOfFile(options.file, problems, options.fileText)),
    ...settingsOfEnvironment(options.env, problems),
    ...settingsOfFlags(options.flags, options.flagNames ?? {}, problems),
  ];
  const usable = given.filter((setting) => checkSetting(setting, problems));
  const layers = new Layers(usable, problems);
  if (options.listen !== undefined) applyListen(options.listen, layers, problems);
  readSecretFiles(layers, problems);
  problems.throwIfAny();

  const values = merge(layers.tree);
  const settings = parseGroup(SCHEMA, values);
  const originOf = (path: string) => layers.originOf(path);
  checkContradictions(settings, originOf, problems);
  problems.throwIfAny();
  return { config: deepFreeze(toConfig(settings)), values, originOf };
}

/** Values given so far, later ones over earlier ones, and where each came from. */
class Layers {
  tree: unknown = {};
  readonly #origins: Setting[] = [];

  constructor(settings: readonly Setting[], problems: Problems) {
    for (const setting of settings) this.set(setting, problems);
  }

  set(setting: Setting, problems: Problems): void {
    const [first, ...rest] = setting.path;
    // A position in a list that nobody has given yet means the list of the defaults.
    if (rest.length > 0 && typeof rest[0] === 'number' && valueAt(this.tree, [first ?? '']) === undefined) {
      this.tree = withValue(this.tree, [first ?? ''], this.value([first ?? '']));
    }
    try {
      this.tree = withValue(this.tree, setting.path, setting.value);
      this.#origins.push(setting);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      problems.add(formatPath(setting.path), setting.origin, error.message);
    }
  }

  /** The value in effect, the default included. */
  value(path: KeyPath): unknown {
    const own = valueAt(this.tree, path);
    if (own !== undefined) return own;
    const node = path.reduce<unknown>((inner, part) => (isRecord(inner) ? inner[part] : undefined), SCHEMA);
    return isRecord(node) ? node.default : undefined;
  }

  /** The last source that gave the value, something inside it, or something around it. */
  originOf(path: string): string {
    const wanted = parsePath(path) ?? [];
    const found = this.#origins.findLast(({ path: given }) => {
      const shared = Math.min(given.length, wanted.length);
      return given.slice(0, shared).every((part, position) => part === wanted[position]);
    });
    return found === undefined ? 'default' : (found.originAt?.(wanted) ?? found.origin);
  }
}

/** `password_file` next to `password`: the file's content, less one line end. */
function readSecretFiles(layers: Layers, problems: Problems): void {
  for (const [path, key] of secretKeys(layers.tree)) {
    const file = valueAt(layers.tree, parsePath(`${path}_file`) ?? []);
    if (typeof file === 'string' && file !== '') readSecretFile(path, key, file, layers, problems);
  }
}

/** Secret settings by path, those inside the entries of lists included. */
function* secretKeys(tree: unknown): Generator<[path: string, key: Key<unknown>]> {
  for (const [path, key] of keysOf(SCHEMA)) {
    if (key.isSecret) yield [path, key];
    const list = isList(key) ? valueAt(tree, parsePath(path) ?? []) : undefined;
    if (!Array.isArray(list)) continue;
    for (const [position, entry] of list.entries()) yield* secretKeysOf(key, entry, `${path}[${position}].`);
  }
}

function isList({ items, variants }: Key<unknown>): boolean {
  return items !== undefined || variants !== undefined;
}

function* secretKeysOf(
  { items, variants }: Key<unknown>,
  entry: unknown,
  prefix: string,
): Generator<[path: string, key: Key<unknown>]> {
  const group = items ?? (variants === undefined ? undefined : variantOf(variants, entry)) ?? {};
  for (const [path, key] of keysOf(group, prefix)) if (key.isSecret) yield [path, key];
}

function readSecretFile(
  path: string,
  key: Key<unknown>,
  file: string,
  layers: Layers,
  problems: Problems,
): void {
  const secretPath = parsePath(path) ?? [];
  const fileKey = `${path}_file`;
  const origin = layers.originOf(fileKey);
  const direct = valueAt(layers.tree, secretPath);
  if (direct !== undefined && direct !== '') {
    problems.add(fileKey, origin, `contradicts ${path}, which is given too (${layers.originOf(path)})`);
    return;
  }
  const secret = readText(file, problems, fileKey, origin)?.replace(/\r?\n$/, '');
  // Otherwise a secret that was never filled in would mean: log in without a password.
  if (secret === '') problems.add(fileKey, origin, `names the file ${file}, which is empty`);
  if (!secret) return;
  const setting = { path: secretPath, value: secret, origin: file };
  if (checkSettingAs(key, setting, problems)) layers.set(setting, problems);
}

/** Defaults under the given values, and once more everything against the schema: nothing may slip through. */
function merge(tree: unknown): Readonly<Record<string, unknown>> {
  for (const [, key] of keysOf(SCHEMA)) convict.addFormat({ name: key.format, validate: checkByType });
  const store = convict(forConvict(SCHEMA), { env: {}, args: [] });
  store.load(tree);
  store.validate({ allowed: 'strict' });
  return store.getProperties();
}

function checkByType(value: unknown, schema: convict.SchemaObj): void {
  const { type } = schema as unknown as { type: { allowed: string; parse(value: unknown): unknown } };
  try {
    type.parse(value);
  } catch (cause) {
    if (!(cause instanceof FormatError)) throw cause;
    throw new Error(`must be ${type.allowed}`, { cause });
  }
}

/** convict tells settings from groups by `default`; the description of list entries is not for its eyes. */
function forConvict(group: Group): convict.Schema<Record<string, unknown>> {
  const described = Object.entries(group).map(([name, node]) => {
    if (!isKey(node)) return [name, forConvict(node)] as const;
    const { items: _items, variants: _variants, ...plain } = node;
    return [name, plain] as const;
  });
  return Object.fromEntries(described) as convict.Schema<Record<string, unknown>>;
}

function toConfig(settings: Settings): Config {
  return {
    serverName: settings.server_name,
    workers: toWorkers(settings.workers),
    mountpoint: settings.mountpoint,
    maxPayloadBytes: settings.max_payload,
    maxControlLineBytes: settings.max_control_line,
    maxConnections: settings.max_connections,
    maxSubscriptions: settings.max_subscriptions,
    maxPendingBytes: settings.max_pending,
    maxTotalPendingBytes: settings.max_total_pending,
    maxTotalInputBytes: settings.max_total_input,
    writeDeadlineMs: settings.write_deadline,
    authTimeoutMs: settings.auth_timeout,
    authFailureDelayMs: settings.auth_failure_delay,
    pingIntervalMs: settings.ping_interval,
    pingTimeoutMs: settings.ping_timeout,
    idleTimeoutMs: settings.idle_timeout,
    shutdownTimeoutMs: settings.shutdown_timeout,
    lameDuckGraceMs: settings.lame_duck_grace_period,
    lameDuckDurationMs: settings.lame_duck_duration,
    listeners: settings.listeners.map(toListener),
    authentication: settings.authentication,
    noAuthUser: settings.no_auth_user === '' ? null : settings.no_auth_user,
    defaultPermissions: settings.default_permissions,
    clientInfo: {
      clientId: settings.client_info.client_id,
      username: settings.client_info.username,
      password: settings.client_info.password,
    },
    mapping: {
      profile: settings.mapping.profile,
      escapeDollar: settings.mapping.escape_dollar,
      allowDollar: settings.mapping.allow_dollar,
      retained: settings.mapping.retained,
      maxLevels: settings.mapping.max_levels,
      maxTopicBytes: settings.mapping.max_topic_bytes,
    },
    rules: settings.rules.map(toRule),
    controlHeaders: settings.control_headers,
    upstream: toUpstream(settings.upstream),
    countsClients: settings.enable_stats,
    http: toHttp(settings.http),
    log: { ...settings.log, file: settings.log.file === '' ? null : settings.log.file },
  };
}

/** More than this many cores are better used by gateways of their own. */
const MAX_AUTO_WORKERS = 256;

function toWorkers(workers: Settings['workers']): number {
  return workers === 'auto' ? Math.min(availableParallelism(), MAX_AUTO_WORKERS) : workers;
}

function toRule(rule: Settings['rules'][number]): Config['rules'][number] {
  return {
    subject: rule.subject,
    qos: rule.qos,
    retain: rule.retain,
    messageExpirySeconds: rule.message_expiry === null ? null : rule.message_expiry / 1000,
  };
}
