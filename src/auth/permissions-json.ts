/** Permissions as databases keep them: JSON in the form of nats-server's configuration. Strict, because what is not understood cannot be enforced. Pure. */
import type { Permissions, ResponsePermission, SubjectRules } from './permissions.ts';

/** As nats-server, when only "yes" is said. */
const DEFAULT_RESPONSES: ResponsePermission = { maxMessages: 1, expiresMs: 120_000 };

/**
 * `{ "publish": { "allow": [], "deny": [] }, "subscribe": {…}, "allow_responses": true | { "max": 1, "expires": seconds } }`;
 * a list in place of `{ "allow", "deny" }` is what is allowed.
 * @throws {TypeError} when there is anything else in it
 */
export function parsePermissions(value: unknown): Permissions {
  const { publish, subscribe, allow_responses: responses } = fieldsOf(value, PERMISSION_FIELDS);
  return {
    publish: rulesOf(publish),
    subscribe: rulesOf(subscribe),
    allowResponses: responsesOf(responses),
  };
}

const PERMISSION_FIELDS = ['publish', 'subscribe', 'allow_responses'];

function fieldsOf(value: unknown, known: readonly string[]): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new TypeError('no object');
  const unknown = Object.keys(value).find((name) => !known.includes(name));
  if (unknown !== undefined) throw new TypeError('an unknown field');
  return value as Readonly<Record<string, unknown>>;
}

function rulesOf(value: unknown): SubjectRules {
  if (value === undefined || value === null) return { allow: [], deny: [] };
  if (typeof value === 'string' || Array.isArray(value)) return { allow: subjectsOf(value), deny: [] };
  const { allow, deny } = fieldsOf(value, ['allow', 'deny']);
  return { allow: subjectsOf(allow ?? []), deny: subjectsOf(deny ?? []) };
}

function subjectsOf(value: unknown): string[] {
  const subjects: readonly unknown[] = Array.isArray(value) ? value : [value];
  return subjects.map((subject) => {
    if (typeof subject !== 'string' || subject.trim() === '') throw new TypeError('no subject');
    return subject;
  });
}

function responsesOf(value: unknown): ResponsePermission | null {
  if (value === undefined || value === null || value === false) return null;
  if (value === true) return DEFAULT_RESPONSES;
  const { max, expires } = fieldsOf(value, ['max', 'expires']);
  return {
    maxMessages: limitOf(max, DEFAULT_RESPONSES.maxMessages),
    expiresMs: limitOf(expires, DEFAULT_RESPONSES.expiresMs / 1000) * 1000,
  };
}

/** Below zero is no limit, as in nats-server. */
function limitOf(value: unknown, defaultValue: number): number {
  if (value === undefined || value === null || value === 0) return defaultValue;
  if (typeof value !== 'number' || !Number.isFinite(value)) throw new TypeError('no number');
  return value < 0 ? Number.POSITIVE_INFINITY : value;
}
