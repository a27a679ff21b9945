/**
 * Permissions as people write them, in the forms that nats-server takes. Pure; used for the configuration, the users file and
 * what backends answer.
 */
import { isValidSubscription } from '../nats/subject.ts';
import type { Permissions, ResponsePermission, SubjectRules } from './permissions.ts';

/** What was written is no permission. The message says what is wrong and where; subjects are no secrets. */
export class PermissionFormatError extends Error {
  override readonly name = 'PermissionFormatError';
}

/** As `allow_responses: true`. */
const DEFAULT_RESPONSES: ResponsePermission = { maxMessages: 1, expiresMs: 120_000 };

const EVERYTHING: SubjectRules = { allow: [], deny: [] };

/** A bound on what one client costs. */
const MAX_ENTRIES = 10_000;

const KNOWN = ['publish', 'pub', 'subscribe', 'sub', 'allow_responses'];

/**
 * @param value `{ publish, subscribe, allow_responses }`; `pub` and `sub` are other names of the first two
 * @returns null when nothing is restricted
 * @throws {PermissionFormatError}
 */
export function parsePermissions(value: unknown): Permissions | null {
  const record = asRecord(value, 'permissions', KNOWN);
  const publish = parseRules(oneOf(record, 'publish', 'pub'), 'publish', false);
  const subscribe = parseRules(oneOf(record, 'subscribe', 'sub'), 'subscribe', true);
  const allowResponses = parseResponses(record.allow_responses);
  const isOpen = [publish, subscribe].every(({ allow, deny }) => allow.length + deny.length === 0);
  return isOpen && allowResponses === null ? null : { publish, subscribe, allowResponses };
}

function oneOf(record: Readonly<Record<string, unknown>>, name: string, other: string): unknown {
  if (record[name] !== undefined && record[other] !== undefined)
    throw new PermissionFormatError(`has both ${name} and ${other}`);
  return record[name] ?? record[other];
}

/** A subject, a list of subjects, or `{ allow, deny }`. */
function parseRules(value: unknown, where: string, hasQueues: boolean): SubjectRules {
  if (value === undefined || value === null) return EVERYTHING;
  if (typeof value === 'string' || Array.isArray(value))
    return { allow: parseSubjects(value, where, hasQueues), deny: [] };
  const { allow, deny } = asRecord(value, where, ['allow', 'deny']);
  return {
    allow: parseSubjects(allow ?? [], `${where}.allow`, hasQueues),
    deny: parseSubjects(deny ?? [], `${where}.deny`, hasQueues),
  };
}

function parseSubjects(value: unknown, where: string, hasQueues: boolean): string[] {
  const list: unknown[] = Array.isArray(value) ? value : [value];
  if (list.length > MAX_ENTRIES)
    throw new PermissionFormatError(`${where} has more than ${MAX_ENTRIES} entries`);
  return list.map((entry) => parseSubject(entry, where, hasQueues));
}

/** Written with one blank between subject and queue. */
function parseSubject(entry: unknown, where: string, hasQueues: boolean): string {
  const parts = typeof entry === 'string' ? entry.trim().split(/\s+/) : [];
  const isSubject = (text: string): boolean => {
    const bytes = Buffer.from(text);
    return isValidSubscription(bytes, 0, bytes.length);
  };
  if (parts.length < 1 || parts.length > (hasQueues ? 2 : 1) || !parts.every(isSubject)) {
    const shown = JSON.stringify(entry)?.slice(0, 80);
    throw new PermissionFormatError(
      `${where} has ${shown}, which is no subject${hasQueues ? ', nor a subject and a queue group' : ''}`,
    );
  }
  return parts.join(' ');
}

function parseResponses(value: unknown): ResponsePermission | null {
  if (value === undefined || value === null || value === false) return null;
  if (value === true) return DEFAULT_RESPONSES;
  const record = asRecord(value, 'allow_responses', ['max', 'max_msgs', 'expires', 'ttl']);
  return {
    maxMessages: parseCount(oneOf(record, 'max', 'max_msgs')),
    expiresMs: parseExpiry(oneOf(record, 'expires', 'ttl')),
  };
}

/** 0 is the default, a negative number no limit, as in nats-server. */
function parseCount(value: unknown): number {
  if (value === undefined || value === 0) return DEFAULT_RESPONSES.maxMessages;
  if (typeof value !== 'number' || !Number.isInteger(value))
    throw new PermissionFormatError('allow_responses.max must be a whole number');
  return value < 0 ? Number.POSITIVE_INFINITY : value;
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

function parseExpiry(value: unknown): number {
  if (value === undefined || value === 0) return DEFAULT_RESPONSES.expiresMs;
  if (typeof value === 'number') return value < 0 ? Number.POSITIVE_INFINITY : value * 1000;
  const text = typeof value === 'string' ? value.trim() : '';
  if (text.startsWith('-') && isDuration(text.slice(1))) return Number.POSITIVE_INFINITY;
  if (!isDuration(text))
    throw new PermissionFormatError('allow_responses.expires must be a duration such as "2m"');
  let totalMs = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g))
    totalMs += Number(amount) * (UNITS[unit ?? 's'] ?? 0);
  return totalMs === 0 ? DEFAULT_RESPONSES.expiresMs : totalMs;
}

function isDuration(text: string): boolean {
  return /^(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+$/.test(text);
}

function asRecord(
  value: unknown,
  where: string,
  known: readonly string[],
): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new PermissionFormatError(`${where} must be an object with ${known.join(', ')}`);
  const unknown = Object.keys(value).find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw new PermissionFormatError(
      `${where} has ${JSON.stringify(unknown)}, but there is only ${known.join(', ')}`,
    );
  return value as Readonly<Record<string, unknown>>;
}
