/** The program as a process: exit codes, and what goes to standard output and standard error. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../../src/main.ts', import.meta.url));
const TSX = import.meta.resolve('tsx');
const folder = mkdtempSync(join(tmpdir(), 'main-'));
after(() => rmSync(folder, { recursive: true }));

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function run(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Outcome> {
  const options = { cwd: folder, env: { PATH: process.env.PATH, ...env }, timeout: 30_000 };
  return new Promise((resolve, reject) => {
    execFile(process.execPath, ['--import', TSX, MAIN, ...args], options, (error, stdout, stderr) => {
      const code = error === null ? 0 : error.code;
      if (typeof code === 'number') resolve({ code, stdout, stderr });
      else reject(error);
    });
  });
}

test('main: version and help go to standard output, exit code 0', async () => {
  const [version, help] = await Promise.all([run(['version']), run(['--help'])]);
  assert.match(version.stdout, /^nats-mqtt-gateway \d+\.\d+\.\d+\S* \(Node\.js \d+\./);
  assert.match(help.stdout, /--upstream URL/);
  assert.deepEqual([version.code, version.stderr, help.code, help.stderr], [0, '', 0, '']);
});

test('main: a wrong command line goes to standard error, exit code 2', async () => {
  const { code, stdout, stderr } = await run(['--prot', '5']);
  assert.deepEqual([code, stdout], [2, '']);
  assert.equal(
    stderr,
    'nats-mqtt-gateway: there is no flag --prot; did you mean "--port"?\nTry: nats-mqtt-gateway --help\n',
  );
});

test('main: a certificate that cannot be used is exit code 78 for check and serve alike', async () => {
  writeFileSync(join(folder, 'cert.pem'), 'rubbish');
  const flags = ['--tls', '--tlscert', 'cert.pem', '--tlskey', 'cert.pem', '-p', '0'];
  for (const args of [['check', ...flags], flags]) {
    const { code, stderr } = await run([...args, '--set', 'upstream.url=mqtt://127.0.0.1:1']);
    assert.equal(code, 78);
    assert.match(stderr, /listeners\[0\]\.tls\.cert_file: cert\.pem holds no certificate in PEM form/);
  }
  const http = ['--set', 'http.tls.cert_file=cert.pem', '--set', 'http.tls.key_file=cert.pem'];
  const { code, stderr } = await run(['check', ...http]);
  assert.equal(code, 78);
  assert.match(stderr, /http\.tls\.cert_file: cert\.pem holds no certificate in PEM form/);
});

const METHODS: [name: string, settings: object, says: RegExp][] = [
  [
    'a users file',
    { method: 'built_in', users_file: 'none.json' },
    /users file none\.json cannot be read: ENOENT/,
  ],
  ['a key', { method: 'jwt' }, /needs one of secret, public_key_file and jwks\.url/],
  ['an operator', { method: 'nats_jwt' }, /authentication\[0\] needs trusted_operators or operator_files/],
  [
    'the file of an operator',
    { method: 'nats_jwt', operator_files: ['none.jwt'] },
    /operator_files: none\.jwt cannot be read: ENOENT/,
  ],
  [
    'an authority for TLS',
    { method: 'redis', tls: { enable: true, ca_file: 'none.pem' } },
    /method redis: the file none\.pem cannot be read: ENOENT/,
  ],
];
for (const [name, method, says] of METHODS) {
  test(`main: a method without ${name} is exit code 78 for check and serve alike`, async () => {
    const settings = ['--set', `authentication=${JSON.stringify([method])}`, '-p', '0', '-m', '0'];
    for (const args of [['check', ...settings], settings]) {
      const { code, stderr } = await run([...args, '--set', 'upstream.url=mqtt://127.0.0.1:1']);
      assert.equal(code, 78);
      assert.match(stderr, says);
      assert.doesNotMatch(stderr, /\n +at /);
    }
  });
}

test('main: a user of no_auth_user that does not exist is exit code 78 for check, too', async () => {
  const method = { method: 'built_in', users: [{ user: 'ann', password: 'x' }] };
  const settings = ['--set', `authentication=[${JSON.stringify(method)}]`, '--set', 'no_auth_user=bob'];
  const { code, stderr } = await run(['check', ...settings]);
  assert.equal(code, 78);
  assert.match(stderr, /no_auth_user: the method built_in has no user "bob"/);
});

test('main: a wrong configuration is exit code 78 for check and serve alike', async () => {
  writeFileSync(join(folder, 'wrong.json'), '{ "ping_intervall": 5 }');
  for (const args of [
    ['check', '-c', 'wrong.json'],
    ['-c', 'wrong.json'],
  ]) {
    const { code, stdout, stderr } = await run(args);
    assert.deepEqual([code, stdout], [78, '']);
    assert.match(
      stderr,
      /^nats-mqtt-gateway: wrong configuration: wrong\.json:1: ping_intervall is not a known setting/,
    );
  }
});

test('main: ./config.json is used when there is one, and print-config masks secrets', async () => {
  writeFileSync(
    join(folder, 'config.json'),
    '{ "server_name": "from_file", "upstream": { "username": "gw", "password": "hunter2" } }',
  );
  const [printed, checked] = await Promise.all([run(['print-config']), run(['-t'])]);
  assert.equal(printed.code, 0);
  assert.match(printed.stdout, /"server_name": "from_file", \/\/ config\.json:1/);
  assert.match(printed.stdout, /"password": "\*{8}", \/\/ config\.json:1/);
  assert.doesNotMatch(printed.stdout + printed.stderr, /hunter2/);
  assert.equal(checked.stdout, 'config.json: the configuration is valid\n');
});

test('main: map prints the translation, and exit code 1 when a name cannot cross', async () => {
  const [good, bad] = await Promise.all([run(['map', 'a.b']), run(['map', '$share.g.x'])]);
  assert.equal(good.code, 0);
  assert.match(good.stdout, /"a\/b"/);
  assert.equal(bad.code, 1);
  assert.match(bad.stdout, /refused/);
});

test('main: settings of the environment reach the program, exit code 78 for unknown ones', async () => {
  const [good, bad] = await Promise.all([
    run(['print-config'], { NATSMQTT_SERVER_NAME: 'from_env' }),
    run(['print-config'], { NATSMQTT_SERVERNAME: 'x' }),
  ]);
  assert.match(good.stdout, /"server_name": "from_env", \/\/ environment variable NATSMQTT_SERVER_NAME/);
  assert.equal(bad.code, 78);
  assert.match(bad.stderr, /did you mean "NATSMQTT_SERVER_NAME"\?/);
});
