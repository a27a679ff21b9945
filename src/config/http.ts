/**
 * Settings of the HTTP server for operators: what they may hold, which of them contradict each other, and what the program
 * makes of them. Opens no file and no port.
 */
import type { TlsConfig } from './config.ts';
import { entries } from './entries.ts';
import { boolean, choice, duration, type Format, FormatError, listOf, text } from './formats.ts';
import { atStart, key, type Parsed } from './key.ts';
import * as names from './name-formats.ts';

/** Groups of pages that can be left open where everything else asks for credentials. */
const OPEN_PAGES = ['probes', 'metrics', 'monitoring'] as const;

/** One of the groups: `/livez /readyz /healthz`, `/metrics`, `/varz /connz …`. */
export type OpenPages = (typeof OPEN_PAGES)[number];

/** Where the HTTP server listens; null: nowhere. */
const httpAddress: Format<names.ListenAddress | null> = {
  ...names.listenAddress,
  allowed: `${names.listenAddress.allowed}; or "off"`,
  short: '"HOST:PORT", ":PORT" or "off"',
  parse: (value) => (value === '' || value === 'off' ? null : names.listenAddress.parse(value)),
};

const urlPrefix = text('empty or a path such as "/gateway"', (value) => /^(?:\/[\w.~-]+)*$/.test(value));

const hostName = text('a host name', (value) => /^[a-z0-9._-]+$/i.test(value));

/** Longer ones would be cut by bcrypt, and are no passwords anybody types. */
const MAX_SECRET_LENGTH = 1024;

const secret = text(
  'text of 1 to 1024 characters without control characters',
  (value) => value.length <= MAX_SECRET_LENGTH && accepts(names.oneLine, value),
);

function accepts(format: Format<unknown>, value: unknown): boolean {
  try {
    format.parse(value);
    return true;
  } catch (error) {
    if (error instanceof FormatError) return false;
    throw error;
  }
}

/** Settings of `http`. */
export const HTTP_KEYS = {
  bind: atStart(
    key(
      'Where the monitoring pages, `/metrics`, the admin API and the dashboard are served; `"off"`: nowhere. Any other address than one of this machine’s own loopback needs `http.users` or `http.tokens`.',
      httpAddress,
      '127.0.0.1:8222',
    ),
  ),
  base_path: atStart(
    key('Path that all pages are under, for a proxy that does not take it off.', urlPrefix, ''),
  ),
  users: entries(
    'Who may log in to the dashboard and use the admin API; none, and no tokens either: everyone on this machine.',
    {
      name: key('Name, also in the audit log.', names.identifier, undefined),
      password: key('Password: plain, or its bcrypt hash (command `hash-password`).', secret, '', true),
      password_file: key('File that holds `password`.', names.oneLine, ''),
    },
    [],
  ),
  tokens: entries(
    'Tokens for programs, shown as `Authorization: Bearer TOKEN`.',
    {
      name: key('Name in the audit log.', names.identifier, undefined),
      token: key('The token: plain, or its bcrypt hash.', secret, '', true),
      token_file: key('File that holds `token`.', names.oneLine, ''),
    },
    [],
  ),
  open: key(
    'Pages that need no credentials even where users or tokens are set: `probes` (`/livez`, `/readyz`, `/healthz`), `metrics` (`/metrics`), `monitoring` (`/varz`, `/connz` and the like).',
    listOf(choice(...OPEN_PAGES), OPEN_PAGES.join(', ')),
    ['probes'],
  ),
  allowed_hosts: key(
    'Host names, besides `localhost` and addresses, under which the server is reached. Only looked at without users and tokens: it keeps web pages of others from reaching it through the browser.',
    listOf(hostName, 'host names'),
    [],
  ),
  session_idle_timeout: key(
    'After this long without a request, the dashboard asks for the password again.',
    duration({ min: '1m', max: '24h' }),
    '30m',
  ),
  session_timeout: key('After this long it asks in any case.', duration({ min: '1m', max: '30d' }), '12h'),
  ready_without_broker: key('Whether `/readyz` says yes while the broker cannot be reached.', boolean, false),
  tls: {
    cert_file: atStart(
      key(
        'PEM file with the certificate of the HTTP server; empty: no TLS. Read again when it changes.',
        names.oneLine,
        '',
      ),
    ),
    key_file: atStart(key('PEM file with its private key.', names.oneLine, '')),
    key_passphrase: atStart(key('Passphrase of an encrypted `key_file`.', names.oneLine, '', true)),
    key_passphrase_file: atStart(key('File that holds `http.tls.key_passphrase`.', names.oneLine, '')),
    min_version: atStart(key('Oldest TLS version that is spoken.', choice('1.2', '1.3'), '1.2')),
  },
} as const;

