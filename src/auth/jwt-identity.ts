/** What the claims of a checked token say of a client. Pure. */
import { AclError, aclForUser, permissionsOfAcl, type SubjectsOfFilter } from './acl.ts';
import type { Credentials, Identity } from './authenticator.ts';
import { ClaimError, type Claims, claimOf, isClaims, objectClaim, textsClaim } from './claims.ts';
import { renderCredentials } from './credential-template.ts';
import { plainIdentity } from './identity.ts';
import { PermissionFormatError, parsePermissions } from './permission-format.ts';
import type { Permissions } from './permissions.ts';

/** Settings of the method that are about claims. */
export interface ClaimSettings {
  /** Claim that holds the name of the client. */
  readonly name_claim: string;
  /** Claim with an access list in EMQX's form. */
  readonly acl_claim: string;
  /** By claim: a template of the value that it must have. */
  readonly required_claims: Readonly<Record<string, string>>;
}

/** Longer names only fill the log. */
const MAX_NAME = 256;

/**
 * The first claim that has not the value it must have, or null. A list has to hold the value. What a client left out
 * fits no claim, not even an empty one.
 */
export function wrongClaim(
  claims: Claims,
  { required_claims: required }: ClaimSettings,
  shown: Credentials,
): string | null {
  for (const [name, template] of Object.entries(required)) {
    const expected = renderCredentials(template, shown, (value) => value);
    const value = claimAt(claims, name);
    const values: unknown[] = Array.isArray(value) ? value : [value];
    const isRight = values.some((one) => isScalar(one) && String(one) === expected);
    if (expected === '' || !isRight) return name;
  }
  return null;
}

function isScalar(value: unknown): boolean {
  return ['string', 'number', 'boolean'].includes(typeof value);
}

/** The claim of this name, else the one at this path (`realm.role`). */
function claimAt(claims: Claims, name: string): unknown {
  const whole = claimOf(claims, name);
  if (whole !== undefined) return whole;
  let value: unknown = claims;
  for (const part of name.split('.')) value = isClaims(value) ? claimOf(value, part) : undefined;
  return value;
}

/**
 * Who the client is, apart from the expiry.
 * @throws {ClaimError} when a claim that grants something is malformed
 */
export function identityOfClaims(
  claims: Claims,
  settings: ClaimSettings,
  shown: Credentials,
  subjectsOf: SubjectsOfFilter,
): Identity {
  const name = claimAt(claims, settings.name_claim);
  const isNamed = typeof name === 'string' && name !== '' && name.length <= MAX_NAME;
  // Anybody with a token could else take somebody's name, and with it a mountpoint.
  const isUserProven = Object.values(settings.required_claims).includes('${connect.user}');
  return {
    ...plainIdentity('jwt', isNamed ? name : isUserProven ? shown.user : 'jwt'),
    isSuperuser: [true, 'true', 1, '1'].some((yes) => yes === claimOf(claims, 'is_superuser')),
    permissions: readPermissions(claims, settings.acl_claim, shown, subjectsOf),
    attributes: readAttributes(claims),
  };
}

function readPermissions(
  claims: Claims,
  aclClaim: string,
  shown: Credentials,
  subjectsOf: SubjectsOfFilter,
): Permissions | null {
  const [acl, permissions] = [claimOf(claims, aclClaim), claimOf(claims, 'permissions')];
  if (acl !== undefined && permissions !== undefined) throw new ClaimError('both an acl and permissions');
  try {
    if (permissions !== undefined) return parsePermissions(permissions);
    return acl === undefined ? null : permissionsOfAcl(aclForUser(rulesOf(acl), shown.user), subjectsOf);
  } catch (error) {
    if (error instanceof AclError || error instanceof PermissionFormatError)
      throw new ClaimError(error.message);
    throw error;
  }
}

/** EMQX's short form `{ pub, sub, all }` is a list of permissions. */
function rulesOf(acl: unknown): unknown {
  if (!isClaims(acl)) return acl;
  const unknown = Object.keys(acl).find((name) => !['pub', 'sub', 'all'].includes(name));
  if (unknown !== undefined) throw new ClaimError('acl has something else than pub, sub and all');
  return [
    { permission: 'allow', action: 'publish', topics: textsClaim(acl, 'pub') },
    { permission: 'allow', action: 'subscribe', topics: textsClaim(acl, 'sub') },
    { permission: 'allow', action: 'all', topics: textsClaim(acl, 'all') },
  ];
}

function readAttributes(claims: Claims): Readonly<Record<string, string>> {
  const attributes = Object.entries(objectClaim(claims, 'client_attrs') ?? {});
  for (const [name, value] of attributes) {
    if (typeof value !== 'string' || !/^[\w-]+$/.test(name))
      throw new ClaimError('client_attrs has something else than names and texts');
  }
  return Object.fromEntries(attributes) as Record<string, string>;
}
