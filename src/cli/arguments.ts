/**
 * The command line: which subcommand, which settings. Decides what was typed, not what it leads to; loads nothing
 * heavy, so that `--help` is instant.
 */
import { existsSync } from 'node:fs';
import { nearestName, suggestion } from '../config/nearest-name.ts';
import { COMMANDS, type Command, FLAGS, type FlagValues, readFlags, UsageError } from './flags.ts';

/** What a command line says. */
export interface Invocation {
  readonly command: Command;
  /** Arguments of `map` and `users`. */
  readonly names: readonly string[];
  /** File of `--config`. */
  readonly configFile: string | undefined;
  readonly host: string | undefined;
  readonly port: string | undefined;
  /** Port of `http.bind`. */
  readonly httpPort: string | undefined;
  /** Settings of `listeners[].tls`; undefined: TLS was not asked for. */
  readonly tls: Readonly<Record<string, unknown>> | undefined;
  readonly pidFile: string | undefined;
  /** Of `--signal`: a name, and behind `=` whom it is for. */
  readonly signal: string | undefined;
  /** `healthcheck --live`. */
  readonly isLive: boolean;
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
    httpPort: last(values.http_port),
    tls: tlsOf(values),
    pidFile: last(values.pid),
    signal: last(values.signal),
    isLive: values.live !== undefined,
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

function chooseCommand(values: FlagValues, positionals: readonly string[]): Command {
  if (values.help !== undefined) return 'help';
  if (values.version !== undefined) return 'version';
  if (values.signal !== undefined) return 'signal';
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
