/**
 * Every setting: what it is for, what it may hold, its default. The table in docs/configuration.md is made from this file.
 * Reads nothing; see load.ts.
 */
import { PermissionFormatError, parsePermissions } from '../auth/permission-format.ts';
import type { Permissions } from '../auth/permissions.ts';
import { COMMON_KEYS } from './authentication/common.ts';
import { METHOD_KEYS, type MethodConfig } from './authentication/methods.ts';
import { entries, variantEntries } from './entries.ts';
import {
  anyCount,
  boolean,
  byteSize,
  choice,
  duration,
  either,
  type Format,
  FormatError,
  fromJson,
  integer,
  listOf,
  pauseOrNone,
  timeout,
} from './formats.ts';
import { HTTP_KEYS } from './http.ts';
import { atStart, environmentName, type Group, isKey, key, optional, type Parsed } from './key.ts';
import { LISTENER_KEYS } from './listeners.ts';
import * as names from './name-formats.ts';
import { UPSTREAM_KEYS } from './upstream.ts';

/** First tokens that are closed unless `mapping.allow_dollar` opens them. */
const RESERVED_TOKENS = [
  '$share',
  '$queue',
  '$exclusive',
  '$q',
  '$stream',
  '$s',
  '$SYS',
  '$CONTROL',
  '$delayed',
  '$file',
  '$SETOPTS',
] as const;

const permissions: Format<Permissions | null> = {
  // The name by which convict knows that it must not look for settings inside.
  kind: 'object',
  short: 'an object with publish, subscribe, allow_responses',
  allowed: 'an object such as { "publish": ["a.>"], "subscribe": { "allow": ["b.*"], "deny": ["b.x"] } }',
  fromText: fromJson,
  parse(value) {
    try {
      return parsePermissions(value);
    } catch (error) {
      if (error instanceof PermissionFormatError) throw new FormatError(`is wrong: ${error.message}`);
      throw error;
    }
  },
};

/** Settings of one entry of `rules`. */
const RULE_KEYS = {
  subject: key(
    'Subjects the rule is for; may hold the wildcards `*` and `>`.',
    names.subjectPattern,
    undefined,
  ),
  qos: optional('Send with this QoS, whatever the client asked for.', choice(0, 1)),
  retain: optional('Let the broker keep the last message of each subject.', boolean),
  message_expiry: optional(
    'How long the broker may hold the message back (MQTT 5 only).',
    duration({ min: '1s', max: '49710d', wholeSeconds: true }),
  ),
} as const;

