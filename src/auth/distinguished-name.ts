/** Names of certificate subjects as text (RFC 2253, RFC 4514): parsing and comparing. Must not know users. Pure. */

/** Type and value, such as `CN` and `alice`. */
export interface Attribute {
  readonly type: string;
  readonly value: string;
}

/** Attributes of one level; almost always there is one. */
export type RelativeName = readonly Attribute[];

/** @returns the levels in the order of the text, or null when it is no such name; an empty text has none */
export function parseName(text: string): readonly RelativeName[] | null {
  if (text === '') return null;
  const levels: RelativeName[] = [];
  for (const level of splitUnescaped(text, ',')) {
    const attributes: Attribute[] = [];
    for (const part of splitUnescaped(level, '+')) {
      const attribute = parseAttribute(part);
      if (attribute === null) return null;
      attributes.push(attribute);
    }
    levels.push(attributes);
  }
  return levels;
}

function parseAttribute(text: string): Attribute | null {
  const at = text.indexOf('=');
  const type = text.slice(0, Math.max(at, 0)).trim();
  if (!/^[A-Za-z0-9.-]+$/.test(type)) return null;
  const value = unescapeValue(trimUnescaped(text.slice(at + 1)));
  return value === null ? null : { type: type.toUpperCase(), value };
}

/** A blank at the end that is escaped belongs to the value. */
function trimUnescaped(text: string): string {
  const end = text.trimEnd().length;
  const isEscaped = /(?:^|[^\\])(?:\\\\)*\\$/.test(text.slice(0, end));
  return text.slice(0, isEscaped ? end + 1 : end).trimStart();
}

function splitUnescaped(text: string, separator: string): string[] {
  const parts: string[] = [];
  let start = 0;
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === separator) {
      parts.push(text.slice(start, at));
      start = at + 1;
    }
  }
  parts.push(text.slice(start));
  return parts;
}

/** `\,` is a comma, `\C3\BC` the bytes of a letter. @returns null when the text ends in the middle of an escape */
function unescapeValue(text: string): string | null {
  const bytes: Buffer[] = [];
  for (let at = 0; at < text.length; at++) {
    if (text[at] !== '\\') {
      const next = text.indexOf('\\', at);
      const end = next === -1 ? text.length : next;
      bytes.push(Buffer.from(text.slice(at, end)));
      at = end - 1;
      continue;
    }
    const hex = /^[0-9a-f]{2}/i.exec(text.slice(at + 1, at + 3))?.[0];
    if (hex === undefined && at + 1 >= text.length) return null;
    bytes.push(hex === undefined ? Buffer.from(text.charAt(at + 1)) : Buffer.from(hex, 'hex'));
    at += hex === undefined ? 1 : 2;
  }
  return Buffer.concat(bytes).toString();
}

/** Whether the names are the same, level by level. */
export function isSameName(a: readonly RelativeName[], b: readonly RelativeName[]): boolean {
  return a.length === b.length && a.every((level, at) => keyOf(level) === keyOf(b[at] ?? []));
}

/** Whether the names have the same levels, in whatever order. */
export function hasSameLevels(a: readonly RelativeName[], b: readonly RelativeName[]): boolean {
  const [left, right] = [a.map(keyOf).sort(), b.map(keyOf).sort()];
  return left.length === right.length && left.every((key, at) => key === right[at]);
}

/** The attributes of one level have no order. */
function keyOf(level: RelativeName): string {
  return JSON.stringify(level.map(({ type, value }) => [type, value]).sort());
}
