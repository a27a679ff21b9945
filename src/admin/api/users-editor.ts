/** Changes the users file of `built_in`, and brings the change into the running gateway, or leaves both as they were. */
import { algorithmFields, hashedExport, hashedFields } from '../../auth/hashed-password.ts';
import { type HashAlgorithm, UnhashableError } from '../../auth/password-hash.ts';
import { withFields, withoutUser, withUser } from '../../auth/user-list.ts';
import { parseAlgorithm, parseUsers } from '../../auth/user-record.ts';
import { parseExport } from '../../auth/users-export.ts';
import { changeUsersFile, readUsersFile } from '../../auth/users-file.ts';
import type { SettingsOf } from '../../config/authentication/methods.ts';
import { isRecord } from '../../config/key-path.ts';
import type { GatewayControl } from '../../control/gateway-control.ts';
import type {
  AppliedBody,
  ImportedBody,
  ImportRequest,
  UsersBody,
  UserValues,
  UserView,
} from '../api-types.ts';
import { ProblemError } from '../problem.ts';
import { asProblem } from './config-problem.ts';
import type { SettingsEditor } from './settings-editor.ts';

type Fields = Readonly<Record<string, unknown>>;
type Change = (users: readonly Fields[]) => readonly Fields[];

const NO_FILE = 'no users file is configured: give the method built_in a users_file';

/** See the head of the file. */
export class UsersEditor {
  readonly #control: GatewayControl;
  readonly #editor: SettingsEditor;

  constructor(control: GatewayControl, editor: SettingsEditor) {
    this.#control = control;
    this.#editor = editor;
  }

  /** Users in the order of file and configuration. @throws {ProblemError} 409 when the file cannot be read */
  page(search: string, offset: number, limit: number): UsersBody {
    const file = this.#method()?.users_file || null;
    const wanted = search.toLowerCase();
    const all = [...(file === null ? [] : fromFile(file)), ...this.#fromConfig()];
    const found = all.filter(({ user }) => user.toLowerCase().includes(wanted));
    return { file, total: found.length, users: found.slice(offset, offset + limit) };
  }

  /** @throws {ProblemError} 400 for what is no user, 409 when there is one already */
  async add({ user, ...values }: UserValues): Promise<AppliedBody> {
    this.#file();
    if (values.password === undefined) throw wrong('password', 'is missing');
    if (this.#fromConfig().some((one) => one.user === user))
      throw new ProblemError(409, `the user ${JSON.stringify(user)} stands in the configuration`);
    const record = await recordOf({ user, ...values });
    return await this.#change((users) => withUser(users, user, record));
  }

  /** @throws {ProblemError} 404 when there is no such user in the file */
  async change(name: string, values: UserValues): Promise<AppliedBody> {
    if (values.user !== name) throw wrong('user', `must be ${JSON.stringify(name)}: names cannot be changed`);
    this.#mustBeThere(name);
    const record = await recordOf(values);
    return await this.#change((users) => withFields(users, name, record, values.password !== undefined));
  }

  /** @throws {ProblemError} 404 when there is no such user in the file */
  async delete(name: string): Promise<AppliedBody> {
    this.#mustBeThere(name);
    return await this.#change((users) => withoutUser(users, name));
  }

  /** @throws {ProblemError} 400 when the content is no export */
  async import({ content, format, replace = false, algorithm }: ImportRequest): Promise<ImportedBody> {
    this.#file();
    const how = algorithmOf(algorithm);
    const parsed = await hashedExport(readExport(content, format, how), how);
    const skipped = [...parsed.skipped];
    const counted = { added: 0, changed: 0 };
    const ofConfig = new Set(this.#fromConfig().map(({ user }) => user));
    const change: Change = (users) => {
      const result = new Map(users.map((one) => [String(one.user), one]));
      for (const { line, record } of parsed.users) {
        const isThere = result.has(record.user);
        if (ofConfig.has(record.user)) skipped.push({ line, reason: 'stands in the configuration' });
        else if (isThere && !replace) skipped.push({ line, reason: 'is there already' });
        else {
          counted[isThere ? 'changed' : 'added']++;
          result.set(record.user, record);
        }
      }
      return [...result.values()];
    };
    await this.#change(change);
    return { ...counted, skipped: skipped.sort((a, b) => a.line - b.line) };
  }

  #change(change: Change): Promise<AppliedBody> {
    const file = this.#file();
    return this.#editor.exclusively(async () => {
      let before: readonly Fields[] = [];
      write(file, (users) => {
        before = users;
        return change(users);
      });
      try {
        return await this.#editor.applied();
      } catch (error) {
        write(file, () => before);
        throw error;
      }
    });
  }

