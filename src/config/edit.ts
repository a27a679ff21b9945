/**
 * Changes single values in the text of a configuration file. Comments, blank lines and everything else that is not part of
 * the change stay as they are, to the letter. Pure; judges no value.
 */

import { isDeepStrictEqual } from 'node:util';
import { createScanner, findNodeAtLocation, type Node, parseTree } from 'jsonc-parser';
import { formatJson, type TextStyle, textStyle } from './edit-style.ts';
import { isRecord, type KeyPath } from './key-path.ts';

/**
 * The text with one value changed. Objects on the way there that are missing are made.
 * @param text a valid configuration file
 * @param value undefined: the name, or the entry of a list, is taken out
 * @throws {RangeError} for a position that would leave a gap in a list
 */
export function withValueInText(text: string, path: KeyPath, value: unknown): string {
  const root = parse(text);
  const node = findNodeAtLocation(root, [...path]);
  if (node !== undefined) return value === undefined ? removed(text, node) : replaced(text, node, value);
  if (value === undefined) return text;
  return inserted(text, root, path, value);
}

/** The text with the entries of a list in another order; comments inside entries go with them. */
export function withOrderInText(text: string, path: KeyPath, order: readonly number[]): string {
  const items = findNodeAtLocation(parse(text), [...path])?.children ?? [];
  const pieces = items.map(({ offset, length }) => text.slice(offset, offset + length));
  return items.reduceRight(
    (changed, { offset, length }, position) =>
      splice(changed, offset, length, pieces[order[position] ?? position] ?? ''),
    text,
  );
}

function parse(text: string): Node {
  const root = parseTree(text, [], { allowTrailingComma: true });
  if (root?.type !== 'object') throw new TypeError('the text is no JSON object');
  return root;
}

function splice(text: string, offset: number, length: number, content: string): string {
  return text.slice(0, offset) + content + text.slice(offset + length);
}

/** Objects and lists are changed from the inside, so that what is the same in both stays as it is written. */
function replaced(text: string, node: Node, value: unknown): string {
  const { offset, length } = node;
  const path = pathOf(node);
  if (node.type === 'object' && isRecord(value)) return replacedObject(text, path, value);
  if (node.type === 'array' && Array.isArray(value)) return replacedList(text, path, value);
  if (isDeepStrictEqual(plain(node), value)) return text;
  const style = textStyle(text);
  return splice(text, offset, length, formatJson(value, style, indentAt(text, offset)));
}

function replacedObject(text: string, path: KeyPath, value: Readonly<Record<string, unknown>>): string {
  const names = new Set([...Object.keys(asRecord(plain(at(text, path)))), ...Object.keys(value)]);
  let changed = text;
  for (const name of names) {
    changed = withValueInText(changed, [...path, name], Object.hasOwn(value, name) ? value[name] : undefined);
  }
  return changed;
}

/** What begins and ends both lists alike keeps its place. */
function replacedList(text: string, path: KeyPath, value: readonly unknown[]): string {
  const before = plain(at(text, path)) as readonly unknown[];
  const shorter = Math.min(before.length, value.length);
  let head = 0;
  while (head < shorter && isDeepStrictEqual(before[head], value[head])) head++;
  let tail = 0;
  while (tail < shorter - head && isDeepStrictEqual(before.at(-1 - tail), value.at(-1 - tail))) tail++;
  const [oldEnd, newEnd] = [before.length - tail, value.length - tail];
  let changed = text;
  for (let i = oldEnd - 1; i >= newEnd && i >= head; i--) {
    changed = withValueInText(changed, [...path, i], undefined);
  }
  for (let i = head; i < newEnd; i++) {
    if (i < oldEnd) changed = withValueInText(changed, [...path, i], value[i]);
    else changed = insertedChild(changed, at(changed, path), i, value[i]);
  }
  return changed;
}

function at(text: string, path: KeyPath): Node {
  const node = findNodeAtLocation(parse(text), [...path]);
  if (node === undefined) throw new RangeError('there is nothing at that path');
  return node;
}

function inserted(text: string, root: Node, path: KeyPath, value: unknown): string {
  let parent = root;
  let depth = 0;
  for (let next: Node | undefined = root; next !== undefined && depth < path.length; ) {
    next = findNodeAtLocation(root, path.slice(0, depth + 1));
    if (next !== undefined) {
      parent = next;
      depth++;
    }
  }
  const [part, ...rest] = path.slice(depth);
  if (part === undefined) throw new RangeError('there is nothing to insert');
  const wanted = typeof part === 'number' ? 'array' : 'object';
  const content = wrapped(rest, value);
  // Something else stands where the path leads through: it is replaced.
  if (parent.type !== wanted) {
    if (typeof part === 'number' && part > 0) throw new RangeError('does not exist: the list has 0 so far');
    return replaced(text, parent, typeof part === 'number' ? [content] : { [part]: content });
  }
  const size = parent.children?.length ?? 0;
  if (typeof part === 'number' && part > size)
    throw new RangeError(`does not exist: the list has ${size} so far`);
  return insertedChild(text, parent, part, content);
}

function wrapped(path: KeyPath, value: unknown): unknown {
  return path.reduceRight<unknown>((inner, part) => {
    if (typeof part !== 'number') return { [part]: inner };
    if (part > 0) throw new RangeError('does not exist: the list has 0 so far');
    return [inner];
  }, value);
}

