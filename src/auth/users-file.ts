/**
 * The file with the users of the method `built_in`: `{ "users": [ … ] }`. Read as a whole, replaced as a whole: who reads it
 * meanwhile sees the old file or the new one, never half of one.
 */
import {
  closeSync,
  copyFileSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { GatewayError } from '../errors.ts';
import { parseUsers, type UserRecord } from './user-record.ts';

/** Some hundred thousand users; more belong into a database. */
const MAX_BYTES = 64 * 1024 * 1024;
/** A change that takes longer was interrupted. */
const STALE_LOCK_MS = 10_000;

/** Users as they stand in the file, and what they mean. */
export interface UsersFile {
  readonly raw: readonly Readonly<Record<string, unknown>>[];
  readonly users: readonly UserRecord[];
}

/** @throws {GatewayError} `GW_CONFIG` when the file cannot be read or holds something else */
export function readUsersFile(file: string): UsersFile {
  return parseUsersText(file, readText(file));
}

/** As {@link readUsersFile}, where a file that does not exist has no users. */
export function readUsersFileIfThere(file: string): UsersFile {
  try {
    statSync(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { raw: [], users: [] };
  }
  return readUsersFile(file);
}

function readText(file: string): string {
  try {
    if (statSync(file).size > MAX_BYTES) throw new RangeError(`it is larger than ${MAX_BYTES} bytes`);
    return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(file));
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    throw new GatewayError('GW_CONFIG', `users file ${file} cannot be read: ${code ?? message}`, { cause });
  }
}

function parseUsersText(file: string, text: string): UsersFile {
  const fail = (reason: string) => new GatewayError('GW_CONFIG', `users file ${file}: ${reason}`);
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    // The error of JSON.parse quotes the text.
    throw fail('not valid JSON');
  }
  const list: unknown = (content as { users?: unknown } | null)?.users;
  try {
    return { users: parseUsers(list), raw: list as Readonly<Record<string, unknown>>[] };
  } catch (error) {
    throw fail((error as Error).message);
  }
}

/**
 * Changes the file; nobody else can meanwhile.
 * @param change gets the users as they stand there and returns those that shall
 * @throws {GatewayError} `GW_CONFIG` when the file is wrong before or after, or cannot be written: nothing has changed then
 */
export function changeUsersFile(
  file: string,
  change: (users: readonly Readonly<Record<string, unknown>>[]) => readonly unknown[],
): void {
  const draft = `${file}.tmp`;
  const handle = openDraft(file, draft);
  let isOpen = true;
  try {
    const users = change(readUsersFileIfThere(file).raw);
    parseUsers(users);
    writeSync(handle, `${JSON.stringify({ users }, null, 2)}\n`);
    fsyncSync(handle);
    closeSync(handle);
    isOpen = false;
    replace(draft, file);
  } catch (error) {
    if (isOpen) closeSync(handle);
    unlinkSync(draft);
    throw error instanceof GatewayError
      ? error
      : new GatewayError('GW_CONFIG', `users file ${file}: ${(error as Error).message}`, { cause: error });
  }
}

/** The new file doubles as the lock. */
function openDraft(file: string, draft: string): number {
  try {
    if (Date.now() - statSync(draft).mtimeMs > STALE_LOCK_MS) unlinkSync(draft);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  try {
    return openSync(draft, 'wx', 0o600);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const reason = code === 'EEXIST' ? 'somebody else is changing it' : `cannot be written: ${code}`;
    throw new GatewayError('GW_CONFIG', `users file ${file}: ${reason}`, { cause });
  }
}

/** A file that is mounted by itself, as into a container, cannot be replaced: it is overwritten, after a copy. */
function replace(draft: string, file: string): void {
  try {
    renameSync(draft, file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EBUSY' && code !== 'EXDEV') throw error;
    copyFileSync(file, `${file}.bak`);
    copyFileSync(draft, file);
    unlinkSync(draft);
  }
}
