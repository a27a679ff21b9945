/**
 * JSON schemas of what the API takes and gives, written next to the types they stand for: a property that the type does not
 * have, or one that is missing, does not compile. Tests check real answers against them.
 */

/** A JSON schema. */
export type Schema = Readonly<Record<string, unknown>>;

export const text: Schema = { type: 'string' };
export const count: Schema = { type: 'integer', minimum: 0 };
export const number: Schema = { type: 'number' };
export const flag: Schema = { type: 'boolean' };
/** Any JSON. */
export const anything: Schema = {};
/** Milliseconds since 1970. */
export const time: Schema = { type: 'integer', description: 'Milliseconds since 1970' };
export const record: Schema = { type: 'object', additionalProperties: true };
export const counts: Schema = { type: 'object', additionalProperties: { type: 'integer', minimum: 0 } };

/** One of these words. */
export function word(...words: readonly (string | number)[]): Schema {
  return { enum: words };
}

/** A list of this. */
export function list(items: Schema): Schema {
  return { type: 'array', items };
}

/** This, or null. */
export function orNull(schema: Schema): Schema {
  const { type } = schema;
  if (typeof type === 'string') return { ...schema, type: [type, 'null'] };
  return { anyOf: [schema, { type: 'null' }] };
}

/** With a sentence about it. */
export function described(schema: Schema, description: string): Schema {
  return { ...schema, description };
}

/** An object with exactly the properties of `T`; those that `T` may lack are named. */
export function object<T>(
  properties: { readonly [Name in keyof Required<T>]: Schema },
  optional: readonly (keyof T & string)[] = [],
): Schema {
  const names = Object.keys(properties);
  const required = names.filter((name) => !(optional as readonly string[]).includes(name));
  return { type: 'object', additionalProperties: false, required, properties };
}
