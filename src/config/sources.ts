/**
 * Where settings come from: file, environment, flags. Each source becomes a list of single values with a note of
 * its origin. The only place that reads configuration from outside; judges no value.
 */
import { readFileSync } from 'node:fs';
import {
  findNodeAtLocation,
  getNodeValue,
  type Node,
  type ParseError,
  parseTree,
  printParseErrorCode,
} from 'jsonc-parser';
import { FormatError } from './formats.ts';
import { ENV_PREFIX, environmentName, type Group, holdsSecret, isKey, type Key, keysOf } from './key.ts';
import { formatPath, isRecord, type KeyPath, parsePath } from './key-path.ts';
import { suggestion } from './nearest-name.ts';
import { type Problems, show } from './problems.ts';
import { SCHEMA } from './schema.ts';

/** One value as it was given. */
export interface Setting {
  readonly path: KeyPath;
  readonly value: unknown;
  readonly origin: string;
  /** Origin of something inside the value, when more is known than `origin`. */
  readonly originAt?: (path: KeyPath) => string;
}

/** Longer files are not configuration. */
const MAX_FILE_BYTES = 1024 * 1024;

/** Reads a text file; adds a problem and returns undefined when that fails. */
export function readText(file: string, problems: Problems, key = '', origin = file): string | undefined {
  try {
    const bytes = readFileSync(file);
    if (bytes.length > MAX_FILE_BYTES) throw new RangeError(`it is larger than ${MAX_FILE_BYTES} bytes`);
    // Strict, or a password in another encoding would be changed unnoticed. Leaves out a byte order mark.
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const reasons: Record<string, string> = {
      ENOENT: 'no such file',
      EACCES: 'permission denied',
      EISDIR: 'it is a directory',
      ERR_ENCODING_INVALID_ENCODED_DATA: 'it is not UTF-8',
    };
    const what = origin === file ? 'cannot be read' : `cannot read the file ${file}`;
    problems.add(key, origin, `${what}: ${reasons[code ?? ''] ?? code ?? (error as Error).message}`);
  }
  return undefined;
}

/**
 * Settings of a JSON file in which comments and trailing commas are allowed.
 * @param text its content
 */
export function settingsOfFile(file: string, problems: Problems, text = readText(file, problems)): Setting[] {
  if (text === undefined) return [];
  const errors: ParseError[] = [];
  const root = parseTree(text, errors, { allowTrailingComma: true });
  const at = (offset: number) => `${file}:${text.slice(0, offset).split('\n').length}`;
  for (const error of errors) {
    problems.add('', at(error.offset), `not valid JSON: ${describeParseError(error)}`);
  }
  if (errors.length > 0 || root === undefined) return [];
  if (root.type !== 'object') {
    problems.add('', at(root.offset), 'must be one JSON object: { … }');
    return [];
  }
  const originAt = (path: KeyPath) => at(offsetOf(root, path));
  reportRepeats(root, [], problems, originAt);
  return [...collect(root, [], SCHEMA, originAt)];
}

/** Where the name (or, in a list, the entry) at a path begins; the nearest one around it if it is not there. */
function offsetOf(root: Node, path: KeyPath): number {
  for (let length = path.length; length > 0; length--) {
    const node = findNodeAtLocation(root, path.slice(0, length));
    if (node !== undefined) return (node.parent?.type === 'property' ? node.parent : node).offset;
  }
  return root.offset;
}

function describeParseError(error: ParseError): string {
  const words = printParseErrorCode(error.error).replaceAll(/([a-z])([A-Z])/g, '$1 $2');
  return words.toLowerCase();
}

/** JSON allows a name to occur twice and lets the last one win: here that is always a slip. */
function reportRepeats(
  node: Node,
  path: KeyPath,
  problems: Problems,
  originAt: (path: KeyPath) => string,
): void {
  const seen = new Set<string>();
  for (const [position, child] of (node.children ?? []).entries()) {
    const [nameNode, valueNode] = child.type === 'property' ? (child.children ?? []) : [undefined, child];
    if (valueNode === undefined) continue;
    const name = nameNode === undefined ? undefined : String(nameNode.value);
    const here = [...path, name ?? position];
    if (name !== undefined && seen.has(name))
      problems.add(formatPath(here), originAt(here), 'is given twice');
    if (name !== undefined) seen.add(name);
    reportRepeats(valueNode, here, problems, originAt);
  }
}

