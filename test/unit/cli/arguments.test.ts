import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Invocation, parseCommandLine } from '../../../src/cli/arguments.ts';
import { UsageError } from '../../../src/cli/flags.ts';
import { HELP } from '../../../src/cli/help.ts';

const NOTHING: Invocation = {
  command: 'serve',
  names: [],
  configFile: undefined,
  host: undefined,
  port: undefined,
  httpPort: undefined,
  tls: undefined,
  pidFile: undefined,
  signal: undefined,
  isLive: false,
  isReverse: false,
  usersFile: undefined,
  isSuperuser: false,
  hash: {},
  settings: {},
  flagNames: {},
};

const GOOD: readonly (readonly [args: string, expected: Partial<Invocation>])[] = [
  ['', {}],
  ['serve', {}],
  ['check', { command: 'check' }],
  ['-t', { command: 'check' }],
  ['serve -t', { command: 'check' }],
  ['print-config', { command: 'print-config' }],
  ['version', { command: 'version' }],
  ['-v', { command: 'version' }],
  ['--version', { command: 'version' }],
  ['help', { command: 'help' }],
  ['check --help', { command: 'help' }],
  ['-h', { command: 'help' }],
  ['-c my.json', { configFile: 'my.json' }],
  ['-c=my.json', { configFile: 'my.json' }],
  ['--config=my.json', { configFile: 'my.json' }],
  ['-config my.json', { configFile: 'my.json' }],
  ['-a 0.0.0.0 -p 4333', { host: '0.0.0.0', port: '4333' }],
  ['-p4333', { port: '4333' }],
  ['--addr ::1 --port 0', { host: '::1', port: '0' }],
  ['-addr ::1 -port=5', { host: '::1', port: '5' }],
  ['--tls', { tls: {} }],
  [
    '--tlscert c.pem -tlskey=k.pem --tlsverify --tlscacert ca.pem',
    { tls: { cert_file: 'c.pem', key_file: 'k.pem', ca_file: 'ca.pem', verify: true } },
  ],
  ['-P /run/x.pid', { pidFile: '/run/x.pid' }],
  ['-p=4223 -m=8223', { port: '4223', httpPort: '8223' }],
  ['-m 8223', { httpPort: '8223' }],
  ['--http_port=8223', { httpPort: '8223' }],
  ['-http_port 8223', { httpPort: '8223' }],
  ['-net ::1', { host: '::1' }],
  ['--net=::1', { host: '::1' }],
  ['-server_name gw', { settings: { server_name: 'gw' }, flagNames: { server_name: '--name' } }],
  ['-l gw.log', { settings: { 'log.file': 'gw.log' }, flagNames: { 'log.file': '--log' } }],
  ['-sl ldm', { command: 'signal', signal: 'ldm' }],
  ['-sl=reload=12', { command: 'signal', signal: 'reload=12' }],
  ['--signal stop=/run/gw.pid', { command: 'signal', signal: 'stop=/run/gw.pid' }],
  ['-sl quit -P x.pid', { command: 'signal', signal: 'quit', pidFile: 'x.pid' }],
  ['healthcheck', { command: 'healthcheck' }],
  ['healthcheck --live', { command: 'healthcheck', isLive: true }],
  ['-VV', { settings: { 'log.level': 'trace' }, flagNames: { 'log.level': '-V' } }],
  ['-DVV', { settings: { 'log.level': 'trace' }, flagNames: { 'log.level': '-V' } }],
  ['-n gw', { settings: { server_name: 'gw' }, flagNames: { server_name: '--name' } }],
  ['--name=-gw', { settings: { server_name: '-gw' }, flagNames: { server_name: '--name' } }],
  ['-D', { settings: { 'log.level': 'debug' }, flagNames: { 'log.level': '-D' } }],
  ['-V', { settings: { 'log.level': 'trace' }, flagNames: { 'log.level': '-V' } }],
  ['-DV', { settings: { 'log.level': 'trace' }, flagNames: { 'log.level': '-V' } }],
  ['-D --log-level warn', { settings: { 'log.level': 'warn' }, flagNames: { 'log.level': '--log-level' } }],
  [
    '--upstream mqtt://h',
    { settings: { 'upstream.url': 'mqtt://h' }, flagNames: { 'upstream.url': '--upstream' } },
  ],
  [
    '--set mountpoint=a=b/ --set rules=[]',
    {
      settings: { mountpoint: 'a=b/', rules: '[]' },
      flagNames: { mountpoint: '--set mountpoint', rules: '--set rules' },
    },
  ],
  ['--set mountpoint=', { settings: { mountpoint: '' }, flagNames: { mountpoint: '--set mountpoint' } }],
  ['map a.b', { command: 'map', names: ['a.b'] }],
  ['map -- -a', { command: 'map', names: ['-a'] }],
  ['--workers auto', { settings: { workers: 'auto' }, flagNames: { workers: '--workers' } }],
  [
    'map a/b --reverse --profile emqx --escape-dollar --mountpoint m/',
    {
      command: 'map',
      names: ['a/b'],
      isReverse: true,
      settings: { 'mapping.profile': 'emqx', 'mapping.escape_dollar': true, mountpoint: 'm/' },
      flagNames: {
        'mapping.profile': '--profile',
        'mapping.escape_dollar': '--escape-dollar',
        mountpoint: '--mountpoint',
      },
    },
  ],
  ['users list', { command: 'users', names: ['list'] }],
  [
    'users add ann --file u.json --superuser --algorithm pbkdf2 --iterations 10 --mac-fun sha512',
    {
      command: 'users',
      names: ['add', 'ann'],
      usersFile: 'u.json',
      isSuperuser: true,
      hash: { name: 'pbkdf2', iterations: 10, mac_fun: 'sha512' },
    },
  ],
  [
    'hash-password --algorithm md5 --salt-position prefix',
    { command: 'hash-password', hash: { name: 'md5', salt_position: 'prefix' } },
  ],
];

