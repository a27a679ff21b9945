/** Accounts and operators, as their tokens describe them. Must not know where tokens come from. */
import { isNkey } from '../nats/nkey.ts';
import {
  ClaimError,
  type Claims,
  flagClaim,
  isClaims,
  listClaim,
  numberClaim,
  objectClaim,
  orNull,
  textClaim,
  textsClaim,
} from './claims.ts';
import { type Grant, type GrantedPermissions, readGrant, readPermissions } from './nats-grant.ts';
import { type NatsToken, readNatsToken } from './nats-token.ts';

/** An account, by a token that its operator signed. */
export interface NatsAccount {
  readonly token: NatsToken;
  /** Keys that may sign its users; with a grant, that is what all of their users get. */
  readonly signers: ReadonlyMap<string, Grant | null>;
  /** By user, or `*` for all: tokens issued at this second or earlier are revoked. */
  readonly revocations: ReadonlyMap<string, number>;
  /** For users whose token has no permissions. */
  readonly defaultPermissions: GrantedPermissions;
  readonly disallowsBearer: boolean;
  /** -1 for any number. */
  readonly connections: number;
  /** -1 for any number. */
  readonly subscriptions: number;
  /** Bytes; -1 for any number. */
  readonly payload: number;
}

/** An operator: whose signature on an account is trusted. */
export interface NatsOperator {
  /** Null for one that is known by its key alone. */
  readonly token: NatsToken | null;
  readonly accountSigners: ReadonlySet<string>;
  /** Neither the operator's nor the accounts' own keys sign anything: signing keys do. */
  readonly hasStrictSigners: boolean;
}

/** @returns null for anything but a well-formed token of an account that is signed by its issuer */
export function readAccount(text: string): NatsAccount | null {
  const token = readNatsToken(text, 'account');
  return token === null ? null : orNull(() => accountOf(token));
}

function accountOf(token: NatsToken): NatsAccount {
  const { body } = token;
  const limits = objectClaim(body, 'limits') ?? {};
  return {
    token,
    signers: new Map(listClaim(body, 'signing_keys').map(readSigner)),
    revocations: new Map(Object.entries(objectClaim(body, 'revocations') ?? {}).map(readRevocation)),
    defaultPermissions: readPermissions(objectClaim(body, 'default_permissions') ?? {}),
    disallowsBearer: flagClaim(limits, 'disallow_bearer'),
    connections: numberClaim(limits, 'conn'),
    subscriptions: numberClaim(limits, 'subs'),
    payload: numberClaim(limits, 'payload'),
  };
}

function readSigner(entry: unknown): [key: string, scope: Grant | null] {
  const key = isClaims(entry) ? textClaim(entry, 'key') : entry;
  if (typeof key !== 'string' || !isNkey(key, 'account'))
    throw new ClaimError('signing_keys has an entry that is no key');
  return [key, isClaims(entry) ? readScope(entry) : null];
}

function readScope(entry: Claims): Grant {
  if (textClaim(entry, 'kind') !== 'user_scope') throw new ClaimError('signing_keys has an unknown kind');
  return readGrant(objectClaim(entry, 'template') ?? {}, 0);
}

function readRevocation([user, at]: [string, unknown]): [user: string, at: number] {
  if (typeof at !== 'number') throw new ClaimError('revocations has an entry that is no time');
  return [user, at];
}

/**
 * An operator by its public key or its token, which may stand between `BEGIN` and `END` lines.
 * @returns null for anything else
 */
export function readOperator(text: string): NatsOperator | null {
  const plain = withoutFrame(text);
  if (isNkey(plain, 'operator')) {
    return { token: null, accountSigners: new Set([plain]), hasStrictSigners: false };
  }
  const token = readNatsToken(plain, 'operator');
  return token === null ? null : orNull(() => operatorOf(token));
}

function operatorOf(token: NatsToken): NatsOperator {
  const hasStrictSigners = flagClaim(token.body, 'strict_signing_key_usage');
  const signers = textsClaim(token.body, 'signing_keys');
  if (!signers.every((key) => isNkey(key, 'operator')))
    throw new ClaimError('signing_keys has an entry that is no key');
  // Anybody can write a token with their own key about somebody else's.
  if (token.issuer !== token.subject && !signers.includes(token.issuer))
    throw new ClaimError('signed by another operator');
  return {
    token,
    accountSigners: new Set(hasStrictSigners ? signers : [token.subject, ...signers]),
    hasStrictSigners,
  };
}

function withoutFrame(text: string): string {
  const match = /^-{3,}BEGIN [A-Z ]*JWT-{3,}\s+([\w.-]+)\s+-{3,}END /.exec(text.trim());
  return match?.[1] ?? text.trim();
}
