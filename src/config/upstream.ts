/** Settings of the broker's side: what they may hold, and what the program makes of them. Connects to nobody. */
import type { Config } from './config.ts';
import { boolean, choice, duration, integer, pauseOrNone, timeout } from './formats.ts';
import { atStart, key, type Parsed } from './key.ts';
import * as names from './name-formats.ts';
import { toUpstreamTls, UPSTREAM_TLS_KEYS } from './tls.ts';

/** Settings of `upstream`. */
export const UPSTREAM_KEYS = {
  url: atStart(
    key(
      'The MQTT broker: `mqtt://HOST:1883`, `mqtts://`, `ws://`, `wss://`, `mqtt+unix:///PATH`; `embedded:` starts a small one in this process, for trying things out.',
      names.brokerUrl,
      names.EMBEDDED_URL,
    ),
  ),
  embedded_bind: atStart(
    key('Where the broker behind `embedded:` listens.', names.listenAddress, '127.0.0.1:1883'),
  ),
  username: key(
    "User name of the gateway's own sessions (the probe, and `pooled` mode); empty is anonymous.",
    names.oneLine,
    '',
  ),
  password: key("Password of the gateway's own sessions.", names.oneLine, '', true),
  password_file: key('File that holds `upstream.password`.', names.oneLine, ''),
  mode: atStart(
    key(
      "`per_client`: every client has an MQTT session of its own. `pooled`: a few sessions of the gateway's own serve all clients.",
      choice('per_client', 'pooled'),
      'per_client',
    ),
  ),
  pool_size: atStart(key('Most session pairs in `pooled` mode.', integer(1, 256), 4)),
  sessions: atStart(
    key(
      'MQTT connections per client, or per pair in `pooled` mode: `separate` ones for publishing and subscribing, a `single` one, or `auto`: separate where the broker delays small writes.',
      choice('auto', 'separate', 'single'),
      'auto',
    ),
  ),
  protocol_version: atStart(
    key('5, or 4 for MQTT 3.1.1 (then without headers, reply subjects and no-responders).', choice(4, 5), 5),
  ),
  keepalive: key('MQTT keepalive.', duration({ min: '1s', max: '18h', wholeSeconds: true }), '60s'),
  connect_timeout: key('How long a new client waits for the broker before it is closed.', timeout, '10s'),
  ack_timeout: key(
    'An acknowledgement older than this means that the link to the broker is dead.',
    timeout,
    '10s',
  ),
  outage_grace: key(
    'How long clients are kept, unread, while the broker is away; then they are closed.',
    pauseOrNone,
    '15s',
  ),
  max_inflight: key(
    'Most QoS 1 publications per MQTT session that wait for their acknowledgement; the broker may ask for fewer.',
    integer(1, 65_535),
    1000,
  ),
  fast_path: atStart(
    key(
      'Encode and decode messages below MQTT.js, at a fraction of the cost; `false` uses its documented interface only.',
      boolean,
      true,
    ),
  ),
  probe: atStart(key('Whether to find out by a few test messages how the broker behaves.', boolean, true)),
  auth_required: key(
    'Whether INFO asks clients for credentials; `auto`: when the broker refuses anonymous sessions.',
    choice('auto', true, false),
    'auto',
  ),
  tls: UPSTREAM_TLS_KEYS,
} as const;

/** What the program works with. */
export function toUpstream(upstream: Parsed<typeof UPSTREAM_KEYS>): Config['upstream'] {
  return {
    url: upstream.url,
    isEmbedded: upstream.url === names.EMBEDDED_URL,
    embeddedHost: upstream.embedded_bind.host,
    embeddedPort: upstream.embedded_bind.port,
    username: upstream.username === '' ? null : upstream.username,
    password: upstream.password === '' ? null : upstream.password,
    mode: upstream.mode,
    poolSize: upstream.pool_size,
    sessions: upstream.sessions,
    protocolVersion: upstream.protocol_version,
    keepaliveMs: upstream.keepalive,
    connectTimeoutMs: upstream.connect_timeout,
    ackTimeoutMs: upstream.ack_timeout,
    outageGraceMs: upstream.outage_grace,
    maxInflight: upstream.max_inflight,
    isFastPath: upstream.fast_path,
    probe: upstream.probe,
    authRequired: upstream.auth_required,
    tls: toUpstreamTls(upstream.url, upstream.tls),
  };
}
