/**
 * Reads members of a token's claims as the type they have to have. What is left out or null has the zero value, as in
 * Go; another type makes the token unusable. Must not know what the claims mean.
 */

/** The claims of a token, or an object inside them. */
export type Claims = Readonly<Record<string, unknown>>;

/** A claim has another type than it must have, or a value that cannot be used. */
export class ClaimError extends Error {
  override readonly name = 'ClaimError';
}

/** A member that is there: not one that every object has from its prototype. */
export function claimOf(claims: Claims, name: string): unknown {
  return Object.hasOwn(claims, name) ? (claims[name] ?? undefined) : undefined;
}

/** Whether a value is an object and no list. */
export function isClaims(value: unknown): value is Claims {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** @throws {ClaimError} when it is no text */
export function textClaim(claims: Claims, name: string): string {
  const value = claimOf(claims, name) ?? '';
  if (typeof value !== 'string') throw new ClaimError(`${name} is no text`);
  return value;
}

/** @throws {ClaimError} when it is no whole number */
export function numberClaim(claims: Claims, name: string, absent = 0): number {
  const value = claimOf(claims, name) ?? absent;
  if (typeof value !== 'number' || !Number.isSafeInteger(value))
    throw new ClaimError(`${name} is no whole number`);
  return value;
}

/** @throws {ClaimError} when it is neither true nor false */
export function flagClaim(claims: Claims, name: string): boolean {
  const value = claimOf(claims, name) ?? false;
  if (typeof value !== 'boolean') throw new ClaimError(`${name} is neither true nor false`);
  return value;
}

/** @throws {ClaimError} when it is no list of texts */
export function textsClaim(claims: Claims, name: string): readonly string[] {
  const value = claimOf(claims, name) ?? [];
  if (!Array.isArray(value) || !value.every((item) => typeof item === 'string'))
    throw new ClaimError(`${name} is no list of texts`);
  return value;
}

/** @throws {ClaimError} when it is no object; null when it is not there */
export function objectClaim(claims: Claims, name: string): Claims | null {
  const value = claimOf(claims, name) ?? null;
  if (value !== null && !isClaims(value)) throw new ClaimError(`${name} is no object`);
  return value;
}

/** @throws {ClaimError} when it is no list */
export function listClaim(claims: Claims, name: string): readonly unknown[] {
  const value = claimOf(claims, name) ?? [];
  if (!Array.isArray(value)) throw new ClaimError(`${name} is no list`);
  return value;
}

/** What `read` returns, or null when it finds a claim that cannot be used. Other errors are bugs and pass. */
export function orNull<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof ClaimError) return null;
    throw error;
  }
}