/** All settings, without the names of their environment variables. */
const KEYS = {
  server_name: atStart(key('Name shown to clients in INFO.', names.identifier, 'nats_mqtt_gateway')),
  workers: atStart(
    key(
      'Processes that serve clients; `"auto"` is one per processor core. Limits stay those of the whole gateway; each worker gets an equal part of `max_total_…`.',
      either(integer(1, 256), choice('auto')),
      1,
    ),
  ),
  mountpoint: key(
    'Topic prefix that every client lives under and cannot leave, for instance `"site1/"` or `"${connect.user}/"`.',
    names.mountpoint,
    '',
  ),
  max_payload: key('Largest message, headers included.', byteSize('1B', '64MB'), '1MB'),
  max_control_line: key('Longest protocol line of a client.', byteSize('256B', '1MB'), 4096),
  max_connections: key('Most clients at a time.', integer(1, 2 ** 31 - 1), 65_536),
  max_subscriptions: key('Most subscriptions of one client; 0 is unlimited.', anyCount, 0),
  max_pending: key(
    'Bytes that may wait for one slow client before it is cut off.',
    byteSize('1KB', '4GB'),
    '64MB',
  ),
  max_total_pending: key(
    'Bytes that may wait for all clients together; beyond it the slowest is cut off.',
    byteSize('1KB', '1024GB'),
    '512MB',
  ),
  max_total_input: key(
    'Bytes of half-received messages of all clients together, and as much again of publications that the broker has not acknowledged; beyond it clients are not read.',
    byteSize('1KB', '1024GB'),
    '256MB',
  ),
  write_deadline: key(
    'How long a client may take to accept what was sent before it is cut off.',
    timeout,
    '10s',
  ),
  auth_timeout: key('How long a client that must authenticate may take to do so.', timeout, '2s'),
  auth_failure_delay: key(
    'Longest pause before somebody is asked for credentials again whose address has failed several times; `"0s"`: none.',
    duration({ min: '0s', max: '1m' }),
    '1s',
  ),
  ping_interval: key('Time between PINGs to a client.', timeout, '60s'),
  ping_timeout: key('How long a client may take to answer a PING.', timeout, '5s'),
  idle_timeout: key(
    'How long a client may stay connected without sending a first operation.',
    timeout,
    '30s',
  ),
  shutdown_timeout: key(
    'How long SIGTERM waits for clients and broker before the process ends.',
    pauseOrNone,
    '25s',
  ),
  lame_duck_grace_period: key(
    'After SIGUSR2: how long clients that were told to go elsewhere may take for it before the first one is closed.',
    pauseOrNone,
    '10s',
  ),
  lame_duck_duration: key(
    'After SIGUSR2: time within which all clients are closed, one by one, the grace period included; then the process ends.',
    pauseOrNone,
    '2m',
  ),
  listeners: entries('Addresses that NATS clients connect to.', LISTENER_KEYS, [
    { name: 'tcp', type: 'tcp', bind: '127.0.0.1:4222' },
  ]),
  no_auth_user: key(
    'Name of the user of `built_in` that clients are which show no credentials at all; empty: they are refused.',
    names.oneLine,
    '',
  ),
  authentication: variantEntries<MethodConfig>(
    'Methods that decide who may connect, asked in order: a method accepts, refuses, or leaves the client to the next one; the end of the list refuses. Empty: everyone may connect, and the broker decides.',
    { by: 'method', common: COMMON_KEYS, groups: METHOD_KEYS },
  ),
  default_permissions: key(
    'What clients may publish and subscribe to that bring no permissions of their own; empty: everything.',
    permissions,
    {},
  ),
  client_info: {
    client_id: key(
      "MQTT client id of a client's session; `${generated}` is a random one.",
      names.template({ allowSecrets: false }),
      '${generated}',
    ),
    username: key(
      "User name of a client's MQTT session.",
      names.template({ allowSecrets: true }),
      '${connect.user}',
    ),
    password: key(
      "Password of a client's MQTT session.",
      names.template({ allowSecrets: true }),
      '${connect.pass}',
      true,
    ),
    password_file: key('File that holds `client_info.password`.', names.oneLine, ''),
  },
  mapping: {
    profile: key(
      'How NATS names become MQTT names: `escape` loses nothing, `emqx` as the EMQX gateway, `nats-server` as the MQTT side of nats-server.',
      choice('escape', 'emqx', 'nats-server'),
      'escape',
    ),
    escape_dollar: key(
      'Write a leading `$` as `%24` in topics, for brokers that reserve or swallow such topics.',
      boolean,
      false,
    ),
    allow_dollar: key(
      'Reserved first tokens that clients may use nevertheless, for instance `["$SYS"]`.',
      listOf(choice(...RESERVED_TOKENS), RESERVED_TOKENS.join(' ')),
      [],
    ),
    retained: key(
      'Whether retained messages reach new subscriptions.',
      choice('deliver', 'suppress'),
      'deliver',
    ),
    max_levels: key('Most levels of a topic; brokers have limits too.', integer(1, 32_767), 128),
    max_topic_bytes: key('Longest topic in bytes; brokers have limits too.', integer(64, 65_535), 4096),
  },
  rules: entries('Overrides for publications by subject; the first rule that matches counts.', RULE_KEYS, []),
  control_headers: key('Whether clients may set MQTT fields through `Mqtt-…` headers.', boolean, true),
  upstream: UPSTREAM_KEYS,
  enable_stats: atStart(
    key(
      'Count messages and bytes per client. `false`: those of all clients together only, and 0 for each of them on the pages.',
      boolean,
      true,
    ),
  ),
  http: HTTP_KEYS,
  log: {
    level: key(
      'Least severe level that is logged.',
      choice('trace', 'debug', 'info', 'warn', 'error', 'fatal'),
      'info',
    ),
    file: atStart(
      key(
        'File that lines are appended to, in place of standard output; opened again on SIGHUP, for programs that rotate logs.',
        names.oneLine,
        '',
      ),
    ),
    format: atStart(
      key('`json`, `pretty`, or `auto`: pretty on a terminal.', choice('auto', 'json', 'pretty'), 'auto'),
    ),
  },
} as const;

function withEnvironment(group: Group, prefix = ''): Group {
  const named = Object.entries(group).map(([name, node]) => {
    const path = prefix + name;
    return [
      name,
      isKey(node) ? { ...node, env: environmentName(path) } : withEnvironment(node, `${path}.`),
    ] as const;
  });
  return Object.fromEntries(named);
}

/** All settings. */
export const SCHEMA = withEnvironment(KEYS) as typeof KEYS;

/** The values of all settings. */
export type Settings = Parsed<typeof KEYS>;
