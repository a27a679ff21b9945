/**
 * Failures of databases, in words that may be logged. Drivers hang queries, parameters and passwords on their errors, and
 * databases quote values in their messages.
 */

import type { Credentials } from './authenticator.ts';

/** A backend could not answer. Holds no secret and no cause. */
export class BackendError extends Error {
  override readonly name = 'BackendError';
  /** Of the driver or the database, such as `ECONNREFUSED` or `42P01`; `TIMEOUT` for limits of our own. */
  readonly code: string;

  constructor(message: string, code: string) {
    super(message);
    this.code = code;
  }
}

const MAX_MESSAGE_LENGTH = 500;

/**
 * @param doing what was tried, such as `connect` or `query`
 * @param secrets texts that are blanked out of the message
 */
export function backendError(doing: string, error: unknown, secrets: readonly string[]): BackendError {
  if (error instanceof BackendError) return error;
  const { message, code } = describe(error);
  let text = message;
  for (const secret of secrets) if (secret !== '') text = text.replaceAll(secret, '[redacted]');
  return new BackendError(`${doing}: ${text.slice(0, MAX_MESSAGE_LENGTH)}`, code);
}

function describe(error: unknown): { message: string; code: string } {
  if (!(error instanceof Error)) return { message: 'failed', code: 'UNKNOWN' };
  // Several addresses were tried: the first failure stands for all.
  if (error instanceof AggregateError && error.message === '') return describe(error.errors[0]);
  const { code } = error as NodeJS.ErrnoException;
  return { message: error.message, code: typeof code === 'string' ? code : error.name };
}

/** What a client has shown and must not appear in a log line. */
export function secretsOf({ pass, token, jwt, sig }: Credentials): string[] {
  return [pass, token, jwt, sig];
}
