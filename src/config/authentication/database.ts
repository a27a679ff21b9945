/** What the methods that ask a database have in common. */
import { boolean, duration, type Format, FormatError } from '../formats.ts';
import { key } from '../key.ts';
import { type ListenAddress, oneLine } from '../name-formats.ts';

const ADDRESS = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::(\d{1,5}))?$/i;

/** Where a database listens: `db.example.org`, `10.0.0.5:3306`, `[::1]:3306`. */
export function databaseAddress(defaultPort: number): Format<ListenAddress> {
  return {
    kind: `address, port ${defaultPort}`,
    form: { kind: 'address' },
    short: '"HOST", "HOST:PORT" or "[IPv6]:PORT"',
    allowed: `"HOST", "HOST:PORT" or "[IPv6]:PORT", by default port ${defaultPort}`,
    fromText: (value) => value,
    parse(value) {
      const match = typeof value === 'string' ? ADDRESS.exec(value.trim()) : null;
      const [, ipv6, host = '', port] = match ?? [];
      const number = port === undefined ? defaultPort : Number(port);
      if (match === null || number < 1 || number > 65_535) throw new FormatError();
      if (ipv6 !== undefined && !ipv6.includes(':')) throw new FormatError();
      return { host: ipv6 ?? host, port: number };
    },
  };
}

const limit = duration({ min: '10ms', max: '60s' });

/** Limits of one method. */
export const DATABASE_LIMIT_KEYS = {
  connect_timeout: key(
    'How long connecting and logging in may take, and how long a client waits for it.',
    limit,
    '5s',
  ),
  query_timeout: key(
    'How long the database may take to answer; then the connection is given up.',
    limit,
    '5s',
  ),
} as const;

/** TLS to a database. */
export const DATABASE_TLS_KEYS = {
  enable: key('Connect with TLS. Without it the password check can be read on the way.', boolean, false),
  ca_file: key(
    'Certificates of the authorities that may have signed the one of the database (PEM); empty: those that Node.js knows.',
    oneLine,
    '',
  ),
  cert_file: key('Certificate of the gateway (PEM), where the database asks for one.', oneLine, ''),
  key_file: key('Private key for `cert_file` (PEM).', oneLine, ''),
  verify: key('Whether the certificate of the database is checked, its name included.', boolean, true),
  server_name: key('Name that the certificate has to be for; empty: the host of the server.', oneLine, ''),
} as const;
