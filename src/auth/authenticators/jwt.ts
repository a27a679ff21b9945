/**
 * `jwt`: a token that somebody signed whose key we know, in one of several fields of CONNECT. Tokens of NATS operators and
 * of other issuers are left to other methods.
 */
import { decodeJwt, errors, type JWTPayload, type JWTVerifyOptions, jwtVerify } from 'jose';
import { GatewayError } from '../../errors.ts';
import type { Authenticator, Credentials, Verdict } from '../authenticator.ts';
import { ClaimError, type Claims } from '../claims.ts';
import { type ClaimSettings, identityOfClaims, wrongClaim } from '../jwt-identity.ts';
import { createJwtKeys, type JwtKeySettings, type JwtKeys, type KeySet } from '../jwt-keys.ts';
import { looksLikeNatsToken } from '../nats-token.ts';
import type { AuthServices } from '../services.ts';

/** Fields of CONNECT that may hold a token. */
export type TokenField = 'jwt' | 'auth_token' | 'pass';

/** Settings of the method. Times in milliseconds. */
export interface JwtSettings extends JwtKeySettings, ClaimSettings {
  /** In this order; the first that holds a token counts. */
  readonly from: readonly TokenField[];
  /** Fewer algorithms than the key could do; empty: all of them. */
  readonly algorithms: readonly string[];
  /** Empty: any. */
  readonly issuer: string;
  /** One of these must be meant; empty: any. */
  readonly audience: readonly string[];
  readonly clock_tolerance: number;
  readonly require_exp: boolean;
}

/** No key is so long, and nobody is made to decode more. */
const MAX_TOKEN_CHARACTERS = 64 * 1024;

/**
 * Makes the method.
 * @throws {GatewayError} `GW_CONFIG` when there is no usable key or an algorithm that the key cannot do
 */
export async function createJwtAuthenticator(
  settings: JwtSettings,
  services: AuthServices,
): Promise<Authenticator> {
  const keys = await createJwtKeys(settings, services);
  const impossible = settings.algorithms.find((algorithm) => !keys.algorithms.includes(algorithm));
  if (impossible !== undefined) {
    const message = `authentication method jwt: the key cannot do ${impossible}, only ${keys.algorithms.join(', ')}`;
    throw new GatewayError('GW_CONFIG', message);
  }
  return new JwtAuthenticator(settings, keys, services);
}

class JwtAuthenticator implements Authenticator {
  readonly method = 'jwt';
  readonly needsNonce = false;
  readonly #settings: JwtSettings;
  readonly #keys: JwtKeys;
  readonly #services: AuthServices;

  constructor(settings: JwtSettings, keys: JwtKeys, services: AuthServices) {
    this.#settings = settings;
    this.#keys = keys;
    this.#services = services;
  }

  async authenticate(shown: Credentials, signal: AbortSignal): Promise<Verdict> {
    const token = tokenOf(shown, this.#settings.from);
    if (token === null || this.#isOfAnother(token)) return { kind: 'skip' };
    const keys = await this.#keys.get(signal);
    let outcome = await this.#check(token, keys);
    if (outcome instanceof errors.JWKSNoMatchingKey) {
      const renewed = await this.#keys.renewed(signal);
      if (renewed !== null && renewed !== keys) outcome = await this.#check(token, renewed);
    }
    if (outcome instanceof Error) return { kind: 'reject', detail: reasonOf(outcome) };
    return this.#judge(outcome, shown);
  }

  async close(): Promise<void> {
    this.#keys.close();
  }

  /** Not checked yet, but to skip grants nothing. */
  #isOfAnother(token: string): boolean {
    if (this.#settings.issuer === '') return false;
    try {
      return decodeJwt(token).iss !== this.#settings.issuer;
    } catch (error) {
      if (error instanceof errors.JOSEError) return false; // malformed, which the check will say
      throw error;
    }
  }

  /** @returns the claims, or what is wrong with the token */
  async #check(token: string, keys: Awaited<ReturnType<JwtKeys['get']>>): Promise<Claims | Error> {
    const {
      algorithms,
      issuer,
      audience,
      clock_tolerance: toleranceMs,
      require_exp: needsExp,
    } = this.#settings;
    const options: JWTVerifyOptions = {
      algorithms: [...(algorithms.length > 0 ? algorithms : this.#keys.algorithms)],
      clockTolerance: toleranceMs / 1000,
      currentDate: new Date(this.#services.wallClock()),
      requiredClaims: needsExp ? ['exp'] : [],
      ...(issuer !== '' && { issuer }),
      ...(audience.length > 0 && { audience: [...audience] }),
    };
    try {
      return await verify(token, keys, options);
    } catch (error) {
      // A TypeError is a key of a set that does not fit or is too weak.
      if (error instanceof errors.JOSEError || error instanceof TypeError) return error;
      throw error;
    }
  }

  #judge(claims: Claims, shown: Credentials): Verdict {
    const wrong = wrongClaim(claims, this.#settings, shown);
    if (wrong !== null) return { kind: 'reject', detail: `claim ${wrong} has not the value it must have` };
    try {
      const identity = identityOfClaims(claims, this.#settings, shown, this.#services.subjectsOfFilter);
      return { kind: 'accept', identity: { ...identity, expiresAtMs: this.#expiryOf(claims) } };
    } catch (error) {
      if (error instanceof ClaimError) return { kind: 'reject', detail: error.message };
      throw error;
    }
  }

  #expiryOf({ exp }: JWTPayload): number | null {
    return exp === undefined ? null : exp * 1000 + this.#settings.clock_tolerance;
  }
}

async function verify(
  token: string,
  keys: Awaited<ReturnType<JwtKeys['get']>>,
  options: JWTVerifyOptions,
): Promise<Claims> {
  const isSet = (value: typeof keys): value is KeySet => typeof value === 'function';
  const { payload } = isSet(keys)
    ? await jwtVerify(token, keys, options)
    : await jwtVerify(token, keys, options);
  return payload;
}

/** The first field that holds something made like a token; a password with two dots is none. */
function tokenOf(shown: Credentials, from: readonly TokenField[]): string | null {
  const fields = { jwt: shown.jwt, auth_token: shown.token, pass: shown.pass };
  const token = from.map((field) => fields[field]).find(looksLikeToken);
  return token ?? null;
}

function looksLikeToken(text: string): boolean {
  if (text.length > MAX_TOKEN_CHARACTERS || looksLikeNatsToken(text)) return false;
  // The base64url of `{"`: what every header begins with.
  return /^eyJ[\w-]*\.[\w-]*\.[\w-]*$/.test(text);
}

/** Without anything of the token in it. */
function reasonOf(error: Error): string {
  if (error instanceof errors.JWTClaimValidationFailed) return `claim ${error.claim}: ${error.reason}`;
  if (error instanceof errors.JWTExpired) return 'expired';
  return error instanceof errors.JOSEError ? error.code : 'unusable key';
}
