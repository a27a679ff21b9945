/** Passwords as records of users hold them. */
import { type HashAlgorithm, PasswordHashes, UnhashableError } from './password-hash.ts';
import type { ExportedUser, ParsedExport } from './users-export.ts';

/** Fields of a user that hold its password. */
export type PasswordFields = Readonly<Record<string, unknown>>;

/** The algorithm in the words of a users file. */
export function algorithmFields(algorithm: HashAlgorithm): PasswordFields {
  const { name, saltPosition, macFunction, iterations, keyBytes } = algorithm;
  if (name !== 'pbkdf2') return { name, salt_position: saltPosition };
  return { name, mac_fun: macFunction, iterations, ...(keyBytes !== null && { dk_length: keyBytes }) };
}

/** A password as a user's record holds it. */
export function hashedFields(password: string, algorithm: HashAlgorithm): Promise<PasswordFields> {
  return withHashes((passwords) => fieldsOf(password, algorithm, passwords));
}

/** An export as a users file may hold it: passwords in plain text are hashed; those that cannot be are skipped. */
export function hashedExport(parsed: ParsedExport, algorithm: HashAlgorithm): Promise<ParsedExport> {
  return withHashes(async (passwords) => {
    const users: ExportedUser[] = [];
    const skipped = [...parsed.skipped];
    for (const { line, record, password } of parsed.users) {
      try {
        const fields = password === null ? {} : await fieldsOf(password, algorithm, passwords);
        users.push({ line, record: { ...record, ...fields, user: record.user }, password: null });
      } catch (error) {
        if (!(error instanceof UnhashableError)) throw error;
        skipped.push({ line, reason: `has a password that ${error.message}` });
      }
    }
    return { users, skipped };
  });
}

async function fieldsOf(
  password: string,
  algorithm: HashAlgorithm,
  passwords: PasswordHashes,
): Promise<PasswordFields> {
  const { hash, salt } = await passwords.hash(password, algorithm, new AbortController().signal);
  if (algorithm.name === 'bcrypt' || algorithm.name === 'plain') return { password: hash };
  return { password_hash: hash, salt, algorithm: algorithmFields(algorithm) };
}

async function withHashes<T>(use: (passwords: PasswordHashes) => Promise<T>): Promise<T> {
  const passwords = new PasswordHashes();
  try {
    return await use(passwords);
  } finally {
    await passwords.close();
  }
}
