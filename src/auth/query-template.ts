/**
 * SQL with `${…}` placeholders → SQL with bound parameters, and which value goes where. No value ever becomes part of
 * the text. Pure.
 */

import { CREDENTIAL_VARIABLES, isCredentialVariable } from './credential-template.ts';

/** How parameters are written: `?` (MySQL, MariaDB) or `$1` (PostgreSQL). */
export type ParameterStyle = 'question' | 'dollar';

/** A query that is ready to be prepared. */
export interface QueryTemplate {
  readonly sql: string;
  /** Name of the placeholder behind each parameter, in order. */
  readonly names: readonly string[];
}

/** A template cannot be used; the message says why. */
export class TemplateError extends Error {
  override readonly name = 'TemplateError';
}

/** Strings, quoted names and comments as a whole, so that nothing in them is taken for a placeholder. */
const TOKENS =
  /'(?:[^'\\]|\\[\s\S]|'')*'|"(?:[^"\\]|\\[\s\S]|"")*"|`[^`]*`|--[^\n]*|\/\*[\s\S]*?\*\/|\$\{([^}]*)\}|\$\d+|\?/g;

/** EMQX's templates may have quotes around a placeholder. */
const QUOTED_PLACEHOLDER = /^(['"])\$\{([^}]*)\}\1$/;

/** @throws {TemplateError} for unknown placeholders, none at all, and places where a parameter cannot stand */
export function compileQuery(template: string, style: ParameterStyle): QueryTemplate {
  const used: string[] = [];
  const parameter = (name: string): string => {
    checkPlaceholder(name);
    if (style === 'question') {
      used.push(name);
      return '?';
    }
    if (!used.includes(name)) used.push(name);
    return `$${used.indexOf(name) + 1}`;
  };
  const sql = template.replace(TOKENS, (token, bare: string | undefined) => {
    const name = bare ?? QUOTED_PLACEHOLDER.exec(token)?.[2];
    if (name !== undefined) return parameter(name);
    if (token.includes('${')) throw new TemplateError('has a placeholder inside a text, name or comment');
    // PostgreSQL has operators with a question mark, MySQL has no use for $1.
    const isParameter = style === 'question' ? token === '?' : /^\$\d/.test(token);
    if (isParameter) throw new TemplateError(`has ${token}; write \${…} for a value`);
    return token;
  });
  if (sql.includes('${')) throw new TemplateError('has a "${" without its "}"');
  if (used.length === 0) throw new TemplateError('has no placeholder: everybody would get the same row');
  return { sql, names: used };
}

/** @throws {TemplateError} for a placeholder that does not exist */
export function checkPlaceholder(name: string): void {
  if (isCredentialVariable(name)) return;
  const known = CREDENTIAL_VARIABLES.map((one) => `\${${one}}`).join(', ');
  throw new TemplateError(`has \${${name}}, but there is only ${known}`);
}
