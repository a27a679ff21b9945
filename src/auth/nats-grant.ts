/**
 * What a NATS token grants a user: permissions, limits, and the circumstances of the connection. The same claims
 * stand in the token of a user and in the template of a scoped signing key. Must not know who issued them.
 */
import {
  ClaimError,
  type Claims,
  claimOf,
  flagClaim,
  isClaims,
  listClaim,
  numberClaim,
  objectClaim,
  textClaim,
  textsClaim,
} from './claims.ts';
import type { Permissions, ResponsePermission, SubjectRules } from './permissions.ts';
import { parseNetworks } from './source-networks.ts';
import { isTimeZone, parseTimeOfDay, type TimeRange } from './time-ranges.ts';

/** Permissions as tokens have them; all parts empty means that the token has none. */
export interface GrantedPermissions {
  readonly publish: SubjectRules;
  readonly subscribe: SubjectRules;
  readonly responses: ResponsePermission | null;
}

/** @see NATS JWT, user claims */
export interface Grant {
  readonly permissions: GrantedPermissions;
  /** Networks in CIDR form; none means any. */
  readonly sources: readonly string[];
  readonly times: readonly TimeRange[];
  readonly timesLocation: string;
  /** -1 for any number. */
  readonly subscriptions: number;
  /** Bytes; -1 for any number. */
  readonly payload: number;
  readonly isBearer: boolean;
  readonly needsProxy: boolean;
  /** In capital letters; none means any. */
  readonly connectionTypes: readonly string[];
}

/** -1 in a limit of a token. */
export const NO_LIMIT = -1;

const DEFAULT_RESPONSES = 1;
const DEFAULT_RESPONSE_MS = 120_000;
const NANOSECONDS_PER_MS = 1_000_000;

const GRANT_CLAIMS = [
  'pub',
  'sub',
  'resp',
  'src',
  'times',
  'times_location',
  'subs',
  'data',
  'payload',
  'bearer_token',
  'proxy_required',
  'allowed_connection_types',
];

/**
 * Reads the grant in the claims under `nats`.
 * @param absentLimit what a limit is that is left out: nothing in version 2, anything in version 1
 * @throws {ClaimError} when a claim is malformed
 */
export function readGrant(body: Claims, absentLimit: number): Grant {
  return {
    permissions: readPermissions(body),
    sources: readSources(body),
    times: listClaim(body, 'times').map(readTimeRange),
    timesLocation: readLocation(body),
    subscriptions: numberClaim(body, 'subs', absentLimit),
    payload: numberClaim(body, 'payload', absentLimit),
    isBearer: flagClaim(body, 'bearer_token'),
    needsProxy: flagClaim(body, 'proxy_required'),
    connectionTypes: textsClaim(body, 'allowed_connection_types').map((type) => type.toUpperCase()),
  };
}

/** Whether a token grants nothing itself, as that of a user has to whose signing key has a template. */
export function isEmptyGrant(body: Claims): boolean {
  return GRANT_CLAIMS.every((name) => {
    const value = claimOf(body, name);
    // An empty rule is one that is left out; an empty response permission is one that is given.
    if (isClaims(value)) return name !== 'resp' && ['allow', 'deny'].every((list) => !claimOf(value, list));
    return value === undefined || value === false || value === 0 || value === '';
  });
}

/** @throws {ClaimError} when a claim is malformed */
export function readPermissions(claims: Claims): GrantedPermissions {
  const responses = objectClaim(claims, 'resp');
  return {
    publish: readRules(claims, 'pub', false),
    subscribe: readRules(claims, 'sub', true),
    responses: responses === null ? null : readResponses(responses),
  };
}

function readRules(claims: Claims, name: string, mayNameQueue: boolean): SubjectRules {
  const rules = objectClaim(claims, name) ?? {};
  const [allow, deny] = [textsClaim(rules, 'allow'), textsClaim(rules, 'deny')];
  for (const entry of [...allow, ...deny]) {
    if (!isEntry(entry, mayNameQueue)) throw new ClaimError(`${name} has an entry that is no subject`);
  }
  return { allow, deny };
}

/** Whether an entry of a rule is a subject, or, for subscriptions, a subject and a queue group behind a blank. */
function isEntry(entry: string, mayNameQueue: boolean): boolean {
  const parts = entry.split(' ');
  return (
    parts.length <= (mayNameQueue ? 2 : 1) && parts.every((part) => /^[^\s.]+(?:\.[^\s.]+)*$/.test(part))
  );
}

function readResponses(claims: Claims): ResponsePermission {
  const [max, ttl] = [numberClaim(claims, 'max'), numberClaim(claims, 'ttl')];
  return {
    maxMessages: max < 0 ? Number.POSITIVE_INFINITY : max || DEFAULT_RESPONSES,
    expiresMs: ttl < 0 ? Number.POSITIVE_INFINITY : ttl / NANOSECONDS_PER_MS || DEFAULT_RESPONSE_MS,
  };
}

/** Once it was one text with commas. */
function readSources(body: Claims): readonly string[] {
  const isText = typeof claimOf(body, 'src') === 'string';
  const sources = isText
    ? textClaim(body, 'src')
        .split(',')
        .map((network) => network.trim())
        .filter((network) => network !== '')
    : textsClaim(body, 'src');
  if (parseNetworks(sources) === null) throw new ClaimError('src has an entry that is no network');
  return sources;
}

function readTimeRange(range: unknown): TimeRange {
  if (!isClaims(range)) throw new ClaimError('times has an entry that is no object');
  const [start, end] = [textClaim(range, 'start'), textClaim(range, 'end')];
  if (parseTimeOfDay(start) === null || parseTimeOfDay(end) === null)
    throw new ClaimError('times has an entry that is no range');
  return { start, end };
}

function readLocation(body: Claims): string {
  const location = textClaim(body, 'times_location');
  if (!isTimeZone(location)) throw new ClaimError('times_location is no time zone');
  return location;
}

/** Permissions in the gateway's form; null when the token has none. */
export function toPermissions({ publish, subscribe, responses }: GrantedPermissions): Permissions | null {
  const lists = [publish.allow, publish.deny, subscribe.allow, subscribe.deny];
  if (responses === null && lists.every((list) => list.length === 0)) return null;
  return { publish, subscribe, allowResponses: responses };
}
