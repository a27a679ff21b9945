/**
 * Keys that tokens are checked with, and the algorithms that go with each kind of key: the header of a token chooses among
 * those and no others, so that a public key is never taken for a secret. Must not know claims.
 */
import { createPublicKey, type KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createLocalJWKSet, type JSONWebKeySet, type JWK } from 'jose';
import { GatewayError } from '../errors.ts';
import { boundedGet } from './bounded-get.ts';
import { RefreshingCache } from './refreshing-cache.ts';
import type { AuthServices } from './services.ts';

/** Where the key is. Exactly one of `secret`, `public_key_file` and `jwks.url` is not empty. Times in milliseconds. */
export interface JwtKeySettings {
  readonly secret: string;
  readonly secret_base64: boolean;
  readonly public_key_file: string;
  readonly jwks: {
    readonly url: string;
    readonly ca_file: string;
    readonly refresh: number;
    readonly cooldown: number;
    readonly timeout: number;
  };
}

/** A set of keys, from which the header of a token chooses. */
export type KeySet = ReturnType<typeof createLocalJWKSet>;

/** What a token is checked with. */
export interface JwtKeys {
  readonly algorithms: readonly string[];
  /** @throws {Error} when the source of the keys fails */
  get(signal: AbortSignal): Promise<KeyObject | Uint8Array | KeySet>;
  /** Where a set had no key for a token: the set of now, or null when there is nothing newer to be had. */
  renewed(signal: AbortSignal): Promise<KeySet | null>;
  close(): void;
}

const HMAC = ['HS256', 'HS384', 'HS512'];
const RSA = ['RS256', 'RS384', 'RS512'];
const RSA_PSS = ['PS256', 'PS384', 'PS512'];
const EDWARDS = ['EdDSA', 'Ed25519'];
const CURVES: Readonly<Record<string, string>> = {
  prime256v1: 'ES256',
  secp384r1: 'ES384',
  secp521r1: 'ES512',
};
const ALL_PUBLIC = [...RSA, ...RSA_PSS, ...Object.values(CURVES), ...EDWARDS];

const MIN_RSA_BITS = 2048;
/** Shorter secrets than the hash can be found by trying (RFC 7518 §3.2). */
const GOOD_SECRET_BYTES = 32;
const MAX_SET_BYTES = 256 * 1024;
const MAX_SET_KEYS = 100;

/** @throws {GatewayError} `GW_CONFIG` when there is not one usable key */
export async function createJwtKeys(settings: JwtKeySettings, services: AuthServices): Promise<JwtKeys> {
  const { secret, public_key_file: file, jwks } = settings;
  const given = [secret, file, jwks.url].filter((source) => source !== '').length;
  if (given !== 1)
    throw badKey(`needs one of secret, public_key_file and jwks.url, but has ${given || 'none'}`);
  if (secret !== '') return secretKeys(secret, settings.secret_base64, services);
  if (file !== '') return publicKeys(await readFile(file, 'utf8').catch(unreadable(file)), file);
  return await remoteKeys(jwks, services);
}

function badKey(message: string, cause?: unknown): GatewayError {
  return new GatewayError('GW_CONFIG', `authentication method jwt: ${message}`, { cause });
}

function unreadable(file: string): (cause: unknown) => never {
  return (cause) => {
    throw badKey(`${file} cannot be read`, cause);
  };
}

function fixed(key: KeyObject | Uint8Array, algorithms: readonly string[]): JwtKeys {
  return { algorithms, get: async () => key, renewed: async () => null, close: () => {} };
}

function secretKeys(text: string, isBase64: boolean, { logger }: AuthServices): JwtKeys {
  if (isBase64 && !/^[\w+/-]+={0,2}$/.test(text)) throw badKey('secret is not base64');
  const secret = Buffer.from(text, isBase64 ? 'base64' : 'utf8');
  if (secret.length < GOOD_SECRET_BYTES) {
    const fields = { event: 'auth.weak_secret', method: 'jwt', bytes: secret.length };
    logger.warn(fields, `the secret of tokens should have ${GOOD_SECRET_BYTES} bytes or more`);
  }
  return fixed(secret, HMAC);
}