  #mustBeThere(name: string): void {
    if (fromFile(this.#file()).some(({ user }) => user === name)) return;
    if (this.#fromConfig().some(({ user }) => user === name))
      throw new ProblemError(
        409,
        `the user ${JSON.stringify(name)} stands in the configuration; change it there`,
      );
    throw new ProblemError(404, `there is no user ${JSON.stringify(name)}`);
  }

  #file(): string {
    const file = this.#method()?.users_file ?? '';
    if (file === '') throw new ProblemError(409, NO_FILE);
    return file;
  }

  /** The first one that has a file, else the first one. */
  #method(): SettingsOf<'built_in'> | undefined {
    const all = this.#control.config.authentication.filter((one) => one.method === 'built_in');
    return all.find(({ users_file }) => users_file !== '') ?? all[0];
  }

  #fromConfig(): UserView[] {
    return (this.#method()?.users ?? []).map(({ user, isSuperuser, permissions }) => ({
      ...{ user, isSuperuser, permissions, source: 'config' as const },
    }));
  }
}

function fromFile(file: string): UserView[] {
  try {
    return readUsersFile(file).raw.map((one) => ({
      user: String(one.user),
      isSuperuser: one.is_superuser === true,
      permissions: one.permissions ?? null,
      source: 'file',
    }));
  } catch (error) {
    throw asProblem(error, 409, 'the users file cannot be used');
  }
}

async function recordOf({ user, password, is_superuser, permissions }: UserValues): Promise<Fields> {
  const others = {
    ...(is_superuser !== undefined && { is_superuser }),
    ...(isRecord(permissions) && { permissions }),
  };
  if (permissions !== undefined && permissions !== null && !isRecord(permissions))
    throw wrong('permissions', 'must be an object, or null');
  try {
    // Before the password is hashed, which takes long.
    parseUsers([{ user, ...others }]);
  } catch (error) {
    throw wrong('permissions', error instanceof Error ? error.message.replace(/^users\[0\]: /, '') : '');
  }
  const hashed = password === undefined ? {} : await hashedPassword(password);
  // Undefined vanishes when the file is written.
  return { ...hashed, ...others, ...(permissions === null && { permissions: undefined }) };
}

async function hashedPassword(password: string): Promise<Fields> {
  try {
    return await hashedFields(password, parseAlgorithm({ name: 'bcrypt' }));
  } catch (error) {
    throw error instanceof UnhashableError ? wrong('password', error.message) : error;
  }
}

function algorithmOf(given: ImportRequest['algorithm']): HashAlgorithm {
  try {
    // What EMQX does unless it is told otherwise.
    return parseAlgorithm({ name: 'sha256', ...given });
  } catch (error) {
    throw wrong('algorithm', error instanceof Error ? error.message : '');
  }
}

function readExport(
  content: string,
  format: ImportRequest['format'],
  algorithm: HashAlgorithm,
): ReturnType<typeof parseExport> {
  try {
    return parseExport(content.replace(/^\ufeff/, ''), format, algorithmFields(algorithm));
  } catch (error) {
    throw asProblem(error, 400, 'nothing was imported');
  }
}

function write(file: string, change: Change): void {
  try {
    changeUsersFile(file, change);
  } catch (error) {
    throw asProblem(error, 409, 'the users could not be changed');
  }
}

function wrong(path: string, message: string): ProblemError {
  return new ProblemError(400, `${path} ${message}`, { errors: [{ path, message }] });
}
