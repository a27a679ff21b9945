/**
 * The result of translating a name: the name, or the refusal with its reason.
 * Types and constructors only.
 */

/** Why a name cannot cross. Closed set: used as a metric label and by `map`. */
export type RefusalReason =
  | 'reserved'
  | 'control_character'
  | 'invalid_utf8'
  | 'wildcard'
  | 'empty_token'
  | 'empty_name'
  | 'too_long'
  | 'too_many_levels'
  | 'outside_mountpoint'
  | 'unmappable_token';

/** A name that cannot cross. */
export interface Refusal {
  readonly ok: false;
  readonly reason: RefusalReason;
  /** For people: one clause without a full stop; holds no part of the name but fixed, reserved ones. */
  readonly explanation: string;
}

/** A translated name, or the refusal. */
export type Mapped = { readonly ok: true; readonly name: string } | Refusal;

/** Makes a successful result. */
export function mapped(name: string): Mapped {
  return { ok: true, name };
}

/** Makes a refusal. */
export function refuse(reason: RefusalReason, explanation: string): Refusal {
  return { ok: false, reason, explanation };
}
