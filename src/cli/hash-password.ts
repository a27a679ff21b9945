/** The `hash-password` subcommand: what to put into a configuration or users file in place of a password. */
import { type HashAlgorithm, PasswordHashes } from '../auth/password-hash.ts';
import { parseAlgorithm } from '../auth/user-record.ts';
import type { Invocation } from './arguments.ts';
import { UsageError } from './flags.ts';

/** Fields of a user that hold its password. */
export type PasswordFields = Readonly<Record<string, unknown>>;

/** How a command line wants passwords to be hashed; bcrypt unless told otherwise. @throws {UsageError} */
export function chosenAlgorithm({ hash }: Invocation): HashAlgorithm {
  try {
    return parseAlgorithm({ name: 'bcrypt', ...hash });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

/** The algorithm in the words of a users file. */
export function algorithmFields(algorithm: HashAlgorithm): PasswordFields {
  const { name, saltPosition, macFunction, iterations, keyBytes } = algorithm;
  if (name !== 'pbkdf2') return { name, salt_position: saltPosition };
  return { name, mac_fun: macFunction, iterations, ...(keyBytes !== null && { dk_length: keyBytes }) };
}

/** A password as a user's record holds it. */
export async function hashedFields(password: string, algorithm: HashAlgorithm): Promise<PasswordFields> {
  const passwords = new PasswordHashes();
  try {
    const { hash, salt } = await passwords.hash(password, algorithm, new AbortController().signal);
    if (algorithm.name === 'bcrypt' || algorithm.name === 'plain') return { password: hash };
    return { password_hash: hash, salt, algorithm: algorithmFields(algorithm) };
  } finally {
    await passwords.close();
  }
}

/** What `hash-password` prints: a bcrypt hash alone, anything else as the fields of a user. */
export async function hashPasswordText(invocation: Invocation, password: string): Promise<string> {
  const fields = await hashedFields(password, chosenAlgorithm(invocation));
  return typeof fields.password === 'string'
    ? `${fields.password}\n`
    : `${JSON.stringify(fields, null, 2)}\n`;
}
