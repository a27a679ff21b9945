/**
 * `nats_jwt`: the operator mode of NATS. A user shows a token that their account signed, whose own token an operator
 * signed whom we trust. Every failure looks the same to the client; the log says what it was.
 */
import { GatewayError } from '../../errors.ts';
import { isNkey } from '../../nats/nkey.ts';
import { AccountResolver, type ResolverSettings } from '../account-resolver.ts';
import type { Authenticator, Credentials, Identity, Verdict } from '../authenticator.ts';
import { orNull } from '../claims.ts';
import { readConfiguredFile } from '../configured-file.ts';
import { plainIdentity } from '../identity.ts';
import { type NatsAccount, type NatsOperator, readOperator } from '../nats-account.ts';
import { type Grant, isEmptyGrant, NO_LIMIT, readGrant, toPermissions } from '../nats-grant.ts';
import { fillScope } from '../nats-scope.ts';
import { dateProblem, looksLikeNatsToken, type NatsToken, readNatsToken } from '../nats-token.ts';
import { decodeSignatureText, isSignedBy } from '../nkey-signature.ts';
import type { AuthServices } from '../services.ts';
import { isInNetworks, parseNetworks } from '../source-networks.ts';
import { remainingMs } from '../time-ranges.ts';

/** Settings of the method. */
export interface NatsJwtSettings {
  /** Public keys (`O…`) or tokens of operators. */
  readonly trusted_operators: readonly string[];
  /** Files with one of them each. */
  readonly operator_files: readonly string[];
  readonly resolver: ResolverSettings;
}

/** What nats-server may find in `allowed_connection_types`; other words say nothing. */
const CONNECTION_TYPES = [
  'STANDARD',
  'WEBSOCKET',
  'LEAFNODE',
  'LEAFNODE_WS',
  'MQTT',
  'MQTT_WS',
  'IN_PROCESS',
];

/**
 * Makes the method.
 * @throws {GatewayError} `GW_CONFIG` when an operator or a preloaded account is not usable
 */
export async function createNatsJwtAuthenticator(
  settings: NatsJwtSettings,
  services: AuthServices,
): Promise<Authenticator> {
  const operators = settings.trusted_operators.map((text, index) =>
    operatorOf(text, `trusted_operators[${index}]`),
  );
  for (const file of settings.operator_files)
    operators.push(operatorOf(await readConfiguredFile(file, 'operator_files'), file));
  const resolver = await AccountResolver.create(settings.resolver, services);
  return new NatsJwtAuthenticator(operators, resolver, services);
}

function operatorOf(text: string, place: string): NatsOperator {
  const operator = readOperator(text);
  if (operator === null)
    throw new GatewayError(
      'GW_CONFIG',
      `${place} is neither the public key (O…) nor the token of an operator`,
    );
  return operator;
}

/** Ends the judgement with a reject. */
class Refusal extends Error {
  override readonly name = 'Refusal';
}

/** Everything known of a user whose chain of signatures is in order. */
interface Case {
  readonly credentials: Credentials;
  readonly user: NatsToken;
  readonly account: NatsAccount;
  readonly grant: Grant;
}

class NatsJwtAuthenticator implements Authenticator {
  readonly method = 'nats_jwt';
  readonly needsNonce = true;
  readonly #operators: readonly NatsOperator[];
  readonly #resolver: AccountResolver;
  readonly #services: AuthServices;

  constructor(operators: readonly NatsOperator[], resolver: AccountResolver, services: AuthServices) {
    this.#operators = operators;
    this.#resolver = resolver;
    this.#services = services;
  }

  async authenticate(credentials: Credentials, signal: AbortSignal): Promise<Verdict> {
    if (!looksLikeNatsToken(credentials.jwt)) return { kind: 'skip' };
    try {
      return { kind: 'accept', identity: await this.#identify(credentials, signal) };
    } catch (error) {
      if (error instanceof Refusal) return { kind: 'reject', detail: error.message };
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#resolver.close();
  }

  async #identify(credentials: Credentials, signal: AbortSignal): Promise<Identity> {
    const user = readNatsToken(credentials.jwt, 'user');
    if (user === null) throw new Refusal('not the token of a user, or not signed by its issuer');
    const account = await this.#trustedAccount(user, signal);
    const known: Case = { credentials, user, account, grant: grantOf(user, account) };
    const nowMs = this.#services.wallClock();
    refuseIf(dateProblem(user, nowMs));
    checkPossession(known);
    checkAccountRules(known);
    const remaining = checkCircumstances(known, nowMs);
    return identityOfCase(known, nowMs + remaining);
  }

  async #trustedAccount(user: NatsToken, signal: AbortSignal): Promise<NatsAccount> {
    const key = user.issuerAccount || user.issuer;
    if (!isNkey(key, 'account')) throw new Refusal('the issuing account is no account');
    const account = await this.#resolver.find(key, signal);
    if (account === null) throw new Refusal('unknown account');
    const nowMs = this.#services.wallClock();
    const operator = this.#operators.find(({ accountSigners }) => accountSigners.has(account.token.issuer));
    if (operator === undefined) throw new Refusal('the account is not signed by a trusted operator');
    refuseIf(operator.token && dateProblem(operator.token, nowMs), 'operator');
    refuseIf(dateProblem(account.token, nowMs), 'account');
    const isOwnKey = user.issuer === key && !operator.hasStrictSigners;
    if (!isOwnKey && !account.signers.has(user.issuer))
      throw new Refusal('the issuer is no key of the account');
    return account;
  }
}

