/** The flags of the command line, and how they are told from everything else. Knows no subcommand but by name. */
import { parseArgs } from 'node:util';
import { suggestion } from '../config/nearest-name.ts';

/** The subcommands, the first being what happens without one. */
export const COMMANDS = [
  'serve',
  'check',
  'print-config',
  'map',
  'healthcheck',
  'users',
  'hash-password',
  'version',
  'help',
] as const;

/** One of {@link COMMANDS}, or what the flag `--signal` makes of the command line. */
export type Command = (typeof COMMANDS)[number] | 'signal';

/** Somebody typed something that means nothing. The message is for them. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** A flag. */
interface Flag {
  readonly type: 'string' | 'boolean';
  readonly short?: string;
  readonly multiple?: boolean;
  /** The setting that it gives. */
  readonly setting?: string;
  /** The setting of `listeners[].tls` that it gives; any of these flags asks for TLS. */
  readonly tls?: string;
  /** Commands that it belongs to; all when left out. */
  readonly only?: readonly Command[];
  /** Field of the hash algorithm that it gives. */
  readonly hash?: string;
}

const HASHING: readonly Command[] = ['users', 'hash-password'];

/** By long name. */
export const FLAGS: Readonly<Record<string, Flag>> = {
  config: { type: 'string', short: 'c' },
  addr: { type: 'string', short: 'a' },
  port: { type: 'string', short: 'p' },
  http_port: { type: 'string', short: 'm' },
  name: { type: 'string', short: 'n', setting: 'server_name' },
  workers: { type: 'string', setting: 'workers' },
  upstream: { type: 'string', setting: 'upstream.url' },
  'upstream-username': { type: 'string', setting: 'upstream.username' },
  'upstream-password-file': { type: 'string', setting: 'upstream.password_file' },
  'log-level': { type: 'string', setting: 'log.level' },
  'log-format': { type: 'string', setting: 'log.format' },
  log: { type: 'string', short: 'l', setting: 'log.file' },
  tls: { type: 'boolean' },
  tlscert: { type: 'string', tls: 'cert_file' },
  tlskey: { type: 'string', tls: 'key_file' },
  tlscacert: { type: 'string', tls: 'ca_file' },
  tlsverify: { type: 'boolean', tls: 'verify' },
  debug: { type: 'boolean', short: 'D' },
  trace: { type: 'boolean', short: 'V' },
  pid: { type: 'string', short: 'P' },
  signal: { type: 'string' },
  set: { type: 'string', multiple: true },
  reverse: { type: 'boolean', only: ['map'] },
  profile: { type: 'string', setting: 'mapping.profile', only: ['map'] },
  'escape-dollar': { type: 'boolean', setting: 'mapping.escape_dollar', only: ['map'] },
  mountpoint: { type: 'string', setting: 'mountpoint', only: ['map'] },
  live: { type: 'boolean', only: ['healthcheck'] },
  file: { type: 'string', only: ['users'] },
  superuser: { type: 'boolean', only: ['users'] },
  algorithm: { type: 'string', only: HASHING, hash: 'name' },
  'salt-position': { type: 'string', only: HASHING, hash: 'salt_position' },
  'mac-fun': { type: 'string', only: HASHING, hash: 'mac_fun' },
  iterations: { type: 'string', only: HASHING, hash: 'iterations' },
  'dk-length': { type: 'string', only: HASHING, hash: 'dk_length' },
  test: { type: 'boolean', short: 't' },
  version: { type: 'boolean', short: 'v' },
  help: { type: 'boolean', short: 'h' },
};

/** Other names that nats-server has for the same. */
const ALIASES: Readonly<Record<string, string>> = { net: 'addr', server_name: 'name', sl: 'signal' };

