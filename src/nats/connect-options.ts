/**
 * CONNECT: its JSON by the rules of nats-server's decoder, which are not those of `JSON.parse`, and the checks that
 * need no configuration. Must not know who may connect.
 */
import { GatewayError } from '../errors.ts';
import type { ConnectOptions } from './operations.ts';

/** What holds before CONNECT, and for every field that CONNECT leaves out. @see NATS client protocol, CONNECT */
export const DEFAULT_CONNECT_OPTIONS: Readonly<ConnectOptions> = Object.freeze({
  verbose: true,
  pedantic: true,
  echo: true,
  headers: false,
  no_responders: false,
  tls_required: false,
  protocol: 0,
  lang: '',
  version: '',
  name: '',
  user: '',
  pass: '',
  auth_token: '',
  jwt: '',
  nkey: '',
  sig: '',
  account: '',
  new_account: false,
});

/**
 * The options after a CONNECT with the argument `json[start, end)`. Fields that are missing or null keep their
 * previous value, names are compared without letter case, the last of several wins, unknown ones are ignored.
 * @throws {GatewayError} `GW_CONNECT_JSON` for invalid JSON and for a field of the wrong type
 */
export function mergeConnect(
  previous: Readonly<ConnectOptions>,
  json: Buffer,
  start: number,
  end: number,
): ConnectOptions {
  const text = json.toString('utf8', start, end);
  const value = parseJson(text);
  const merged: ConnectOptions = { ...previous };
  if (value === null) return merged;
  if (typeof value !== 'object' || Array.isArray(value))
    throw badConnect('CONNECT with something else than an object');
  for (const member of topLevelMembers(text)) setField(merged, member);
  return merged;
}

/** What tells who a client is. */
const CREDENTIAL_FIELDS = ['user', 'pass', 'auth_token', 'jwt', 'nkey', 'sig'] as const;

/** A second CONNECT as it counts: with the credentials of the first. */
export function keepCredentials(first: Readonly<ConnectOptions>, second: ConnectOptions): ConnectOptions {
  const kept = { ...second };
  for (const field of CREDENTIAL_FIELDS) kept[field] = first[field];
  return kept;
}

/**
 * Checks of a merged CONNECT, in nats-server's order.
 * @throws {GatewayError} `GW_AUTHORIZATION`, `GW_CLIENT_PROTOCOL` or `GW_NO_RESPONDERS_HEADERS`
 */
export function checkConnect(options: Readonly<ConnectOptions>): void {
  if (options.account !== '' || options.new_account) {
    throw new GatewayError('GW_AUTHORIZATION', 'CONNECT asks for an account');
  }
  if (options.protocol !== 0 && options.protocol !== 1) {
    throw new GatewayError('GW_CLIENT_PROTOCOL', 'CONNECT with an unknown protocol level', {
      context: { protocol: options.protocol },
    });
  }
  if (options.no_responders && !options.headers) {
    throw new GatewayError('GW_NO_RESPONDERS_HEADERS', 'CONNECT wants no_responders without headers');
  }
}

function badConnect(message: string): GatewayError {
  return new GatewayError('GW_CONNECT_JSON', message);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The message of JSON.parse would quote the input, and with it a password.
    throw badConnect('CONNECT with invalid JSON');
  }
}

interface Member {
  readonly key: string;
  /** As written. */
  readonly value: string;
}

/**
 * The members of a JSON object in the order they are written, repeats included; `JSON.parse` keeps only the last of
 * them, and so would hide a wrong type, a null, and the order of names that differ in letter case.
 * @param text valid JSON, an object
 */
function* topLevelMembers(text: string): Generator<Member> {
  let at = text.indexOf('{') + 1;
  for (;;) {
    const keyStart = text.indexOf('"', at);
    if (keyStart === -1) return;
    const keyEnd = endOfString(text, keyStart);
    const valueStart = text.indexOf(':', keyEnd) + 1;
    at = endOfValue(text, valueStart);
    const key: unknown = JSON.parse(text.slice(keyStart, keyEnd));
    yield { key: String(key), value: text.slice(valueStart, at).trim() };
  }
}

/** @param start position of the opening quote @returns position behind the closing one */
function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return at + 1;
}

/** @returns position of the comma or bracket behind the value */
function endOfValue(text: string, start: number): number {
  let depth = 0;
  let at = start;
  while (at < text.length) {
    const character = text[at];
    if (character === '"') {
      at = endOfString(text, at);
      continue;
    }
    if (depth === 0 && (character === ',' || character === '}')) break;
    if (character === '{' || character === '[') depth++;
    else if (character === '}' || character === ']') depth--;
    at++;
  }
  return at;
}

function setField(options: ConnectOptions, member: Member): void {
  // Go folds the long s too. It makes no name equal that should not be, and costs nothing to follow.
  const key = member.key.toLowerCase().replaceAll('\u017f', 's');
  if (member.value === 'null' || !isField(key)) return;
  setTyped(options, key, member.value);
}

function isField(key: string): key is keyof ConnectOptions {
  return Object.hasOwn(DEFAULT_CONNECT_OPTIONS, key);
}

function setTyped<K extends keyof ConnectOptions>(options: ConnectOptions, key: K, value: string): void {
  const expected = DEFAULT_CONNECT_OPTIONS[key];
  const parsed = typeof expected === 'number' ? parseInteger(value) : parseString(value);
  if (!isSameType(parsed, expected)) {
    throw badConnect(`CONNECT with a wrong type: ${key} is a ${typeof expected}`);
  }
  options[key] = parsed;
}

function isSameType<T>(value: unknown, expected: T): value is T {
  return typeof value === typeof expected;
}

/** Go's decoder takes no fraction and no exponent for an integer, and nothing that does not fit into one. */
function parseInteger(value: string): number | null {
  const number = Number(value);
  return /^-?\d+$/.test(value) && Number.isSafeInteger(number) ? number : null;
}

/** A string or a boolean. Halves of surrogate pairs become U+FFFD, or they would fail later as UTF-8. */
function parseString(value: string): unknown {
  const parsed: unknown = JSON.parse(value);
  return typeof parsed === 'string' && /\p{Surrogate}/u.test(parsed)
    ? Buffer.from(parsed).toString()
    : parsed;
}

/** Fields of CONNECT whose text may be used in templates, such as the MQTT user name of a client. */
export const CONNECT_TEXT_FIELDS = [
  'user',
  'pass',
  'auth_token',
  'jwt',
  'nkey',
  'sig',
  'name',
  'lang',
  'version',
] as const satisfies readonly (keyof ConnectOptions)[];
