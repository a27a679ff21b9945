/** Reads a password: from a terminal without showing it, else the first line of standard input. Never from an argument. */
import type { ReadStream, WriteStream } from 'node:tty';
import { UsageError } from './flags.ts';

/** Longer input is no password. */
const MAX_BYTES = 4096;

const ENTER = /[\r\n]/;
const BACKSPACE = /[\b\u007f]/;
const CTRL_C = '\u0003';

/** Where a password comes from. */
export interface PasswordSource {
  readonly stdin: NodeJS.ReadStream | ReadStream;
  readonly stderr: NodeJS.WriteStream | WriteStream;
}

/** @throws {UsageError} when there is none */
export async function readPassword(source: PasswordSource): Promise<string> {
  const password = source.stdin.isTTY ? await readFromTerminal(source) : await readLine(source.stdin);
  if (password === '') throw new UsageError('the password is empty');
  return password;
}

async function readLine(stdin: AsyncIterable<unknown>): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stdin) {
    const bytes = Buffer.from(chunk as Buffer | string);
    chunks.push(bytes);
    size += bytes.length;
    if (bytes.includes('\n') || size > MAX_BYTES) break;
  }
  if (size > MAX_BYTES) throw new UsageError(`the password is longer than ${MAX_BYTES} bytes`);
  return Buffer.concat(chunks).toString('utf8').split(/\r?\n/)[0] ?? '';
}

async function readFromTerminal({ stdin, stderr }: PasswordSource): Promise<string> {
  stderr.write('Password: ');
  stdin.setRawMode(true);
  try {
    return await readKeys(stdin);
  } finally {
    stdin.setRawMode(false);
    stdin.pause();
    stderr.write('\n');
  }
}

async function readKeys(stdin: NodeJS.ReadStream | ReadStream): Promise<string> {
  let typed = '';
  for await (const chunk of stdin) {
    for (const key of Buffer.from(chunk as Buffer | string).toString('utf8')) {
      if (ENTER.test(key)) return typed;
      if (key === CTRL_C) throw new UsageError('interrupted');
      typed = BACKSPACE.test(key) ? [...typed].slice(0, -1).join('') : typed + key;
    }
  }
  return typed;
}