/** Follows objects that are groups of settings; anything else is a value. */
function* collect(
  object: Node,
  path: KeyPath,
  schema: Group,
  originAt: (path: KeyPath) => string,
): Generator<Setting> {
  for (const property of object.children ?? []) {
    const [nameNode, valueNode] = property.children ?? [];
    if (nameNode === undefined || valueNode === undefined) continue;
    const name = String(nameNode.value);
    const here = [...path, name];
    const node = Object.hasOwn(schema, name) ? schema[name] : undefined;
    if (node !== undefined && !isKey(node) && valueNode.type === 'object') {
      yield* collect(valueNode, here, node, originAt);
    } else {
      yield { path: here, value: getNodeValue(valueNode), origin: originAt(here), originAt };
    }
  }
}

/** Settings of all variables whose name begins with our prefix. */
export function settingsOfEnvironment(env: NodeJS.ProcessEnv, problems: Problems): Setting[] {
  const known = new Map([...keysOf(SCHEMA)].map(([path, key]) => [environmentName(path), { path, key }]));
  const settings: Setting[] = [];
  for (const [name, text] of Object.entries(env).sort()) {
    if (!name.startsWith(ENV_PREFIX) || text === undefined) continue;
    const origin = `environment variable ${name}`;
    const entry = known.get(name);
    if (entry === undefined) {
      problems.add('', origin, `there is no such setting${suggestion(name, known.keys())}`);
    } else {
      pushText(settings, problems, { path: entry.path.split('.'), key: entry.key, text, origin });
    }
  }
  return settings;
}

interface TextSetting {
  readonly path: KeyPath;
  readonly key: Key<unknown>;
  readonly text: string;
  readonly origin: string;
}

function pushText(settings: Setting[], problems: Problems, { path, key, text, origin }: TextSetting): void {
  try {
    settings.push({ path, value: key.type.fromText(text), origin });
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    problems.add(
      formatPath(path),
      origin,
      `= ${holdsSecret(key) ? '(hidden)' : show(text)} ${error.message}`,
    );
  }
}

/**
 * Settings of flags: a path, or the name of a group, to a value. Text is read as text from the command line;
 * anything else is taken as it would stand in the file.
 * @param flagNames what the user wrote, by path
 */
export function settingsOfFlags(
  flags: Readonly<Record<string, unknown>>,
  flagNames: Readonly<Record<string, string>>,
  problems: Problems,
): Setting[] {
  const settings: Setting[] = [];
  for (const [text, value] of Object.entries(flags)) {
    if (value === undefined) continue;
    const origin = `flag ${Object.hasOwn(flagNames, text) ? flagNames[text] : `--set ${text}`}`;
    const path = parsePath(text);
    if (path === undefined) {
      problems.add('', origin, `${show(text)} is not the name of a setting`);
      continue;
    }
    addFlag({ settings, problems, path, value, origin });
  }
  return settings;
}

interface Flag {
  readonly settings: Setting[];
  readonly problems: Problems;
  readonly path: KeyPath;
  readonly value: unknown;
  readonly origin: string;
}

function addFlag({ settings, problems, path, value, origin }: Flag): void {
  const node = nodeAt(path);
  if (node !== undefined && isKey(node) && typeof value === 'string') {
    pushText(settings, problems, { path, key: node, text: value, origin });
  } else if (node !== undefined && !isKey(node) && isRecord(value)) {
    for (const [name, inner] of Object.entries(value)) {
      addFlag({ settings, problems, path: [...path, name], value: inner, origin });
    }
  } else {
    settings.push({ path, value, origin });
  }
}

/** The description of the setting or group at a path; positions lead into the entries of lists. */
export function nodeAt(path: KeyPath): Key<unknown> | Group | undefined {
  let node: Key<unknown> | Group | undefined = SCHEMA;
  for (const part of path) {
    if (node === undefined) return undefined;
    if (typeof part === 'number') node = isKey(node) ? node.items : undefined;
    else node = !isKey(node) && Object.hasOwn(node, part) ? node[part] : undefined;
  }
  return node;
}
