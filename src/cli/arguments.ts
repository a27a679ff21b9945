/**
 * The command line: which subcommand, which settings. Decides what was typed, not what it leads to; loads nothing
 * heavy, so that `--help` is instant.
 */
import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { nearestName, suggestion } from '../config/nearest-name.ts';

/** The subcommands, the first being what happens without one. */
export const COMMANDS = [
  'serve',
  'check',
  'print-config',
  'map',
  'users',
  'hash-password',
  'version',
  'help',
] as const;

/** One of {@link COMMANDS}. */
export type Command = (typeof COMMANDS)[number];

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

const FLAGS: Readonly<Record<string, Flag>> = {
  config: { type: 'string', short: 'c' },
  addr: { type: 'string', short: 'a' },
  port: { type: 'string', short: 'p' },
  name: { type: 'string', short: 'n', setting: 'server_name' },
  workers: { type: 'string', setting: 'workers' },
  upstream: { type: 'string', setting: 'upstream.url' },
  'upstream-username': { type: 'string', setting: 'upstream.username' },
  'upstream-password-file': { type: 'string', setting: 'upstream.password_file' },
  'log-level': { type: 'string', setting: 'log.level' },
  'log-format': { type: 'string', setting: 'log.format' },
  tls: { type: 'boolean' },
  tlscert: { type: 'string', tls: 'cert_file' },
  tlskey: { type: 'string', tls: 'key_file' },
  tlscacert: { type: 'string', tls: 'ca_file' },
  tlsverify: { type: 'boolean', tls: 'verify' },
  debug: { type: 'boolean', short: 'D' },
  trace: { type: 'boolean', short: 'V' },
  pid: { type: 'string', short: 'P' },
  set: { type: 'string', multiple: true },
  reverse: { type: 'boolean', only: ['map'] },
  profile: { type: 'string', setting: 'mapping.profile', only: ['map'] },
  'escape-dollar': { type: 'boolean', setting: 'mapping.escape_dollar', only: ['map'] },
  mountpoint: { type: 'string', setting: 'mountpoint', only: ['map'] },
  file: { type: 'string', only: ['users'] },
  superuser: { type: 'boolean', only: ['users'] },
  algorithm: { type: 'string', only: HASHING, hash: 'name' },
  'salt-position': { type: 'string', only: HASHING, hash: 'salt_position' },
  'mac-fun': { type: 'string', only: HASHING, hash: 'mac_fun' },
  iterations: { type: 'string', only: HASHING, hash: 'iterations' },
  test: { type: 'boolean', short: 't' },
  version: { type: 'boolean', short: 'v' },
  help: { type: 'boolean', short: 'h' },
};

/** What a command line says. */
export interface Invocation {
  readonly command: Command;
  /** Arguments of `map` and `users`. */
  readonly names: readonly string[];
  /** File of `--config`. */
  readonly configFile: string | undefined;
  readonly host: string | undefined;
  readonly port: string | undefined;
  /** Settings of `listeners[].tls`; undefined: TLS was not asked for. */
  readonly tls: Readonly<Record<string, unknown>> | undefined;
  readonly pidFile: string | undefined;
  readonly isReverse: boolean;
  /** File of `users --file`. */
  readonly usersFile: string | undefined;
  readonly isSuperuser: boolean;
  /** How passwords are hashed, as far as the command line says. */
  readonly hash: Readonly<Record<string, unknown>>;
  /** Settings by path. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** What was typed for a setting, by path. */
  readonly flagNames: Readonly<Record<string, string>>;
}

/**
 * Reads a command line.
 * @param args without node and script
 * @throws {UsageError} for anything unknown or incomplete, naming the nearest known thing
 */
export function parseCommandLine(args: readonly string[]): Invocation {
  const { values, positionals } = readFlags(args);
  const command = chooseCommand(values, positionals);
  // The first one is always the name of a command, if not of the one that -h, -v or -t made of it.
  const names = command === 'help' ? [] : positionals.slice(1);
  checkNames(command, names);
  for (const name of Object.keys(values)) {
    const only = FLAGS[name]?.only;
    if (only !== undefined && !only.includes(command))
      throw new UsageError(`--${name} is a flag of the ${only.join(' or ')} command`);
  }
  return {
    command,
    names,
    configFile: last(values.config),
    host: last(values.addr),
    port: last(values.port),
    tls: tlsOf(values),
    pidFile: last(values.pid),
    isReverse: values.reverse !== undefined,
    usersFile: last(values.file),
    isSuperuser: values.superuser !== undefined,
    hash: hashOf(values),
    ...settingsOf(values),
  };
}

