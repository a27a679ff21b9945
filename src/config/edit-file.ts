/**
 * Replaces a configuration file as a whole, or makes one: who reads it meanwhile sees the old content or the new one, and after a crash one
 * of them is there.
 */
import { createHash, randomBytes } from 'node:crypto';
import * as nodeFs from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** What it needs of the file system; tests bring one that refuses. */
export type FileSystem = Pick<
  typeof nodeFs,
  | 'accessSync'
  | 'closeSync'
  | 'copyFileSync'
  | 'existsSync'
  | 'fchmodSync'
  | 'fchownSync'
  | 'fsyncSync'
  | 'ftruncateSync'
  | 'openSync'
  | 'readFileSync'
  | 'realpathSync'
  | 'renameSync'
  | 'rmSync'
  | 'statSync'
  | 'writeFileSync'
>;

/** The file cannot be changed. Nothing has. */
export class NotWritableError extends Error {
  override readonly name = 'NotWritableError';
}

/** Anybody's right to write. Whoever runs as root would pass every other check. */
const WRITE_BITS = 0o222;
/** File systems say so of a file that is mounted by itself, as into a container. */
const CANNOT_REPLACE = new Set(['EBUSY', 'EXDEV']);
const IS_READ_ONLY = new Set(['EACCES', 'EPERM', 'EROFS']);

/** What stands for a file that is not there yet. */
const EMPTY = '{}\n';
/** Configurations hold secrets. */
const NEW_FILE_MODE = 0o600;

/** Changes with every change of the text. */
export function revisionOf(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, 22);
}

/** See the head of the file. */
export class ConfigFile {
  readonly path: string;
  readonly #fs: FileSystem;

  constructor(path: string, fs: FileSystem = nodeFs) {
    this.path = path;
    this.#fs = fs;
  }

  /** False: {@link write} makes it. */
  get isThere(): boolean {
    return this.#fs.existsSync(this.path);
  }

  /** As it stands there, without a byte order mark. @throws {Error} of the file system */
  read(): string {
    if (!this.isThere) return EMPTY;
    return new TextDecoder('utf-8', { fatal: true }).decode(this.#fs.readFileSync(this.path));
  }

  /** As far as can be told without trying. */
  get isWritable(): boolean {
    try {
      this.#check();
      return true;
    } catch (error) {
      if (error instanceof NotWritableError) return false;
      throw error;
    }
  }

  /**
   * Permissions and owner stay.
   * @throws {NotWritableError} when file or folder are read-only
   */
  write(text: string): void {
    const target = this.#check();
    const draft = `${target}.${randomBytes(6).toString('hex')}.tmp`;
    try {
      this.#writeDraft(draft, target, text);
      this.#replace(draft, target, text);
    } catch (error) {
      this.#fs.rmSync(draft, { force: true });
      throw asNotWritable(error, this.path);
    }
  }

  /** Undoes the {@link write} that has made it. */
  remove(): void {
    this.#fs.rmSync(this.path, { force: true });
  }

  /** @returns where the content really is: links stay, as those of Kubernetes and of configuration management */
  #check(): string {
    const { accessSync, realpathSync, statSync } = this.#fs;
    const { W_OK } = nodeFs.constants;
    try {
      const isThere = this.isThere;
      const target = isThere
        ? realpathSync(this.path)
        : join(realpathSync(dirname(this.path)), basename(this.path));
      for (const place of isThere ? [target, dirname(target)] : [dirname(target)]) {
        accessSync(place, W_OK);
        if ((statSync(place).mode & WRITE_BITS) === 0) throw new NotWritableError(`${place} is read-only`);
      }
      return target;
    } catch (error) {
      throw asNotWritable(error, this.path);
    }
  }

  #writeDraft(draft: string, target: string, text: string): void {
    const fs = this.#fs;
    const before = fs.existsSync(target) ? fs.statSync(target) : null;
    const handle = fs.openSync(draft, 'wx', NEW_FILE_MODE);
    try {
      fs.writeFileSync(handle, text);
      const { uid, gid, mode } = before ?? fs.statSync(draft);
      const own = fs.statSync(draft);
      if (own.uid !== uid || own.gid !== gid) fs.fchownSync(handle, uid, gid);
      fs.fchmodSync(handle, mode & 0o7777);
      fs.fsyncSync(handle);
    } finally {
      fs.closeSync(handle);
    }
  }

  #replace(draft: string, target: string, text: string): void {
    const fs = this.#fs;
    try {
      fs.renameSync(draft, target);
    } catch (error) {
      if (!CANNOT_REPLACE.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
      fs.copyFileSync(target, `${target}.bak`);
      this.#overwrite(target, text);
      fs.rmSync(draft, { force: true });
      return;
    }
    // The new name has to be on the disk as well.
    const folder = fs.openSync(dirname(target), 'r');
    try {
      fs.fsyncSync(folder);
    } finally {
      fs.closeSync(folder);
    }
  }

  #overwrite(target: string, text: string): void {
    const fs = this.#fs;
    const handle = fs.openSync(target, 'r+');
    try {
      fs.ftruncateSync(handle);
      fs.writeFileSync(handle, text);
      fs.fsyncSync(handle);
    } finally {
      fs.closeSync(handle);
    }
  }
}

function asNotWritable(error: unknown, file: string): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (!IS_READ_ONLY.has(code ?? '')) return error;
  return new NotWritableError(`${file} or its folder is read-only (${code})`, { cause: error });
}
