/**
 * Formats of settings that name something: addresses, URLs, identity templates, topic prefixes, subjects.
 * Checks the shape only; opens nothing and resolves nothing.
 */
import { isIP } from 'node:net';
import { CONNECT_TEXT_FIELDS } from '../nats/connect-options.ts';
import { type Format, FormatError, listWords, text } from './formats.ts';

/** Control characters have no place in any name; they are how log lines and packets get forged. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: finding control characters is the purpose
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;

/** Free text of one line. */
export const oneLine = text('text without control characters', (value) => !CONTROL.test(value));

/** A name without blanks, as nats-server asks of `server_name`. */
export const identifier = text(
  'a name of 1 to 128 characters without blanks',
  (value) => value.length > 0 && value.length <= 128 && !/\s/.test(value) && !CONTROL.test(value),
);

/** Where to listen. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

const BIND = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]*)):(\d{1,5})$/i;

/** `127.0.0.1:4222`, `[::1]:4222`, `:4222` (every IPv4 interface); port 0 is any free port. */
export const listenAddress: Format<ListenAddress> = {
  kind: 'address',
  short: '"HOST:PORT", "[IPv6]:PORT" or ":PORT"',
  allowed: '"HOST:PORT", "[IPv6]:PORT" or ":PORT" (every interface), with a port from 0 to 65535',
  fromText: (value) => value,
  parse(value) {
    const match = typeof value === 'string' ? BIND.exec(value.trim()) : null;
    const port = Number(match?.[3]);
    if (match === null || port > 65_535) throw new FormatError();
    const [, ipv6, host] = match;
    if (ipv6 !== undefined && !ipv6.includes(':')) throw new FormatError();
    return { host: ipv6 ?? (host || '0.0.0.0'), port };
  },
};

/** The URL that stands for the broker inside this process. */
export const EMBEDDED_URL = 'embedded:';

const TCP_SCHEMES = ['mqtt:', 'mqtts:', 'tcp:', 'ssl:', 'tls:'];
const WEBSOCKET_SCHEMES = ['ws:', 'wss:'];
const UNIX_SCHEME = 'mqtt+unix:';

/** Address of the MQTT broker. */
export const brokerUrl: Format<string> = {
  kind: 'url',
  short: '"embedded:" or a URL',
  allowed:
    '"embedded:" or a URL such as mqtt://HOST:1883, mqtts://HOST:8883, ws://HOST/mqtt, wss://HOST/mqtt or mqtt+unix:///PATH',
  fromText: (value) => value,
  parse(value) {
    if (typeof value !== 'string') throw new FormatError();
    if (value === EMBEDDED_URL || value === 'embedded') return EMBEDDED_URL;
    checkUrl(value);
    return value;
  },
};

function checkUrl(value: string): void {
  if (!URL.canParse(value) || CONTROL.test(value) || /\s/.test(value))
    throw new FormatError(bareHostHint(value));
  const url = new URL(value);
  if (url.username !== '' || url.password !== '') {
    // They would otherwise appear wherever the URL is logged or shown.
    throw new FormatError(
      'must not hold a user name or password; use upstream.username and upstream.password_file',
    );
  }
  if (url.hash !== '') throw new FormatError('must not have a fragment (#…)');
  if (WEBSOCKET_SCHEMES.includes(url.protocol)) return;
  if (url.protocol === UNIX_SCHEME) {
    if (url.host !== '' || url.pathname.length < 2)
      throw new FormatError('must name a socket: mqtt+unix:///run/broker.sock');
    return;
  }
  if (!TCP_SCHEMES.includes(url.protocol) || url.hostname === '') throw new FormatError(bareHostHint(value));
  if (!['', '/'].includes(url.pathname) || url.search !== '') {
    throw new FormatError('must not have a path or query; only ws:// and wss:// brokers have one');
  }
  if (url.port === '0') throw new FormatError('must not have port 0');
}

function bareHostHint(value: string): string | undefined {
  return /^[a-z0-9.-]+(:\d+)?$/i.test(value) ? `must begin with a scheme: mqtt://${value}` : undefined;
}