for (const [args, expected] of GOOD) {
  test(`command line: "${args}"`, () => {
    assert.deepEqual(parseCommandLine(args.split(' ').filter(Boolean)), { ...NOTHING, ...expected });
  });
}

const BAD: readonly (readonly [args: string, message: string])[] = [
  ['srve', 'there is no command "srve"; did you mean "serve"?'],
  ['package.json', 'there is no command "package.json"; to use it as configuration file: -c package.json'],
  ['xyzzy', 'there is no command "xyzzy"'],
  ['--upstrem x', 'there is no flag --upstrem; did you mean "--upstream"?'],
  ['--prot=5', 'there is no flag --prot; did you mean "--port"?'],
  ['-x', 'there is no flag -x'],
  ['-ms 8443', 'there is no flag -ms: give http.bind, and http.tls a certificate'],
  ['--user ann', 'there is no flag --user: give authentication a method, see docs/authentication.md'],
  ['-js', 'there is no flag -js: JetStream is not served here'],
  ['-sl', '--sl needs a value'],
  ['--live', '--live is a flag of the healthcheck command'],
  ['--__proto__ x', 'there is no flag --__proto__'],
  ['-c', '-c needs a value'],
  ['-c -t', '-c needs a value'],
  ['--config=', '--config needs a value'],
  ['--debug=1', '--debug takes no value'],
  ['check extra', 'check takes no argument "extra"'],
  ['serve config.json', 'serve takes no argument "config.json"'],
  ['check --reverse', '--reverse is a flag of the map command'],
  ['map', 'map needs a subject, or with --reverse a topic'],
  ['map a b', 'map takes one name, not 2; quote it if it has blanks'],
  ['users', 'users needs one of list, add, change, delete, import'],
  ['users ad x', 'users needs one of list, add, change, delete, import; did you mean "add"?'],
  ['users toString', 'users needs one of list, add, change, delete, import'],
  ['users add', 'users add needs one NAME'],
  ['users import', 'users import needs one FILE'],
  ['users list x', 'users list takes no argument'],
  ['check --superuser', '--superuser is a flag of the users command'],
  ['hash-password secret', 'hash-password takes no argument "secret"'],
  ['--set x', '--set needs KEY=VALUE, for instance --set upstream.url=mqtt://127.0.0.1:1883'],
  ['--set =x', '--set needs KEY=VALUE, for instance --set upstream.url=mqtt://127.0.0.1:1883'],
];

for (const [args, message] of BAD) {
  test(`command line: refuses "${args}"`, () => {
    assert.throws(
      () => parseCommandLine(args.split(' ')),
      (error) => {
        assert.ok(error instanceof UsageError);
        assert.equal(error.message, message);
        return true;
      },
    );
  });
}

test('help: fits a screen of 24 lines and 80 columns', () => {
  const lines = HELP.trimEnd().split('\n');
  assert.ok(lines.length <= 24, `${lines.length} lines`);
  for (const line of lines) assert.ok(line.length <= 80, line);
});
