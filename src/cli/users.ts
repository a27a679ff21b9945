/** The `users` subcommand: lists and changes the users file of the method `built_in`. */
import { readFileSync } from 'node:fs';
import { algorithmFields, hashedExport } from '../auth/hashed-password.ts';
import { withoutUser, withPassword, withUser } from '../auth/user-list.ts';
import { allUsers, formatOf, parseExport } from '../auth/users-export.ts';
import { changeUsersFile, readUsersFile } from '../auth/users-file.ts';
import type { LoadedSettings } from '../config/settings-source.ts';
import { GatewayError } from '../errors.ts';
import type { Invocation } from './arguments.ts';
import { UsageError } from './flags.ts';
import { chosenAlgorithm, hashedAsChosen } from './hash-password.ts';

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
      const fields = await hashedAsChosen(invocation, await command.readPassword());
      const record = { ...fields, ...(invocation.isSuperuser && { is_superuser: true }) };
      changeUsersFile(file, (users) => (action === 'add' ? withUser : withPassword)(users, name, record));
      return note(file, `${action === 'add' ? 'added' : 'changed'} ${JSON.stringify(name)}`);
    }
    case 'delete':
      changeUsersFile(file, (users) => withoutUser(users, name));
      return note(file, `deleted ${JSON.stringify(name)}`);
    default:
      return await importInto(file, name, invocation);
  }
}

async function importInto(file: string, source: string, invocation: Invocation): Promise<string> {
  const { name, ...rest } = invocation.hash;
  // What EMQX does unless it is told otherwise.
  const algorithm = chosenAlgorithm({ ...invocation, hash: { name: name ?? 'sha256', ...rest } });
  const text = readExport(source);
  const parsed = parseExport(text, formatOf(text), algorithmFields(algorithm));
  const imported = allUsers(await hashedExport(parsed, algorithm));
  const names = new Set<unknown>(imported.map(({ user }) => user));
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
