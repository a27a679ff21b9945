import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { METHOD_KEYS } from '../../../src/config/authentication/methods.ts';
import { listWords } from '../../../src/config/formats.ts';
import { type LoadOptions, loadConfig, loadConfigWithOrigins } from '../../../src/config/load.ts';
import { renderConfig } from '../../../src/config/print.ts';
import { GatewayError } from '../../../src/errors.ts';
import { CONNECT_TEXT_FIELDS } from '../../../src/nats/connect-options.ts';

const METHODS = listWords(Object.keys(METHOD_KEYS));
const folder = mkdtempSync(join(tmpdir(), 'config-'));
after(() => rmSync(folder, { recursive: true }));

let files = 0;
function file(text: string | Buffer): string {
  files += 1;
  const path = join(folder, `c${files}.json`);
  writeFileSync(path, text);
  return path;
}

function load(options: Partial<LoadOptions> = {}) {
  return loadConfig({ env: {}, flags: {}, ...options });
}

/** Messages of all problems, `FILE` in place of a temporary name. */
function problems(options: Partial<LoadOptions>): string[] {
  try {
    load(options);
  } catch (error) {
    assert.ok(error instanceof GatewayError);
    assert.equal(error.code, 'GW_CONFIG');
    const lines = error.message.split('\n');
    const only = lines.length === 1 ? [error.message.replace('wrong configuration: ', '')] : lines.slice(1);
    if (lines.length > 1) assert.equal(lines[0], `wrong configuration, ${only.length} problems:`);
    assert.equal((error.context.problems as unknown[]).length, only.length);
    return only.map((line) => line.trim().replace(/[^\s(]*\/c\d+\.json/g, 'FILE'));
  }
  return [];
}

test('load: the built-in defaults are a working configuration', () => {
  const config = load();
  assert.equal(config.maxPayloadBytes, 1_048_576);
  assert.equal(config.pingIntervalMs, 60_000);
  assert.equal(config.upstream.isEmbedded, true);
  assert.deepEqual(config.listeners, [
    {
      name: 'tcp',
      type: 'tcp',
      bindKey: 'listeners[0].bind',
      host: '127.0.0.1',
      port: 4222,
      maxConnections: 0,
      maxConnectionRate: 0,
      maxMessageRate: 0,
      maxByteRate: 0,
      accessRules: [],
      proxyProtocol: null,
      mountpoint: null,
      isAuthenticated: true,
      websocket: { compression: false, path: null, allowedOrigins: [], trustedProxies: [] },
      tls: null,
    },
  ]);
});

test('load: the shipped config.json says what the defaults say', () => {
  const shipped = fileURLToPath(new URL('../../../config.json', import.meta.url));
  assert.deepEqual(load({ file: shipped }), load());
});

test('load: workers is a number or "auto", which means the cores of this machine', () => {
  const workers = (value: unknown) => load({ flags: { workers: value } }).workers;
  assert.equal(load().workers, 1);
  assert.deepEqual(
    [workers(3), workers('4'), workers('auto')],
    [3, 4, Math.min(availableParallelism(), 256)],
  );
  for (const wrong of [0, 257, 1.5, 'all']) {
    assert.match(
      problems({ flags: { workers: wrong } })[0] ?? '',
      /^flag --set workers: workers = .* must be a whole number from 1 to 256, or "auto"$/,
    );
  }
});

test('load: nothing in a configuration can be changed', () => {
  const config = load({ flags: { rules: [{ subject: 'a', qos: 1 }] } });
  assert.throws(() => Object.assign(config, { mountpoint: 'x' }), TypeError);
  assert.throws(() => Object.assign(config.listeners[0]!.websocket, { path: 'x' }), TypeError);
  assert.throws(() => (config.rules as unknown[]).push(1), TypeError);
});

test('load: flags win over the environment, that over the file, that over defaults', () => {
  const options = {
    file: file('{ "ping_interval": "1s", "ping_timeout": "1s", "write_deadline": "1s" /* comment */, }'),
    env: { NATSMQTT_PING_INTERVAL: '2s', NATSMQTT_PING_TIMEOUT: '2s', OTHER: 'x' },
    flags: { ping_interval: '3s' },
  };
  const { config, originOf } = loadConfigWithOrigins(options);
  const { pingIntervalMs, pingTimeoutMs, writeDeadlineMs, authTimeoutMs } = config;
  assert.deepEqual([pingIntervalMs, pingTimeoutMs, writeDeadlineMs, authTimeoutMs], [3000, 2000, 1000, 2000]);
  assert.equal(originOf('ping_interval'), 'flag --set ping_interval');
  assert.equal(originOf('ping_timeout'), 'environment variable NATSMQTT_PING_TIMEOUT');
  assert.equal(originOf('write_deadline'), `${options.file}:1`);
  assert.equal(originOf('auth_timeout'), 'default');
});

test('load: objects in file and flags are merged, lists are replaced', () => {
  const config = load({
    file: file(
      '{ "upstream": { "url": "mqtt://a", "max_inflight": 5 }, "mapping": { "allow_dollar": ["$SYS"] } }',
    ),
    flags: { upstream: { url: 'mqtt://b' }, 'mapping.allow_dollar': [] },
  });
  assert.equal(config.upstream.url, 'mqtt://b');
  assert.equal(config.upstream.maxInflight, 5);
  assert.deepEqual(config.mapping.allowDollar, []);
});

test('load: the environment reaches nested settings and takes lists as JSON', () => {
  const config = load({
    env: {
      NATSMQTT_UPSTREAM__PROTOCOL_VERSION: '5',
      NATSMQTT_UPSTREAM__MAX_INFLIGHT: '12',
      NATSMQTT_UPSTREAM__AUTH_REQUIRED: 'true',
      NATSMQTT_CONTROL_HEADERS: 'false',
      NATSMQTT_MAX_CONNECTIONS: '7',
      NATSMQTT_LISTENERS: '[{"name":"w","type":"ws","bind":":9222","websocket":{"path":"/nats"}}]',
      NATSMQTT_RULES: '[{"subject":"a.>","qos":1,"message_expiry":"1m"}]',
    },
  });
  assert.equal(config.upstream.protocolVersion, 5);
  assert.equal(config.upstream.maxInflight, 12);
  assert.equal(config.upstream.authRequired, true);
  assert.equal(config.controlHeaders, false);
  assert.equal(config.maxConnections, 7);
  assert.deepEqual([config.listeners[0]!.host, config.listeners[0]!.websocket.path], ['0.0.0.0', '/nats']);
  assert.deepEqual(config.rules, [{ subject: 'a.>', qos: 1, retain: null, messageExpirySeconds: 60 }]);
});

test('load: --addr and --port change the first tcp listener only', () => {
  const listeners =
    '[{"name":"w","type":"ws","bind":":1"},{"name":"t","bind":"10.0.0.1:2"},{"name":"u","bind":":3"}]';
  const options = { env: { NATSMQTT_LISTENERS: listeners } };
  const bind = (listen: NonNullable<LoadOptions['listen']>) =>
    load({ ...options, listen }).listeners.map(({ host, port }) => `${host} ${port}`);
  assert.deepEqual(bind({ port: '5' }), ['0.0.0.0 1', '10.0.0.1 5', '0.0.0.0 3']);
  assert.deepEqual(bind({ host: '::1' }), ['0.0.0.0 1', '::1 2', '0.0.0.0 3']);
  assert.deepEqual(bind({ host: 'h', port: '6' }), ['0.0.0.0 1', 'h 6', '0.0.0.0 3']);
  const { originOf } = loadConfigWithOrigins({ ...options, flags: {}, listen: { port: '5' } });
  assert.equal(originOf('listeners[1].bind'), 'flag --port');
  assert.equal(originOf('listeners[0].bind'), 'environment variable NATSMQTT_LISTENERS');
});

test('load: single entries of a list can be set and added', () => {
  const config = load({ flags: { 'listeners[0].bind': ':5', 'listeners[1]': { name: 'b', bind: ':6' } } });
  assert.deepEqual(
    config.listeners.map(({ name, port }) => [name, port]),
    [
      ['tcp', 5],
      ['b', 6],
    ],
  );
  assert.deepEqual(problems({ flags: { 'listeners[7].bind': ':5' } }), [
    'flag --set listeners[7].bind: listeners[7].bind does not exist: the list has 1 so far',
  ]);
});

test('load: a secret can stand in a file of its own, less one line end', () => {
  const env = {
    NATSMQTT_UPSTREAM__USERNAME: 'gateway',
    NATSMQTT_UPSTREAM__PASSWORD_FILE: file('s3cret\n'),
    NATSMQTT_CLIENT_INFO__PASSWORD_FILE: file(' p \r\n'),
  };
  const config = load({ env });
  assert.equal(config.upstream.password, 's3cret');
  assert.equal(config.clientInfo.password, ' p ');
});

test('load: the variables that templates may use are those that sessions fill in', () => {
  const names = CONNECT_TEXT_FIELDS.flatMap((field) => [`connect.${field}`, `Packet.${field}`]);
  for (const name of [...names, 'generated', 'peer.address', 'listener', 'tls.common_name', 'tls.subject']) {
    assert.deepEqual(problems({ flags: { 'client_info.password': `\${${name}}` } }), [], name);
  }
});

const WRONG: readonly (readonly [name: string, options: Partial<LoadOptions>, messages: string[]])[] = [
  [
    'an unknown setting in the file',
    { file: file('{\n  "ping_intervall": "60s"\n}') },
    ['FILE:2: ping_intervall is not a known setting; did you mean "ping_interval"?'],
  ],
  [
    'an unknown nested setting',
    { file: file('{ "upstream": {\n "ulr": "x" } }') },
    ['FILE:2: upstream.ulr is not a known setting; did you mean "upstream.url"?'],
  ],
  [
    'an unknown setting of a listener, at its own line',
    { file: file('{ "listeners": [\n { "name": "a", "bind": ":1",\n "typ": "tcp" } ] }') },
    ['FILE:3: listeners[0].typ is not a known setting; did you mean "listeners[0].type"?'],
  ],
  [
    'an unknown variable',
    { env: { NATSMQTT_UPSTREAM_URL: 'mqtt://x' } },
    [
      'environment variable NATSMQTT_UPSTREAM_URL: there is no such setting; did you mean "NATSMQTT_UPSTREAM__URL"?',
    ],
  ],
  [
    'an unknown setting in a flag',
    { flags: { 'log.levl': 'info' } },
    ['flag --set log.levl: log.levl is not a known setting; did you mean "log.level"?'],
  ],
  [
    'a flag that is no path',
    { flags: { 'a..b': 'x' } },
    ['flag --set a..b: "a..b" is not the name of a setting'],
  ],
  [
    'names of the object prototype',
    { file: file('{ "__proto__": { "x": 1 }, "constructor": 1 }'), flags: { toString: 'x' } },
    [
      'FILE:1: __proto__ is not a known setting',
      'FILE:1: constructor is not a known setting',
      'flag --set toString: toString is not a known setting',
    ],
  ],
  [
    'a wrong type',
    { file: file('{ "max_connections": "many", "control_headers": "yes", "log": 5, "rules": {} }') },
    [
      'FILE:1: max_connections = "many" must be a whole number from 1 to 2147483647',
      'FILE:1: control_headers = "yes" must be true or false',
      'FILE:1: log = 5 must be an object with level, file, format',
      'FILE:1: rules = {} must be a list of objects',
    ],
  ],
  [
    'a value out of range, by environment and flag',
    {
      env: { NATSMQTT_PING_INTERVAL: '0s' },
      flags: { 'log.level': 'loud' },
      flagNames: { 'log.level': '--log-level' },
    },
    [
      'environment variable NATSMQTT_PING_INTERVAL: ping_interval = "0s" must be a duration such as "500ms", "60s" or "2m", from 10ms to 24h',
      'flag --log-level: log.level = "loud" must be "trace", "debug", "info", "warn", "error" or "fatal"',
    ],
  ],
  [
    'a list in the environment that is no JSON',
    { env: { NATSMQTT_RULES: 'a.>' } },
    [
      'environment variable NATSMQTT_RULES: rules = "a.>" must be written as JSON when it comes from the environment or a flag',
    ],
  ],
  [
    'a port that is none',
    { listen: { port: '99999' } },
    [
      'flag --port: listeners[0].bind = "127.0.0.1:99999" must be "HOST:PORT", "[IPv6]:PORT" or ":PORT" (every interface), with a port from 0 to 65535',
    ],
  ],
  [
    '--port without a tcp listener',
    { flags: { listeners: [{ name: 'w', type: 'ws', bind: ':1' }] }, listen: { port: '5' } },
    ['flag --port: there is no listener of type "tcp" or "tls" that it could change'],
  ],
  [
    'what a listener lacks',
    { flags: { listeners: [{ type: 'tcp' }] } },
    [
      'flag --set listeners: listeners[0].name is missing; it must be a name of 1 to 128 characters without blanks',
      'flag --set listeners: listeners[0].bind is missing; it must be "HOST:PORT", "[IPv6]:PORT" or ":PORT" (every interface), with a port from 0 to 65535',
    ],
  ],
  [
    'a setting given twice',
    { file: file('{ "mountpoint": "",\n "mountpoint": "" }') },
    ['FILE:1: mountpoint is given twice'],
  ],
  ['a list instead of an object', { file: file('[]') }, ['FILE:1: must be one JSON object: { … }']],
  ['an empty file', { file: file('') }, ['FILE:1: not valid JSON: value expected']],
  [
    'a missing comma',
    { file: file('{\n "mountpoint": ""\n "rules": [] }') },
    ['FILE:3: not valid JSON: comma expected'],
  ],
  ['a missing file', { file: '/nowhere/c1.json' }, ['FILE: cannot be read: no such file']],
  ['a folder', { file: folder }, [`${folder}: cannot be read: it is a directory`]],
  [
    'a secret file that is missing',
    { env: { NATSMQTT_UPSTREAM__PASSWORD_FILE: '/nowhere' } },
    [
      'environment variable NATSMQTT_UPSTREAM__PASSWORD_FILE: upstream.password_file cannot read the file /nowhere: no such file',
    ],
  ],
  [
    'a secret file that nobody has filled in',
    {
      file: file('{ "upstream": { "username": "gw" } }'),
      flags: { 'client_info.password_file': file('\n') },
    },
    ['flag --set client_info.password_file: client_info.password_file names the file FILE, which is empty'],
  ],
  [
    'a secret file in another encoding',
    { flags: { 'client_info.password_file': file(Buffer.from('grün', 'latin1')) } },
    [
      'flag --set client_info.password_file: client_info.password_file cannot read the file FILE: it is not UTF-8',
    ],
  ],
  [
    'a password that nobody would use',
    { flags: { 'upstream.password': 'hunter2' } },
    ['flag --set upstream.password: upstream.password is not used without upstream.username'],
  ],
  [
    'secrets in places where they are not expected',
    {
      flags: {
        client_info: '{"password":"hunter2"}',
        'upstream.url': 'ws://127.0.0.1/mqtt?token=hunter2#x',
      },
    },
    [
      'flag --set client_info: client_info = (hidden) must be an object with client_id, username, password, password_file',
      'flag --set upstream.url: upstream.url = (hidden) must not have a fragment (#…)',
    ],
  ],
  [
    'a slip in the middle of a path',
    { flags: { 'upsteam.url': 'x', 'listeners.0.bind': ':1', 'rule[0].qos': '1' } },
    [
      'flag --set upsteam.url: upsteam.url is not a known setting; did you mean "upstream.url"?',
      'flag --set listeners.0.bind: listeners.0.bind is not a known setting; did you mean "listeners[0].bind"?',
      'flag --set rule[0].qos: rule[0].qos is not a known setting; did you mean "rules[0].qos"?',
    ],
  ],
  [
    'a secret and its file',
    {
      file: file('{ "upstream": { "password": "x" } }'),
      env: { NATSMQTT_UPSTREAM__PASSWORD_FILE: '/nowhere' },
    },
    [
      'environment variable NATSMQTT_UPSTREAM__PASSWORD_FILE: upstream.password_file contradicts upstream.password, which is given too (FILE:1)',
    ],
  ],
  [
    'authentication methods that do not exist, and slips in those that do',
    {
      file: file(
        '{ "authentication": [{}, "x", { "method": "tokn" }, { "method": "token", "tokn": "s3cret", "timeout": "1x" }] }',
      ),
    },
    [
      `FILE:1: authentication[0].method is missing; it must be ${METHODS}`,
      'FILE:1: authentication[1] must be an object with method and the settings of that method',
      `FILE:1: authentication[2].method = "tokn" must be ${METHODS}; did you mean "token"?`,
      'FILE:1: authentication[3].tokn is not a known setting; did you mean "authentication[3].token"?',
      'FILE:1: authentication[3].timeout = "1x" must be a duration such as "500ms", "60s" or "2m", from 10ms to 60s',
    ],
  ],
  [
    'a method without what it needs',
    { flags: { authentication: [{ method: 'token' }] } },
    ['flag --set authentication: authentication[0] needs token or token_file'],
  ],
  [
    'databases that cannot be asked',
    {
      flags: {
        authentication: [
          { method: 'redis', servers: ['a', 'b'] },
          { method: 'redis', mode: 'cluster', servers: [], database: 1, tls: { cert_file: 'c' } },
        ],
      },
    },
    [
      'flag --set authentication: authentication[0].servers must name exactly one server; see mode',
      'flag --set authentication: authentication[1].servers must name at least one server',
      'flag --set authentication: authentication[1].database must be 0: a cluster has no other',
      'flag --set authentication: authentication[1].tls needs both cert_file and key_file, or none',
    ],
  ],
  [
    'queries that would let clients say what is asked',
    {
      flags: {
        authentication: [
          {
            method: 'mysql',
            server: 'db:99999',
            database: 'd',
            username: 'u',
            query: "SELECT password_hash FROM users WHERE username LIKE '%${username}'",
          },
          { method: 'redis', command: 'EVAL ${username} 0' },
        ],
      },
    },
    [
      'flag --set authentication: authentication[0].server = "db:99999" must be "HOST", "HOST:PORT" or "[IPv6]:PORT", by default port 3306',
      `flag --set authentication: authentication[0].query = "SELECT password_hash FROM users WHERE username LIKE '%\${username}'" has a placeholder inside a text, name or comment`,
      'flag --set authentication: authentication[1].command = "EVAL ${username} 0" must begin with GET, HGET, HGETALL or HMGET',
    ],
  ],
  [
    'names of clients that nobody asks for',
    {
      flags: {
        authentication: [{ method: 'token', token: 't', enable: false }],
        mountpoint: '${identity.name}/',
      },
    },
    ['flag --set mountpoint: mountpoint has ${identity.…}, which needs an entry in authentication'],
  ],
  [
    'a single setting of a method',
    { flags: { 'authentication[0].timeout': '1s' } },
    [
      'flag --set authentication[0].timeout: authentication[0].timeout cannot be given alone; give the whole list authentication',
    ],
  ],
  [
    'permissions that are none',
    { file: file('{ "default_permissions": { "publsh": {} } }') },
    [
      'FILE:1: default_permissions = {"publsh":{}} is wrong: permissions has "publsh", but there is only publish, pub, subscribe, sub, allow_responses',
    ],
  ],
  [
    'pooled sessions for everybody in the network',
    {
      flags: {
        'upstream.mode': 'pooled',
        listeners: [
          { name: 'a', bind: ':1' },
          { name: 'b', bind: '127.0.0.1:2' },
          { name: 'c', bind: '[::]:3', authentication: 'off' },
          { name: 'd', bind: '[::1]:4' },
          { name: 'e', bind: 'localhost:5' },
          { name: 'f', bind: '127.example.org:6' },
        ],
      },
    },
    ['0.0.0.0:1', '127.example.org:6'].map(
      (address, i) =>
        `flag --set listeners: listeners[${i * 5}].bind = "${address}" can be reached from other machines, and upstream.mode "pooled" gives everyone who connects the rights of upstream.username; bind it to 127.0.0.1, use upstream.mode "per_client", give authentication a method, or give this listener authentication "off" if that is meant`,
    ),
  ],
  [
    'pooled sessions where no method is in use',
    {
      flags: {
        'upstream.mode': 'pooled',
        'listeners[0].bind': ':1',
        authentication: [{ method: 'token', token: 't', enable: false }],
      },
    },
    [
      'flag --set listeners[0].bind: listeners[0].bind = "0.0.0.0:1" can be reached from other machines, and upstream.mode "pooled" gives everyone who connects the rights of upstream.username; bind it to 127.0.0.1, use upstream.mode "per_client", give authentication a method, or give this listener authentication "off" if that is meant',
    ],
  ],
  [
    'a limit that is smaller than what it must hold',
    { flags: { max_pending: '1KB', max_payload: '2MB', max_total_input: '1MB' } },
    [
      'flag --set max_payload: max_payload (2097152 bytes) must not be larger than max_pending (1024 bytes)',
      'flag --set max_payload: max_payload (2097152 bytes) must not be larger than max_total_input (1048576 bytes)',
    ],
  ],
  [
    'a limit that is smaller than a default',
    { flags: { max_total_pending: '1MB' } },
    [
      'flag --set max_total_pending: max_total_pending (1048576 bytes) must not be smaller than max_pending (67108864 bytes)',
    ],
  ],
  [
    'no listener at all',
    { flags: { listeners: [] } },
    ['flag --set listeners: listeners must have at least one entry'],
  ],
  [
    'listeners that collide',
    {
      flags: {
        listeners: [
          { name: 'a', bind: ':1' },
          { name: 'a', bind: '127.0.0.1:1' },
          { name: 'b', bind: '[::1]:1' },
          { name: 'c', bind: '127.0.0.1:1883' },
        ],
      },
    },
    [
      'flag --set listeners: listeners[1].name = "a" is also the name of listeners[0]',
      'flag --set listeners: listeners[1].bind = "127.0.0.1:1" takes the same address as listeners[0].bind',
      'flag --set listeners: listeners[3].bind = "127.0.0.1:1883" takes the same address as upstream.embedded_bind',
    ],
  ],
  [
    'WebSocket settings of a tcp listener',
    { flags: { listeners: [{ name: 'a', bind: ':1', websocket: { compression: true } }] } },
    ['flag --set listeners: listeners[0].websocket is only for listeners of type "ws" or "wss"'],
  ],
  [
    'rules without effect',
    {
      flags: {
        rules: [{ subject: 'a' }, { subject: 'b', message_expiry: '1s' }, { subject: 'b', qos: 1 }],
        'upstream.protocol_version': 4,
      },
    },
    [
      'flag --set rules: rules[0] changes nothing; give it qos, retain or message_expiry',
      'flag --set rules: rules[1].message_expiry needs MQTT 5, but upstream.protocol_version is 4',
      'flag --set rules: rules[2].subject = "b" never matches: rules[1] comes first',
    ],
  ],
];

for (const [name, options, messages] of WRONG) {
  test(`load: refuses ${name}`, () => assert.deepEqual(problems(options), messages));
}

test('load: what is empty is no error', () => {
  assert.deepEqual(problems({ file: file('{ "authentication": [], "default_permissions": {} }') }), []);
  assert.equal(load({ file: file('{ "default_permissions": {} }') }).defaultPermissions, null);
  const nested = load({ flags: { default_permissions: { subscribe: { deny: ['a b'] } } } });
  assert.deepEqual(nested.defaultPermissions?.subscribe, { allow: [], deny: ['a b'] });
});

test('load: two listeners on port 0 do not collide', () => {
  const listeners = [
    { name: 'a', bind: '127.0.0.1:0' },
    { name: 'b', bind: '127.0.0.1:0' },
  ];
  assert.deepEqual(problems({ flags: { listeners } }), []);
});

test('load: secrets and URLs with credentials never appear in a message', () => {
  const options: Partial<LoadOptions> = {
    file: file('{ "upstream": { "url": "mqtt://joe:hunter2@h", "password": ["hunter2"] } }'),
    env: {
      NATSMQTT_CLIENT_INFO__PASSWORD: 'hunter2${hunter2}',
      NATSMQTT_UPSTREAM__PASSWORD: 'hunter2\u0001',
    },
  };
  const messages = problems(options);
  assert.equal(messages.length, 4);
  for (const message of messages) assert.doesNotMatch(message, /hunter2/);
});

test('load: the secret of a method comes from its file, and is shown nowhere', () => {
  const token_file = file('tok-from-file\n');
  const loaded = loadConfigWithOrigins({
    env: {},
    flags: { authentication: [{ method: 'token', token_file }] },
  });
  const [method] = loaded.config.authentication;
  assert.equal(method?.method === 'token' && method.token, 'tok-from-file');
  assert.deepEqual([method?.enable, method?.timeout, method?.cache], [true, null, 0]);
  assert.doesNotMatch(renderConfig(loaded), /tok-from-file/);
});

test('load: pooled sessions may be reached from other machines where clients have to say who they are', () => {
  const flags = { 'upstream.mode': 'pooled', 'listeners[0].bind': ':1' };
  const { authentication } = loadConfig({
    env: {},
    flags: { ...flags, authentication: [{ method: 'token', token: 't' }] },
  });
  assert.equal(authentication.length, 1);
});