function refuseIf(problem: string | null, whose = 'token'): void {
  if (problem !== null) throw new Refusal(`${whose} ${problem}`);
}

/** The user's own, or what the signing key gives all of its users. */
function grantOf(user: NatsToken, account: NatsAccount): Grant {
  const template = account.signers.get(user.issuer) ?? null;
  if (template === null) {
    const own = orNull(() => readGrant(user.body, user.version === 1 ? NO_LIMIT : 0));
    if (own === null) throw new Refusal('a claim is malformed');
    return own;
  }
  if (user.version === 1 || !isEmptyGrant(user.body))
    throw new Refusal('the token has rights of its own, which its signing key does not allow');
  const filled = fillScope(template, {
    name: user.name,
    subject: user.subject,
    accountName: account.token.name,
    accountSubject: account.token.subject,
    tags: user.tags,
    accountTags: account.token.tags,
  });
  if (filled === null) throw new Refusal('the template of the signing key cannot be filled in');
  return filled;
}

/** That the client is the user, and not somebody who has seen their token. */
function checkPossession({ credentials, user, account, grant }: Case): void {
  if (grant.isBearer) {
    if (account.disallowsBearer) throw new Refusal('the account does not allow bearer tokens');
    return;
  }
  // Without a nonce the signature of the empty text would do, for ever.
  if (credentials.nonce === '') throw new Refusal('no nonce was offered on this connection');
  if (!isSignedBy(user.subject, 'user', credentials.nonce, decodeSignatureText(credentials.sig)))
    throw new Refusal(credentials.sig === '' ? 'no signature' : 'wrong signature');
}

function checkAccountRules({ user, account }: Case): void {
  for (const whom of [user.subject, '*']) {
    const revokedAt = account.revocations.get(whom);
    if (revokedAt !== undefined && revokedAt >= user.issuedAt) throw new Refusal('revoked');
  }
  if (account.connections === 0) throw new Refusal('the account may have no connections');
}

/** @returns milliseconds until the end of the current time range */
function checkCircumstances({ credentials, grant }: Case, nowMs: number): number {
  // Such a proxy signs for its clients; none is known to the gateway.
  if (grant.needsProxy) throw new Refusal('the user must come through a trusted proxy');
  const types = grant.connectionTypes.filter((type) => CONNECTION_TYPES.includes(type));
  const ownType = credentials.transport === 'ws' ? 'WEBSOCKET' : 'STANDARD';
  if (grant.connectionTypes.length > 0 && !types.includes(ownType))
    throw new Refusal('not allowed on this kind of connection');
  const networks = parseNetworks(grant.sources);
  if (grant.sources.length > 0 && (networks === null || !isInNetworks(networks, credentials.remoteAddress)))
    throw new Refusal('not allowed from this address');
  const remaining = remainingMs(grant.times, grant.timesLocation, nowMs);
  if (remaining === null) throw new Refusal('not allowed at this time');
  return remaining;
}

function identityOfCase({ user, account, grant }: Case, endOfRangeMs: number): Identity {
  const dates = [user.expires, account.token.expires].filter((seconds) => seconds !== 0);
  const expiresAtMs = Math.min(endOfRangeMs, ...dates.map((seconds) => seconds * 1000));
  return {
    ...plainIdentity('nats_jwt', user.subject),
    permissions: toPermissions(grant.permissions) ?? toPermissions(account.defaultPermissions),
    expiresAtMs: Number.isFinite(expiresAtMs) ? expiresAtMs : null,
    maxSubscriptions: narrower(grant.subscriptions, account.subscriptions),
    maxPayloadBytes: narrower(grant.payload, account.payload),
    attributes: {
      user_name: user.name,
      account: account.token.subject,
      account_name: account.token.name,
    },
  };
}

/** The lower of two limits; null when neither is one. What is below -1 makes no sense, so it gives nothing. */
function narrower(...limits: readonly number[]): number | null {
  const real = limits.filter((limit) => limit !== NO_LIMIT);
  return real.length === 0 ? null : Math.max(0, Math.min(...real));
}
