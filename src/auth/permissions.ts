/** What a client may publish and subscribe to, in NATS form: shapes, and whether two are equal. */
import { isDeepStrictEqual } from 'node:util';

/** Subjects, wildcards allowed; an entry for subscriptions may name a queue group behind a blank. */
export interface SubjectRules {
  /** Empty: everything. */
  readonly allow: readonly string[];
  /** Beats `allow`. */
  readonly deny: readonly string[];
}

/** A message with a reply subject lets its receiver publish to that subject. */
export interface ResponsePermission {
  /** Publications per reply subject; Infinity for any number. */
  readonly maxMessages: number;
  /** Milliseconds since the delivery; Infinity for ever. */
  readonly expiresMs: number;
}

/** @see NATS, authorization: permissions */
export interface Permissions {
  readonly publish: SubjectRules;
  readonly subscribe: SubjectRules;
  /** Null: no permission by delivery. Set, it also turns off the implicit "publish anything". */
  readonly allowResponses: ResponsePermission | null;
}

/** Whether both allow the same in the same words. */
export function arePermissionsEqual(one: Permissions, other: Permissions): boolean {
  return isDeepStrictEqual(one, other);
}
