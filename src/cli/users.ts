/** The `users` subcommand: lists and changes the users file of the method `built_in`. */
import { readFileSync } from 'node:fs';
import { changeUsersFile, readUsersFile } from '../auth/users-file.ts';
import { GatewayError } from '../errors.ts';
import type { Invocation } from './arguments.ts';
import { UsageError } from './flags.ts';
import { algorithmFields, chosenAlgorithm, hashedFields } from './hash-password.ts';
import { usersOfExport } from './import-users.ts';
import type { LoadedSettings } from './settings.ts';

type Fields = Readonly<Record<string, unknown>>;

/** What the command needs from outside. */
export interface UsersCommand {
  readonly invocation: Invocation;
  /** Loads the configuration: only where the command line does not name the file. */
  readonly settings: () => Promise<LoadedSettings>;
  readonly readPassword: () => Promise<string>;
}

/**
 * Runs `users ACTION [NAME]`.
 * @returns what to print
 * @throws {UsageError} or {GatewayError}
 */
export async function usersText(command: UsersCommand): Promise<string> {
  const { invocation } = command;
  const [action, name = ''] = invocation.names;
  const file = await usersFile(command);
  switch (action) {
    case 'list':
      return readUsersFile(file)
        .users.map(({ user, isSuperuser }) => `${JSON.stringify(user)}${isSuperuser ? ' superuser' : ''}\n`)
        .join('');
    case 'add':
    case 'change': {
      const fields = await hashedFields(await command.readPassword(), chosenAlgorithm(invocation));
      const record = { ...fields, ...(invocation.isSuperuser && { is_superuser: true }) };
      changeUsersFile(file, (users) => (action === 'add' ? added : changed)(users, name, record));
      return note(file, `${action === 'add' ? 'added' : 'changed'} ${JSON.stringify(name)}`);
    }
    case 'delete':
      changeUsersFile(file, (users) => users.filter((_, i) => i !== indexOf(users, name)));
      return note(file, `deleted ${JSON.stringify(name)}`);
    default:
      return importInto(file, name, invocation);
  }
}

function importInto(file: string, source: string, invocation: Invocation): string {
  const { name, ...rest } = invocation.hash;
  // What EMQX does unless it is told otherwise.
  const algorithm = chosenAlgorithm({ ...invocation, hash: { name: name ?? 'sha256', ...rest } });
  const imported = usersOfExport(readExport(source), algorithmFields(algorithm));
  const names = new Set(imported.map(({ user }) => user));
  changeUsersFile(file, (users) => [...users.filter(({ user }) => !names.has(user)), ...imported]);
  return note(file, `imported ${imported.length} users`);
}

function readExport(file: string): string {
  try {
    return readFileSync(file, 'utf8').replace(/^\ufeff/, '');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new GatewayError('GW_CONFIG', `cannot read ${file}: ${code}`, { cause });
  }
}

function added(users: readonly Fields[], name: string, record: Fields): Fields[] {
  if (users.some(({ user }) => user === name))
    throw new GatewayError('GW_CONFIG', `there is a user ${JSON.stringify(name)} already`);
  return [...users, { user: name, ...record }];
}

/** Everything but the password stays. */
function changed(users: readonly Fields[], name: string, record: Fields): Fields[] {
  const at = indexOf(users, name);
  return users.map((one, i) => {
    if (i !== at) return one;
    const { password: _1, password_hash: _2, salt: _3, algorithm: _4, ...kept } = one;
    return { ...kept, ...record };
  });
}

function indexOf(users: readonly Fields[], name: string): number {
  const at = users.findIndex(({ user }) => user === name);
  if (at < 0) throw new GatewayError('GW_CONFIG', `there is no user ${JSON.stringify(name)}`);
  return at;
}

async function usersFile({ invocation, settings }: UsersCommand): Promise<string> {
  if (invocation.usersFile !== undefined) return invocation.usersFile;
  const { authentication } = (await settings()).config;
  for (const method of authentication) {
    if (method.method === 'built_in' && method.users_file !== '') return method.users_file;
  }
  throw new UsageError('the configuration names no users_file; use --file FILE');
}

function note(file: string, what: string): string {
  return `${file}: ${what}; a running gateway takes it over on SIGHUP\n`;
}
