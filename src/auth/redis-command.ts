/**
 * Redis command templates such as `HMGET mqtt_user:${connect.user} password_hash salt`: which command, which key, and how
 * its answer becomes a record. Only commands that read one key. Pure.
 */

import { placeholders } from '../util/template.ts';
import { checkPlaceholder, TemplateError } from './query-template.ts';

/** Commands and how many arguments follow the key. */
const FIELDS: Readonly<Record<string, { readonly min: number; readonly max: number }>> = {
  GET: { min: 0, max: 0 },
  HGET: { min: 1, max: 1 },
  HGETALL: { min: 0, max: 0 },
  HMGET: { min: 1, max: 64 },
};

/** A command that is ready to be filled in. */
export interface CommandTemplate {
  readonly command: 'GET' | 'HGET' | 'HGETALL' | 'HMGET';
  /** With placeholders: at least one. */
  readonly key: string;
  readonly fields: readonly string[];
}

/** @throws {TemplateError} for other commands, unknown placeholders, and placeholders elsewhere than in the key */
export function compileCommand(template: string): CommandTemplate {
  const [word = '', key = '', ...fields] = template.trim().split(/\s+/);
  const command = word.toUpperCase();
  const rule = Object.hasOwn(FIELDS, command) ? FIELDS[command] : undefined;
  if (rule === undefined) throw new TemplateError('must begin with GET, HGET, HGETALL or HMGET');
  if (/["'\\]/.test(template))
    throw new TemplateError('must not have quotes: arguments stand between blanks');
  if (fields.length < rule.min || fields.length > rule.max) {
    throw new TemplateError(`has ${fields.length} fields behind its key, which ${command} does not take`);
  }
  if (fields.some((field) => field.includes('${'))) {
    throw new TemplateError('has a placeholder in a field; only the key may have some');
  }
  const used = placeholders(key);
  if (used.length === 0) throw new TemplateError('has no placeholder in its key');
  for (const name of used) checkPlaceholder(name);
  if (command.startsWith('H') && command !== 'HGETALL' && !fields.includes('password_hash')) {
    throw new TemplateError('must ask for the field password_hash');
  }
  return { command: command as CommandTemplate['command'], key, fields };
}

/**
 * The answer as a record by field name.
 * @returns null when there is no such key
 * @throws {TypeError} when the answer has another shape than the command gives
 */
export function recordOf(template: CommandTemplate, answer: unknown): Record<string, unknown> | null {
  switch (template.command) {
    case 'GET':
      return answer === null ? null : fromText(answer);
    case 'HGET':
      return answer === null ? null : { password_hash: answer };
    case 'HMGET':
      return fromValues(template.fields, answer);
    case 'HGETALL':
      return fromPairs(answer);
    default:
      return template.command satisfies never;
  }
}

/** A JSON object with the same fields, or the bare hash. */
function fromText(answer: unknown): Record<string, unknown> {
  if (!(answer instanceof Buffer)) throw unexpected();
  const text = answer.toString();
  if (!text.startsWith('{')) return { password_hash: text };
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    // The parser's own message quotes what is stored.
    throw new TypeError('the value is no JSON object');
  }
}

function fromValues(fields: readonly string[], answer: unknown): Record<string, unknown> | null {
  if (!Array.isArray(answer) || answer.length !== fields.length) throw unexpected();
  if (answer.every((value) => value === null)) return null;
  return Object.fromEntries(fields.map((field, index) => [field, answer[index]]));
}

function fromPairs(answer: unknown): Record<string, unknown> | null {
  if (!Array.isArray(answer) || answer.length % 2 !== 0) throw unexpected();
  if (answer.length === 0) return null;
  const names = answer.filter((_, index) => index % 2 === 0);
  return Object.fromEntries(names.map((name, index) => [String(name), answer[index * 2 + 1]]));
}

function unexpected(): TypeError {
  return new TypeError('the answer has an unexpected shape');
}