/** Flags of nats-server that mean nothing here, and what to do instead. */
const INSTEAD: readonly (readonly [names: readonly string[], hint: string])[] = [
  [['ms', 'https_port'], 'give http.bind, and http.tls a certificate'],
  [['user', 'pass', 'auth'], 'give authentication a method, see docs/authentication.md'],
  [['js', 'jetstream', 'sd', 'store_dir'], 'JetStream is not served here'],
  [
    ['routes', 'cluster', 'cluster_name', 'cluster_listen', 'cluster_advertise', 'no_advertise'],
    'gateways need no cluster: several of them share the broker',
  ],
  [['T', 'logtime', 'logtime_utc'], 'every line has its time'],
  [
    ['s', 'syslog', 'r', 'remote_syslog', 'log_size_limit'],
    'lines go to standard output, or with -l to a file',
  ],
];

/** What was given, by long name. */
export type FlagValues = Record<string, (string | true)[]>;

/**
 * Tells flags from other words.
 * @throws {UsageError} for a flag that is unknown or incomplete
 */
export function readFlags(args: readonly string[]): { values: FlagValues; positionals: string[] } {
  const known = Object.entries(FLAGS).map(([name, { type, short }]) => {
    return [name, { type, ...(short !== undefined && { short }) }] as const;
  });
  const aliases = Object.keys(ALIASES).map((name) => [name, { type: 'string' }] as const);
  const options = Object.fromEntries([...known, ...aliases]);
  refuseOfNatsServer(args);
  const expanded = args.map(withTwoDashes);
  const { tokens } = parseArgs({
    args: expanded,
    options,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const values: FlagValues = {};
  const positionals: string[] = [];
  for (const token of tokens) {
    if (token.kind === 'positional') positionals.push(token.value);
    if (token.kind !== 'option') continue;
    const name = ALIASES[token.name] ?? token.name;
    const value = checkFlag({ ...token, name }, expanded[token.index] ?? token.rawName);
    values[name] = [...(values[name] ?? []), value];
  }
  return { values, positionals };
}

/** Before anything else: `-ms` would be `-m` with the value `s`. */
function refuseOfNatsServer(args: readonly string[]): void {
  const end = args.indexOf('--');
  for (const arg of end < 0 ? args : args.slice(0, end)) {
    const [, typed, name = ''] = /^(--?([a-zA-Z_]+))(?:=.*)?$/s.exec(arg) ?? [];
    const instead = INSTEAD.find(([names]) => names.includes(name));
    if (instead !== undefined) throw new UsageError(`there is no flag ${typed}: ${instead[1]}`);
  }
}

/** nats-server, being a Go program, also takes long names after a single dash. A short flag may have its value attached. */
function withTwoDashes(arg: string): string {
  const name = /^-([a-z][a-z_-]+)(?:=.*)?$/s.exec(arg)?.[1] ?? '';
  return Object.hasOwn(FLAGS, name) || Object.hasOwn(ALIASES, name) ? `-${arg}` : arg;
}

interface OptionToken {
  readonly name: string;
  readonly rawName: string;
  readonly value: string | undefined;
  readonly inlineValue: boolean | undefined;
}

function checkFlag({ name, rawName, value, inlineValue }: OptionToken, typed: string): string | true {
  const flag = Object.hasOwn(FLAGS, name) ? FLAGS[name] : undefined;
  if (flag === undefined) throw new UsageError(`there is no flag ${rawName}${flagSuggestion(typed)}`);
  if (flag.type === 'boolean') {
    if (value !== undefined) throw new UsageError(`${rawName} takes no value`);
    return true;
  }
  if (value === undefined || value === '' || (!inlineValue && value.startsWith('-') && value !== '-')) {
    throw new UsageError(`${rawName} needs a value`);
  }
  // Go programs such as nats-server take -c=FILE too.
  return !rawName.startsWith('--') && value.startsWith('=') ? value.slice(1) : value;
}

function flagSuggestion(typed: string): string {
  const bare = typed.replace(/^-+/, '').replace(/=.*$/s, '');
  return suggestion(
    `--${bare}`,
    Object.keys(FLAGS).map((name) => `--${name}`),
  );
}