/** session/client-info.ts fills them in. */
const CONNECT_FIELDS: readonly string[] = CONNECT_TEXT_FIELDS;
/** A client id or topic prefix is shown, logged and stored all over the place. */
const SECRET_FIELDS = ['pass', 'auth_token', 'jwt', 'sig'];
const OTHER_VARIABLES = ['generated', 'peer.address', 'listener', 'tls.common_name', 'tls.subject'];
/** Name and attributes of who has been authenticated. */
const IDENTITY_VARIABLE = /^identity\.[\w-]+$/;

const VARIABLE = /\$\{([^}]*)\}/g;

/**
 * Why a template cannot be used, or undefined. `${Packet.…}` is `${connect.…}` as EMQX spells it.
 */
function templateProblem(template: string, allowSecrets: boolean): string | undefined {
  if (template.replaceAll(VARIABLE, '').includes('${')) return 'has a "${" without its "}"';
  for (const [whole, variable = ''] of template.matchAll(VARIABLE)) {
    if (IDENTITY_VARIABLE.test(variable)) continue;
    const field = /^(?:connect|Packet)\.(.+)$/.exec(variable)?.[1];
    if (field === undefined ? !OTHER_VARIABLES.includes(variable) : !CONNECT_FIELDS.includes(field)) {
      const fields = CONNECT_FIELDS.filter((name) => allowSecrets || !SECRET_FIELDS.includes(name));
      const known = [...fields.map((name) => `connect.${name}`), ...OTHER_VARIABLES, 'identity.name'];
      return `has ${whole}, but there is only ${listWords(known.map((name) => `\${${name}}`))}`;
    }
    if (!allowSecrets && field !== undefined && SECRET_FIELDS.includes(field)) {
      return `has ${whole}, which is a secret and would be visible to others`;
    }
  }
  return undefined;
}

/** Text with variables such as `${connect.user}`. */
export function template(options: { readonly allowSecrets: boolean }): Format<string> {
  return {
    kind: 'template',
    short: 'text, may hold variables',
    allowed: 'text that may hold variables such as ${connect.user}',
    fromText: (value) => value,
    parse(value) {
      if (typeof value !== 'string' || CONTROL.test(value)) throw new FormatError();
      const problem = templateProblem(value, options.allowSecrets);
      if (problem !== undefined) throw new FormatError(problem);
      return value;
    },
  };
}

/** A topic prefix, or a template of one. */
export const mountpoint: Format<string> = {
  kind: 'mountpoint',
  short: 'empty or ending in "/", may hold variables',
  allowed:
    'empty or a topic prefix that ends in "/", without "+" and "#"; may hold variables such as ${connect.user}',
  fromText: (value) => value,
  parse(value) {
    const prefix = template({ allowSecrets: false }).parse(value);
    if (prefix === '') return prefix;
    if (/[+#]/.test(prefix)) throw new FormatError();
    // "a" without its slash would let client names continue it: "ab/…" belongs to somebody else.
    if (!prefix.endsWith('/'))
      throw new FormatError('must end in "/", so that it is made of whole topic levels');
    if (/^\$(?!\{)/.test(prefix))
      throw new FormatError('must not begin with "$": brokers reserve such topics');
    return prefix;
  },
};

/** A subject as rules use it: tokens between dots, `*` for one token, a last `>` for one or more. */
export const subjectPattern = text('a subject such as "alarms.>" or "rooms.*.temperature"', (value) => {
  const tokens = value.split('.');
  return (
    !/\s/.test(value) &&
    !CONTROL.test(value) &&
    tokens.every((token, position) => token !== '' && (token !== '>' || position === tokens.length - 1))
  );
});

/** An address or a network in CIDR form. */
function isNetwork(value: string): boolean {
  const match = /^([^/%]+)(?:\/(\d{1,3}))?$/.exec(value);
  const family = isIP(match?.[1] ?? '');
  return family !== 0 && Number(match?.[2] ?? 0) <= (family === 4 ? 32 : 128);
}

/** See {@link isNetwork}. */
export const network = text('addresses or networks such as "10.0.0.0/8"', isNetwork);

/** One of the rules about who may connect by address. */
export const accessRule = text('rules such as "allow 10.0.0.0/8" or "deny all"', (value) => {
  const target = /^(?:allow|deny) (\S+)$/.exec(value)?.[1] ?? '';
  return target === 'all' || isNetwork(target);
});

/** A web origin, as browsers send it. */
export const webOrigin = text('origins such as "https://example.org"', (value) => {
  return URL.canParse(value) && /^https?:/.test(value) && new URL(value).origin === value.toLowerCase();
});
