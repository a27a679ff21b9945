/**
 * Tokens of NATS operators: their form, signature and dates. Must not know whom to trust, or what a token allows.
 * @see NATS JWT, versions 1 and 2
 */
import { isNkey, type NkeyKind } from '../nats/nkey.ts';
import { type Claims, isClaims, numberClaim, objectClaim, orNull, textClaim, textsClaim } from './claims.ts';
import { decodeBase64Url, isSignedBy } from './nkey-signature.ts';

/** A token whose signature is that of its issuer; whether the issuer may is for others to say. */
export interface NatsToken {
  readonly version: 1 | 2;
  /** Public key of whom it is about. */
  readonly subject: string;
  /** Public key that signed it. */
  readonly issuer: string;
  /** Account that a signing key stands for; empty when the issuer is the account itself. */
  readonly issuerAccount: string;
  readonly name: string;
  readonly tags: readonly string[];
  /** Seconds since 1970. */
  readonly issuedAt: number;
  /** Seconds since 1970; 0 for never. */
  readonly expires: number;
  /** Seconds since 1970; 0 for at once. */
  readonly notBefore: number;
  /** The claims under `nats`. */
  readonly body: Claims;
}

/** nats-server reads no more either. */
export const MAX_TOKEN_BYTES = 1024 * 1024;
const ALGORITHMS = ['ed25519', 'ed25519-nkey'];
/** Whose key may have signed a token about whom. Accounts do sign their own, which nobody trusts. */
const ISSUERS: Readonly<Record<NkeyKind, readonly NkeyKind[]>> = {
  user: ['account'],
  account: ['operator', 'account'],
  operator: ['operator'],
};

/** Whether a text is made like such a token. Tokens of others have another algorithm in their header. */
export function looksLikeNatsToken(text: string): boolean {
  const [header, ...rest] = text.split('.', 4);
  if (header === undefined || rest.length !== 2 || text.length > MAX_TOKEN_BYTES) return false;
  const claims = parsePart(header);
  return (
    claims !== null &&
    String(claims.typ).toLowerCase() === 'jwt' &&
    // nats-server does not look at the case, but this spelling is that of RFC 9864: an ordinary token.
    claims.alg !== 'Ed25519' &&
    ALGORITHMS.includes(String(claims.alg).toLowerCase())
  );
}

/**
 * Reads a token about a user, an account or an operator.
 * @returns null when it is malformed, about something else, or not signed by its issuer
 */
export function readNatsToken(text: string, kind: NkeyKind): NatsToken | null {
  if (!looksLikeNatsToken(text)) return null;
  const [header = '', payload = '', signature = ''] = text.split('.');
  const claims = parsePart(payload);
  const token = claims === null ? null : orNull(() => readClaims(claims, kind));
  if (token === null) return null;
  const issuerKind = ISSUERS[kind].find((candidate) => isNkey(token.issuer, candidate));
  if (!isNkey(token.subject, kind) || issuerKind === undefined) return null;
  const signed = token.version === 1 ? payload : `${header}.${payload}`;
  return isSignedBy(token.issuer, issuerKind, signed, decodeBase64Url(signature)) ? token : null;
}

function parsePart(part: string): Claims | null {
  const bytes = decodeBase64Url(part);
  if (bytes === null) return null;
  try {
    const value: unknown = JSON.parse(bytes.toString());
    return isClaims(value) ? value : null;
  } catch {
    return null; // no JSON is one of the ways of being no token
  }
}

/** Version 1 has on top what version 2 has under `nats`. */
function readClaims(claims: Claims, kind: NkeyKind): NatsToken | null {
  const body = objectClaim(claims, 'nats') ?? {};
  const isFirst = textClaim(claims, 'type') !== '';
  const place = isFirst ? claims : body;
  if (textClaim(place, 'type') !== kind) return null;
  if (!isFirst && numberClaim(body, 'version') !== 2) return null;
  return {
    version: isFirst ? 1 : 2,
    subject: textClaim(claims, 'sub'),
    issuer: textClaim(claims, 'iss'),
    issuerAccount: textClaim(place, 'issuer_account'),
    name: textClaim(claims, 'name'),
    tags: textsClaim(place, 'tags'),
    issuedAt: numberClaim(claims, 'iat'),
    expires: numberClaim(claims, 'exp'),
    notBefore: numberClaim(claims, 'nbf'),
    body,
  };
}

/** Why a token is not valid at this time, or null. */
export function dateProblem(token: NatsToken, nowMs: number): string | null {
  if (token.expires !== 0 && nowMs >= token.expires * 1000) return 'expired';
  if (token.notBefore !== 0 && nowMs < token.notBefore * 1000) return 'not valid yet';
  return null;
}