/** @param pem a public key or a certificate */
function publicKeys(pem: string, file: string): JwtKeys {
  if (/BEGIN [A-Z ]*PRIVATE KEY/.test(pem))
    throw badKey(`${file} holds a private key, which has no business here; give the public one`);
  let key: KeyObject;
  try {
    key = createPublicKey(pem);
  } catch (cause) {
    throw badKey(`${file} holds no public key`, cause);
  }
  return fixed(key, algorithmsOf(key, file));
}

function algorithmsOf(key: KeyObject, file: string): readonly string[] {
  const { modulusLength = 0, namedCurve = '' } = key.asymmetricKeyDetails ?? {};
  switch (key.asymmetricKeyType) {
    case 'rsa':
    case 'rsa-pss':
      if (modulusLength < MIN_RSA_BITS) throw badKey(`the key in ${file} has only ${modulusLength} bits`);
      return key.asymmetricKeyType === 'rsa' ? [...RSA, ...RSA_PSS] : RSA_PSS;
    case 'ec': {
      const algorithm = CURVES[namedCurve];
      if (algorithm === undefined) throw badKey(`the key in ${file} is of an unsupported curve`);
      return [algorithm];
    }
    case 'ed25519':
      return EDWARDS;
    default:
      throw badKey(`the key in ${file} is of an unsupported kind`);
  }
}

async function remoteKeys(jwks: JwtKeySettings['jwks'], { clock, logger }: AuthServices): Promise<JwtKeys> {
  const { url, ca_file: caFile } = jwks;
  const ca = caFile === '' ? null : await readFile(caFile, 'utf8').catch(unreadable(caFile));
  const cache = new RefreshingCache<KeySet>({
    clock,
    refreshMs: jwks.refresh,
    retryMs: jwks.cooldown,
    timeoutMs: jwks.timeout,
    maxEntries: 1,
    maxLoads: 1,
    onStale: (err) =>
      logger.warn(
        { event: 'auth.backend_stale', method: 'jwt', err },
        'new keys cannot be had; the old ones hold',
      ),
    async load(_key, signal) {
      const text = await boundedGet({ url, maxBytes: MAX_SET_BYTES, ca, signal });
      if (text === null) throw new Error('there are no keys at jwks.url');
      return createLocalJWKSet(parseKeySet(text));
    },
  });
  return {
    algorithms: ALL_PUBLIC,
    async get(signal) {
      const keys = await cache.get(url, signal);
      if (keys === null) throw new Error('there are no keys');
      return keys;
    },
    renewed: (signal) => cache.renewed(url, signal),
    close: () => cache.close(),
  };
}

/** Only what can check signatures: secrets have no place where everybody can read them. */
function parseKeySet(text: string): JSONWebKeySet {
  const value: unknown = parseJson(text);
  const keys = typeof value === 'object' && value !== null && 'keys' in value ? value.keys : undefined;
  if (!Array.isArray(keys) || keys.length > MAX_SET_KEYS)
    throw new Error(`the answer is no set of at most ${MAX_SET_KEYS} keys`);
  const usable = keys.filter(isSignatureKey);
  if (usable.length === 0) throw new Error('the answer holds no public key');
  return { keys: usable };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The error of JSON.parse quotes the text.
    throw new Error('the answer is not JSON');
  }
}

function isSignatureKey(key: unknown): key is JWK {
  if (typeof key !== 'object' || key === null) return false;
  const { kty, use } = key as { kty?: unknown; use?: unknown };
  return ['RSA', 'EC', 'OKP'].includes(String(kty)) && (use === undefined || use === 'sig');
}
