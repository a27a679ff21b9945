/** How a configuration file is written, so that what is added looks like what is there. Pure. */
import { isRecord } from './key-path.ts';

/** See the head of the file. */
export interface TextStyle {
  readonly eol: string;
  /** One level of indentation. */
  readonly unit: string;
}

/** Longer ones take several lines. */
const LINE_WIDTH = 100;

/** The style of a text; two blanks where it does not say. */
export function textStyle(text: string): TextStyle {
  return {
    eol: text.includes('\r\n') ? '\r\n' : '\n',
    unit: /^([ \t]+)"/m.exec(text)?.[1] ?? '  ',
  };
}

/** A value as JSON; lists of plain values, and what is short, take one line. */
export function formatJson(value: unknown, style: TextStyle, indent: string): string {
  const inline = formatInline(value);
  const isSimple = Array.isArray(value) ? !value.some((item) => isRecord(item)) : !isRecord(value);
  const fits = indent.length + inline.length <= LINE_WIDTH;
  if (fits && (isSimple || depthOf(value) <= 1)) return inline;
  const inner = indent + style.unit;
  const join = (open: string, parts: readonly string[], close: string): string =>
    parts.length === 0
      ? open + close
      : `${open}${style.eol}${parts.map((part) => inner + part).join(`,${style.eol}`)}${style.eol}${indent}${close}`;
  if (Array.isArray(value))
    return join(
      '[',
      value.map((item) => formatJson(item, style, inner)),
      ']',
    );
  if (!isRecord(value)) return inline;
  const parts = Object.entries(value).map(
    ([name, item]) => `${JSON.stringify(name)}: ${formatJson(item, style, inner)}`,
  );
  return join('{', parts, '}');
}

function formatInline(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(formatInline).join(', ')}]`;
  if (!isRecord(value)) return JSON.stringify(value) ?? 'null';
  const parts = Object.entries(value).map(([name, item]) => `${JSON.stringify(name)}: ${formatInline(item)}`);
  return parts.length === 0 ? '{}' : `{ ${parts.join(', ')} }`;
}

function depthOf(value: unknown): number {
  if (Array.isArray(value)) return 1 + Math.max(0, ...value.map(depthOf));
  if (!isRecord(value)) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}