/** Behind the last child, or, for a position within a list, in front of what is there. */
function insertedChild(text: string, parent: Node, part: string | number, value: unknown): string {
  const children = parent.children ?? [];
  const style = textStyle(text);
  const end = parent.offset + parent.length - 1;
  const first = children[0];
  const isInline = first !== undefined && !text.slice(parent.offset, end).includes('\n');
  const base = indentAt(text, parent.offset);
  const indent =
    first !== undefined && isFirstOnLine(text, first.offset)
      ? indentAt(text, first.offset)
      : base + style.unit;
  const piece =
    (typeof part === 'string' ? `${JSON.stringify(part)}: ` : '') + formatJson(value, style, indent);
  const follower = typeof part === 'number' ? children[part] : undefined;
  if (follower !== undefined) {
    const gap = isInline ? ' ' : style.eol + indent;
    return splice(text, follower.offset, 0, `${piece},${gap}`);
  }
  return appended(text, { children, end, piece, isInline, indent, base, style });
}

interface Appending {
  readonly children: readonly Node[];
  /** Of the closing bracket. */
  readonly end: number;
  readonly piece: string;
  readonly isInline: boolean;
  readonly indent: string;
  readonly base: string;
  readonly style: TextStyle;
}

function appended(text: string, { children, end, piece, isInline, indent, base, style }: Appending): string {
  const last = children.at(-1);
  // Comments behind the last child stay behind it.
  const kept = text.slice(0, end).trimEnd();
  const blank = text.slice(kept.length, end);
  const closing = blank.includes('\n') ? blank : style.eol + base;
  let added = isInline ? ` ${piece}${blank}` : style.eol + indent + piece + closing;
  const needsComma = last !== undefined && commaBetween(text, last.offset + last.length, end) === undefined;
  if (last === undefined) added = style.eol + indent + piece + closing;
  const changed = splice(text, kept.length, blank.length, added);
  return needsComma && last !== undefined ? splice(changed, last.offset + last.length, 0, ',') : changed;
}

/** Where the comma stands; comments may hold others. */
function commaBetween(text: string, start: number, end: number): number | undefined {
  const scanner = createScanner(text);
  scanner.setPosition(start);
  do {
    scanner.scan();
    if (text[scanner.getTokenOffset()] === ',' && scanner.getTokenOffset() < end)
      return scanner.getTokenOffset();
  } while (scanner.getTokenOffset() < end);
  return undefined;
}

function removed(text: string, value: Node): string {
  const node = value.parent?.type === 'property' ? value.parent : value;
  const parent = node.parent;
  if (parent === undefined) return splice(text, node.offset, node.length, '{}');
  const siblings = parent.children ?? [];
  const position = siblings.indexOf(node);
  const start = node.offset;
  const end = start + node.length;
  const previous = siblings[position - 1];
  const next = siblings[position + 1];
  const after = commaBetween(text, end, next?.offset ?? parent.offset + parent.length - 1);
  if (after !== undefined) return withoutPiece(splice(text, after, 1, ''), start, end, after);
  const before = previous && commaBetween(text, previous.offset + previous.length, start);
  if (before === undefined) return withoutPiece(text, start, end, end);
  return withoutPiece(splice(text, before, 1, ''), start - 1, end - 1, end - 1);
}

/** @param commaAt where a comma was that is gone already */
function withoutPiece(text: string, start: number, end: number, commaAt: number): string {
  const lineStart = text.lastIndexOf('\n', start - 1) + 1;
  const lineEnd = text.indexOf('\n', end);
  const isFirst = isBlank(text.slice(lineStart, start));
  if (isFirst && lineEnd >= 0 && isBlank(text.slice(end, lineEnd)))
    return splice(text, lineStart, lineEnd + 1 - lineStart, '');
  if (isFirst) return splice(text, start, end - start, '');
  // One blank is left between the neighbours in a line.
  const hasFollower = isBlank(text.slice(end, commaAt)) && /[ \t]/.test(text[commaAt] ?? '');
  if (hasFollower) return splice(text, start, blanksEnd(text, end) - start, '');
  const from = text.slice(0, start).replace(/[ \t]+$/, '').length;
  return splice(text, from, end - from, '');
}

function blanksEnd(text: string, offset: number): number {
  let end = offset;
  while (text[end] === ' ' || text[end] === '\t') end++;
  return end;
}

function isBlank(text: string): boolean {
  return text.trim() === '';
}

function isFirstOnLine(text: string, offset: number): boolean {
  const lineStart = text.lastIndexOf('\n', offset - 1) + 1;
  return lineStart > 0 && isBlank(text.slice(lineStart, offset));
}

/** Of the line that a place is in. */
function indentAt(text: string, offset: number): string {
  const lineStart = text.lastIndexOf('\n', offset - 1) + 1;
  return /^[ \t]*/.exec(text.slice(lineStart, offset))?.[0] ?? '';
}

function pathOf(node: Node): KeyPath {
  const { parent } = node;
  if (parent === undefined) return [];
  if (parent.type === 'property') return [...pathOf(parent), String(parent.children?.[0]?.value)];
  const isItem = parent.type === 'array';
  return isItem ? [...pathOf(parent), parent.children?.indexOf(node) ?? 0] : pathOf(parent);
}

/** What a node stands for; names are kept whatever they are called. */
function plain(node: Node): unknown {
  if (node.type === 'array') return (node.children ?? []).map(plain);
  if (node.type !== 'object') return node.value;
  return Object.fromEntries(
    (node.children ?? []).flatMap(({ children: [name, value] = [] }) =>
      name === undefined || value === undefined ? [] : [[String(name.value), plain(value)] as const],
    ),
  );
}

function asRecord(value: unknown): Readonly<Record<string, unknown>> {
  return isRecord(value) ? value : {};
}

/** What the text stands for. @throws {TypeError} when it is no JSON object */
export function treeOfText(text: string): Readonly<Record<string, unknown>> {
  return asRecord(plain(parse(text)));
}
