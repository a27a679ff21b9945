/** The `hash-password` subcommand: what to put into a configuration or users file in place of a password. */
import { hashedFields, type PasswordFields } from '../auth/hashed-password.ts';
import { type HashAlgorithm, UnhashableError } from '../auth/password-hash.ts';
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

/** A password as a user's record holds it, hashed as the command line says. @throws {UsageError} */
export async function hashedAsChosen(invocation: Invocation, password: string): Promise<PasswordFields> {
  try {
    return await hashedFields(password, chosenAlgorithm(invocation));
  } catch (error) {
    throw error instanceof UnhashableError ? new UsageError(`the password ${error.message}`) : error;
  }
}

/** What `hash-password` prints: a bcrypt hash alone, anything else as the fields of a user. */
export async function hashPasswordText(invocation: Invocation, password: string): Promise<string> {
  const fields = await hashedAsChosen(invocation, password);
  return typeof fields.password === 'string'
    ? `${fields.password}\n`
    : `${JSON.stringify(fields, null, 2)}\n`;
}
