/** The `hash-password` subcommand: what to put into a configuration or users file in place of a password. */
import { hashedFields } from '../auth/hashed-password.ts';
import type { HashAlgorithm } from '../auth/password-hash.ts';
import { parseAlgorithm } from '../auth/user-record.ts';
import type { Invocation } from './arguments.ts';
import { UsageError } from './flags.ts';

/** How a command line wants passwords to be hashed; bcrypt unless told otherwise. @throws {UsageError} */
export function chosenAlgorithm({ hash }: Invocation): HashAlgorithm {
  try {
    return parseAlgorithm({ name: 'bcrypt', ...hash });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

/** What `hash-password` prints: a bcrypt hash alone, anything else as the fields of a user. */
export async function hashPasswordText(invocation: Invocation, password: string): Promise<string> {
  const fields = await hashedFields(password, chosenAlgorithm(invocation));
  return typeof fields.password === 'string'
    ? `${fields.password}\n`
    : `${JSON.stringify(fields, null, 2)}\n`;
}
