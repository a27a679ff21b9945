/** The argument of CONNECT by the rules of nats-server's JSON decoder: strict in types, lenient in the rest. */
import { GatewayError } from '../errors.ts';
import type { ConnectOptions } from './operations.ts';

/** What a client is that has not sent CONNECT; also what missing fields of the first one mean. */
export const DEFAULT_CONNECT_OPTIONS: ConnectOptions = Object.freeze({
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

const FIELDS = new Map<string, keyof ConnectOptions>(
  (Object.keys(DEFAULT_CONNECT_OPTIONS) as (keyof ConnectOptions)[]).map((field) => [field, field]),
);

/**
 * Merges a CONNECT argument onto what is known: keys match in any letter case, the last duplicate wins, `null` and
 * unknown keys change nothing.
 * @throws {GatewayError} `GW_CONNECT_JSON` for anything but an object or `null`, and for a field of another type
 */
export function mergeConnect(previous: ConnectOptions, line: Buffer, start: number, end: number): ConnectOptions {
  const json = parse(line, start, end);
  if (json === null) return previous;
  if (typeof json !== 'object' || Array.isArray(json)) throw badConnect('not a JSON object');
  const merged = { ...previous };
  for (const [key, value] of Object.entries(json)) {
    const field = FIELDS.get(key.toLowerCase());
    if (field === undefined || value === null) continue;
    const isInteger = typeof value !== 'number' || Number.isSafeInteger(value);
    if (typeof value !== typeof previous[field] || !isInteger) throw badConnect('a field has the wrong type');
    Object.assign(merged, { [field]: value });
  }
  return merged;
}

function parse(line: Buffer, start: number, end: number): unknown {
  try {
    return JSON.parse(line.toString('utf8', start, end));
  } catch {
    // The parser's message quotes the text, which may hold a password: it goes no further.
    throw badConnect('not JSON');
  }
}

/**
 * Refuses what nats-server refuses before it looks at credentials.
 * @throws {GatewayError} `GW_CLIENT_PROTOCOL`, `GW_NO_RESPONDERS_HEADERS` or `GW_AUTHORIZATION`
 */
export function checkConnect(options: ConnectOptions): void {
  if (options.protocol !== 0 && options.protocol !== 1) {
    throw new GatewayError('GW_CLIENT_PROTOCOL', 'unknown client protocol');
  }
  if (options.no_responders && !options.headers) {
    throw new GatewayError('GW_NO_RESPONDERS_HEADERS', 'no_responders without headers');
  }
  if (options.account !== '' || options.new_account) {
    throw new GatewayError('GW_AUTHORIZATION', 'CONNECT names an account');
  }
}

function badConnect(message: string): GatewayError {
  return new GatewayError('GW_CONNECT_JSON', `CONNECT: ${message}`);
}
