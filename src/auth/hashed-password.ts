/** Passwords as records of users hold them. */
import { type HashAlgorithm, PasswordHashes } from './password-hash.ts';

/** Fields of a user that hold its password. */
export type PasswordFields = Readonly<Record<string, unknown>>;

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
