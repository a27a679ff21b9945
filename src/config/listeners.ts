/** Settings of the addresses that clients connect to: what they may hold, and what the program makes of them. Opens no port. */
import type { Config } from './config.ts';
import { anyCount, boolean, byteSize, choice, either, integer, listOf, text, timeout } from './formats.ts';
import { key, optional, type Parsed } from './key.ts';
import * as names from './name-formats.ts';
import { LISTENER_TLS_KEYS, toListenerTls } from './tls.ts';

/** Settings of one entry of `listeners`. */
export const LISTENER_KEYS = {
  name: key('Name in logs and in `${listener}`; unique.', names.identifier, undefined),
  type: key(
    '`tcp` for plain connections, `tls` for encrypted ones, `ws` and `wss` for WebSocket.',
    choice('tcp', 'tls', 'ws', 'wss'),
    'tcp',
  ),
  bind: key('Address and port to listen on.', names.listenAddress, undefined),
  max_connections: key('Most clients on this listener; 0 leaves it to the gateway-wide limit.', anyCount, 0),
  max_connection_rate: key(
    'Most new connections per second, and at once; those beyond are closed. 0 is unlimited. Each worker gets an equal part.',
    integer(0, 1_000_000),
    0,
  ),
  max_message_rate: key(
    'Most messages per second that a client may publish, and at once; who sends more is read more slowly. 0 is unlimited.',
    integer(0, 100_000_000),
    0,
  ),
  max_byte_rate: key(
    'Most bytes per second that a client may send, and at once; who sends more is read more slowly. 0 is unlimited.',
    byteSize('0B', '1024GB'),
    0,
  ),
  access_rules: key(
    'Who may connect by address, such as `["allow 10.0.0.0/8", "deny all"]`: the first rule that matches counts, and who matches none may connect.',
    listOf(names.accessRule, 'rules such as "allow 10.0.0.0/8" or "deny all"'),
    [],
  ),
  proxy_protocol: key(
    'Connections come through a load balancer that says in a PROXY header (version 1 or 2) who the client is; without one nobody is served.',
    boolean,
    false,
  ),
  proxy_protocol_from: key(
    'Addresses and networks of the load balancers; with `proxy_protocol` nobody else may connect.',
    listOf(names.network, 'addresses or networks such as "10.0.0.0/8"'),
    [],
  ),
  proxy_protocol_timeout: key('How long a PROXY header may take.', timeout, '3s'),
  mountpoint: optional(
    'Replaces the gateway-wide `mountpoint` for clients of this listener.',
    names.mountpoint,
  ),
  authentication: key(
    '`off`: clients of this listener need no credentials, whatever `authentication` says.',
    choice('on', 'off'),
    'on',
  ),
  websocket: {
    compression: key(
      'Offer compression (permessage-deflate) to clients. Only for types `ws` and `wss`.',
      boolean,
      false,
    ),
    path: key(
      'The only URL path that is served; empty serves any. Only for types `ws` and `wss`.',
      text('empty or a path that begins with "/"', (value) => /^(?:\/[^?#\s]*)?$/.test(value)),
      '',
    ),
    allowed_origins: key(
      'Web pages that may connect: `"same_origin"` or a list of origins; empty allows any. Programs, which send no Origin header, always may. Only for types `ws` and `wss`.',
      either(choice('same_origin'), listOf(names.webOrigin, 'origins such as "https://example.org"')),
      [],
    ),
    trusted_proxies: key(
      'Addresses and networks of proxies whose header `X-Forwarded-For` says who the client is; empty: nobody is believed. Only for types `ws` and `wss`.',
      listOf(names.network, 'addresses or networks such as "10.0.0.0/8"'),
      [],
    ),
  },
  tls: LISTENER_TLS_KEYS,
} as const;

/** What the program works with. */
export function toListener(
  listener: Parsed<typeof LISTENER_KEYS>,
  position: number,
): Config['listeners'][number] {
  return {
    name: listener.name,
    type: listener.type,
    bindKey: `listeners[${position}].bind`,
    host: listener.bind.host,
    port: listener.bind.port,
    maxConnections: listener.max_connections,
    maxConnectionRate: listener.max_connection_rate,
    maxMessageRate: listener.max_message_rate,
    maxByteRate: listener.max_byte_rate,
    accessRules: listener.access_rules,
    proxyProtocol: listener.proxy_protocol
      ? { from: listener.proxy_protocol_from, timeoutMs: listener.proxy_protocol_timeout }
      : null,
    mountpoint: listener.mountpoint,
    isAuthenticated: listener.authentication === 'on',
    websocket: {
      compression: listener.websocket.compression,
      path: listener.websocket.path === '' ? null : listener.websocket.path,
      allowedOrigins: listener.websocket.allowed_origins,
      trustedProxies: listener.websocket.trusted_proxies,
    },
    tls: toListenerTls(listener.tls, `listeners[${position}].tls`),
  };
}
