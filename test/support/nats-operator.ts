/**
 * Operators, accounts and users of NATS, made with the official packages. Every maker takes claims to add or replace, so
 * that a test can make a token that is wrong in one place only.
 */
import { Algorithms, encode } from '@nats-io/jwt';
import { createAccount, createOperator, createUser, type KeyPair } from '@nats-io/nkeys';

/** A key and a token about it. */
export interface Holder {
  readonly pair: KeyPair;
  /** Public key. */
  readonly key: string;
  readonly token: string;
}

/** What a token may have otherwise than usual. */
export interface TokenOptions {
  readonly pair?: KeyPair;
  /** Who signs it. */
  readonly signer?: KeyPair;
  /** Under `nats`. */
  readonly body?: Record<string, unknown>;
  /** On top: `exp`, `nbf`, `name`, `sub` … */
  readonly claims?: Record<string, unknown>;
  readonly version?: 1 | 2;
}

const UNLIMITED = { subs: -1, data: -1, payload: -1 };
/** Limits of an account that has none. */
export const ACCOUNT_LIMITS = {
  ...UNLIMITED,
  imports: -1,
  exports: -1,
  wildcards: true,
  conn: -1,
  leaf: -1,
};

/** An operator that signs its token itself. */
export async function makeOperator(options: TokenOptions = {}): Promise<Holder> {
  const pair = options.pair ?? createOperator();
  return await hold('operator', pair, pair, {}, options);
}

/** An account without limits, signed by the operator. */
export async function makeAccount(operator: KeyPair, options: TokenOptions = {}): Promise<Holder> {
  const body = { limits: ACCOUNT_LIMITS };
  return await hold('account', options.pair ?? createAccount(), operator, body, options);
}

/** A user without limits, signed by the account. */
export async function makeUser(account: KeyPair, options: TokenOptions = {}): Promise<Holder> {
  return await hold('user', options.pair ?? createUser(), account, UNLIMITED, options);
}

async function hold(
  type: string,
  pair: KeyPair,
  issuer: KeyPair,
  body: Record<string, unknown>,
  options: TokenOptions,
): Promise<Holder> {
  const key = pair.getPublicKey();
  const isFirst = options.version === 1;
  const nats = { ...body, ...options.body, ...(!isFirst && { type }) };
  const claims = { name: type, sub: key, aud: 'NATS', ...(isFirst && { type }), ...options.claims, nats };
  const algorithm = isFirst ? Algorithms.v1 : Algorithms.v2;
  const token = await encode(algorithm, claims as never, options.signer ?? issuer);
  return { pair, key, token };
}

/** A user without any claim about rights, as scoped signing keys want it. */
export async function makeScopedUser(
  account: string,
  signer: KeyPair,
  options: TokenOptions = {},
): Promise<Holder> {
  const body = { issuer_account: account, ...options.body };
  return await hold('user', options.pair ?? createUser(), signer, {}, { ...options, body });
}

/** A token with another header or payload, under the old signature. */
export function forge(
  token: string,
  change: { header?: object; payload?: object; signature?: string },
): string {
  const [header = '', payload = '', signature = ''] = token.split('.');
  return [
    changed(header, change.header),
    changed(payload, change.payload),
    change.signature ?? signature,
  ].join('.');
}

function changed(part: string, change: object | undefined): string {
  if (change === undefined) return part;
  const old = JSON.parse(Buffer.from(part, 'base64url').toString()) as object;
  return Buffer.from(JSON.stringify({ ...old, ...change })).toString('base64url');
}

/** The signature of a nonce, as clients send it. */
export function signed(nonce: string, pair: KeyPair): string {
  return Buffer.from(pair.sign(Buffer.from(nonce))).toString('base64url');
}