/** Somebody who may administer, with what proves it: plain, or a bcrypt hash. */
export interface AdminAccount {
  readonly name: string;
  readonly secret: string;
}

/** The HTTP server for operators. */
export interface HttpConfig {
  /** Null: there is none. */
  readonly address: names.ListenAddress | null;
  /** Empty, or begins with `/` and does not end in one. */
  readonly basePath: string;
  readonly users: readonly AdminAccount[];
  readonly tokens: readonly AdminAccount[];
  /** Groups of pages without credentials. */
  readonly open: readonly OpenPages[];
  /** In lower case. */
  readonly allowedHosts: readonly string[];
  readonly sessionIdleMs: number;
  readonly sessionMs: number;
  readonly readyWithoutBroker: boolean;
  /** Null: no TLS. */
  readonly tls: TlsConfig | null;
}

type HttpSettings = Parsed<typeof HTTP_KEYS>;
type Add = (name: string, message: string) => void;

/**
 * Adds what is wrong.
 * @param add names a setting of `http`, such as `tls.key_file`
 * @param isLoopback whether only programs of this machine reach an address
 */
export function checkHttp(http: HttpSettings, isLoopback: (host: string) => boolean, add: Add): void {
  const { bind, users, tokens, tls } = http;
  if (bind !== null && !isLoopback(bind.host) && users.length + tokens.length === 0) {
    add(
      'bind',
      'can be reached from other machines, and nobody would be asked for a password: give http.users or http.tokens an entry, or bind it to 127.0.0.1',
    );
  }
  checkAccounts('users', 'password', users, add);
  checkAccounts('tokens', 'token', tokens, add);
  if ((tls.cert_file === '') !== (tls.key_file === '')) {
    add(
      `tls.${tls.cert_file === '' ? 'cert_file' : 'key_file'}`,
      'is missing; cert_file and key_file belong together',
    );
  }
}

function checkAccounts(
  list: string,
  secretName: string,
  accounts: readonly { readonly name: string; readonly [field: string]: string }[],
  add: Add,
): void {
  for (const [position, account] of accounts.entries()) {
    const path = `${list}[${position}]`;
    if (account[secretName] === '') add(path, `needs ${secretName} or ${secretName}_file`);
    const same = accounts.findIndex(({ name }) => name === account.name);
    if (same < position) add(`${path}.name`, `= "${account.name}" is also the name of http.${list}[${same}]`);
  }
}

/** As the program uses it. */
export function toHttp(http: HttpSettings): HttpConfig {
  const { tls } = http;
  return {
    address: http.bind,
    basePath: http.base_path,
    users: http.users.map(({ name, password }) => ({ name, secret: password })),
    tokens: http.tokens.map(({ name, token }) => ({ name, secret: token })),
    open: http.open,
    allowedHosts: http.allowed_hosts.map((host) => host.toLowerCase()),
    sessionIdleMs: http.session_idle_timeout,
    sessionMs: http.session_timeout,
    readyWithoutBroker: http.ready_without_broker,
    tls:
      tls.cert_file === ''
        ? null
        : {
            path: 'http.tls',
            certFile: tls.cert_file,
            keyFile: tls.key_file,
            keyPassphrase: tls.key_passphrase === '' ? null : tls.key_passphrase,
            caFile: null,
            minVersion: tls.min_version,
            ciphers: null,
          },
  };
}