function checkNames(command: Command, names: readonly string[]): void {
  if (command === 'map') {
    if (names.length === 0) throw new UsageError('map needs a subject, or with --reverse a topic');
    if (names.length > 1)
      throw new UsageError(`map takes one name, not ${names.length}; quote it if it has blanks`);
  } else if (command === 'users') checkUsersAction(names);
  else if (names.length > 0) {
    throw new UsageError(`${command} takes no argument ${JSON.stringify(names[0])}`);
  }
}

/** What `users` can do, and what it needs for that. */
const USERS_ACTIONS: Readonly<Record<string, string | null>> = {
  list: null,
  add: 'NAME',
  change: 'NAME',
  delete: 'NAME',
  import: 'FILE',
};

function checkUsersAction([action, ...rest]: readonly string[]): void {
  const known = Object.keys(USERS_ACTIONS);
  const needs =
    action !== undefined && Object.hasOwn(USERS_ACTIONS, action) ? USERS_ACTIONS[action] : undefined;
  if (needs === undefined)
    throw new UsageError(`users needs one of ${known.join(', ')}${suggestion(action ?? '', known)}`);
  if (rest.length === (needs === null ? 0 : 1)) return;
  throw new UsageError(
    needs === null ? `users ${action} takes no argument` : `users ${action} needs one ${needs}`,
  );
}

function hashOf(values: FlagValues): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  for (const [name, { hash }] of Object.entries(FLAGS)) {
    const value = last(values[name]);
    if (hash !== undefined && value !== undefined) fields[hash] = /^\d+$/.test(value) ? Number(value) : value;
  }
  return fields;
}

type FlagValues = Record<string, (string | true)[]>;

function readFlags(args: readonly string[]): { values: FlagValues; positionals: string[] } {
  const options = Object.fromEntries(
    Object.entries(FLAGS).map(([name, { type, short }]) => [
      name,
      { type, ...(short !== undefined && { short }) },
    ]),
  );
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
    const value = checkFlag(token, expanded[token.index] ?? token.rawName);
    values[token.name] = [...(values[token.name] ?? []), value];
  }
  return { values, positionals };
}

/** nats-server, being a Go program, also takes long names after a single dash. */
function withTwoDashes(arg: string): string {
  const name = /^-([a-z][a-z-]+)(?:=.*)?$/s.exec(arg)?.[1];
  return name !== undefined && Object.hasOwn(FLAGS, name) ? `-${arg}` : arg;
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

function chooseCommand(values: FlagValues, positionals: readonly string[]): Command {
  if (values.help !== undefined) return 'help';
  if (values.version !== undefined) return 'version';
  const [first] = positionals;
  const command = COMMANDS.find((name) => name === first);
  if (first !== undefined && command === undefined) throw new UsageError(unknownCommand(first));
  return values.test !== undefined && (command ?? 'serve') === 'serve' ? 'check' : (command ?? 'serve');
}

function unknownCommand(name: string): string {
  if (nearestName(name, COMMANDS) === undefined && /\.\w+$/.test(name) && existsSync(name)) {
    return `there is no command ${JSON.stringify(name)}; to use it as configuration file: -c ${name}`;
  }
  return `there is no command ${JSON.stringify(name)}${suggestion(name, COMMANDS)}`;
}

function last(values: readonly (string | true)[] | undefined): string | undefined {
  const value = values?.at(-1);
  return typeof value === 'string' ? value : undefined;
}

function settingsOf(values: FlagValues): Pick<Invocation, 'settings' | 'flagNames'> {
  const settings = new Map<string, unknown>();
  const flagNames = new Map<string, string>();
  const give = (path: string, value: unknown, flagName: string) => {
    settings.set(path, value);
    flagNames.set(path, flagName);
  };
  for (const assignment of values.set ?? []) {
    const [, path, value] = /^([^=]+)=(.*)$/s.exec(String(assignment)) ?? [];
    if (path === undefined || value === undefined) {
      throw new UsageError('--set needs KEY=VALUE, for instance --set upstream.url=mqtt://127.0.0.1:1883');
    }
    give(path.trim(), value, `--set ${path.trim()}`);
  }
  if (values.debug !== undefined) give('log.level', 'debug', '-D');
  if (values.trace !== undefined) give('log.level', 'trace', '-V');
  for (const [name, flag] of Object.entries(FLAGS)) {
    const value = values[name]?.at(-1);
    if (flag.setting !== undefined && value !== undefined) give(flag.setting, value, `--${name}`);
  }
  return { settings: Object.fromEntries(settings), flagNames: Object.fromEntries(flagNames) };
}

function tlsOf(values: FlagValues): Readonly<Record<string, unknown>> | undefined {
  const given = Object.entries(FLAGS).flatMap(([name, { tls }]) => {
    const value = values[name]?.at(-1);
    return tls === undefined || value === undefined ? [] : [[tls, value] as const];
  });
  return given.length === 0 && values.tls === undefined ? undefined : Object.fromEntries(given);
}
