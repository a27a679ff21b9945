import assert from 'node:assert/strict';
import { test } from 'node:test';
import { listenFailure } from '../../../src/cli/listen-failure.ts';
import { GatewayError } from '../../../src/errors.ts';

function taken(context: Record<string, unknown>, code = 'EADDRINUSE'): GatewayError {
  const system = Object.assign(new Error(`listen ${code}`), { code, syscall: 'listen' });
  const inner = new GatewayError('GW_LISTEN', 'cannot listen', { cause: system });
  return new GatewayError('GW_LISTEN', 'cannot listen', { cause: inner, context });
}

const BUILT = { argv: ['node', '/opt/gw/dist/main.js', '-c', 'my config.json'], npmScript: undefined };
const INSTALLED = { argv: ['node', '/usr/bin/nats-mqtt-gateway'], npmScript: undefined };
const BY_NPM = { argv: ['node', '/opt/gw/dist/main.js'], npmScript: 'start' };

test('listen failure: a taken port names the setting, the flag and a command', () => {
  const error = taken({ key: 'listeners[0].bind', address: '127.0.0.1:4222' });
  assert.deepEqual(listenFailure(error, BUILT, 'listeners[0].bind').split('\n'), [
    'cannot listen for NATS clients on 127.0.0.1:4222: the port is taken by another program.',
    'Choose another address with listeners[0].bind in the configuration or the flag -p, for instance:',
    "    node /opt/gw/dist/main.js -c 'my config.json' -p 4333",
  ]);
});

test('listen failure: -p is not offered for a listener that it does not change', () => {
  const error = taken({ key: 'listeners[1].bind', address: '127.0.0.1:9222' });
  assert.deepEqual(listenFailure(error, INSTALLED, 'listeners[0].bind').split('\n'), [
    'cannot listen for NATS clients on 127.0.0.1:9222: the port is taken by another program.',
    'Choose another address with listeners[1].bind in the configuration, for instance:',
    "    nats-mqtt-gateway --set 'listeners[1].bind=127.0.0.1:4333'",
  ]);
});

test('listen failure: where a broker runs already, the command that uses it is told', () => {
  const error = taken({ key: 'upstream.embedded_bind', address: '127.0.0.1:1883' });
  assert.deepEqual(listenFailure(error, INSTALLED, undefined).split('\n'), [
    'cannot start the embedded MQTT broker on 127.0.0.1:1883: the port is taken by another program.',
    'Perhaps a broker such as Mosquitto runs there already. To use it:',
    '    nats-mqtt-gateway --upstream mqtt://127.0.0.1:1883',
    'Or let the embedded broker listen elsewhere (upstream.embedded_bind):',
    '    nats-mqtt-gateway --set upstream.embedded_bind=127.0.0.1:1884',
  ]);
  assert.match(
    listenFailure(error, BY_NPM, undefined),
    /^ {4}npm start -- --upstream mqtt:\/\/127\.0\.0\.1:1883$/m,
  );
});

test('listen failure: the command to type repeats no secret', () => {
  const error = taken({ key: 'listeners[0].bind', address: '127.0.0.1:4222' });
  const secret = ['--set', 'upstream.password=hunter2', '--set=client_info.password=hunter2'];
  const argv = ['node', '/usr/bin/nats-mqtt-gateway', ...secret, '--upstream', 'ws://b/mqtt?token=hunter2'];
  const text = listenFailure(error, { argv, npmScript: undefined }, 'listeners[0].bind');
  assert.ok(!text.includes('hunter2'), text);
  assert.match(text, /--set 'upstream\.password=\*+' .*--upstream 'ws:\/\/b\/mqtt\?\*+' -p 4333/);
});

test('listen failure: the HTTP server has a flag of its own, and its users stay secret', () => {
  const error = taken({ key: 'http.bind', address: '127.0.0.1:8222' });
  const argv = [
    'node',
    '/usr/bin/nats-mqtt-gateway',
    '--set',
    'http.users=[{"name":"ann","password":"hunter2"}]',
  ];
  const lines = listenFailure(error, { argv, npmScript: undefined }, 'listeners[0].bind').split('\n');
  assert.equal(
    lines[0],
    'cannot start the HTTP server for monitoring and administration on 127.0.0.1:8222: the port is taken by another program.',
  );
  assert.match(String(lines[1]), /http\.bind .*"off".* the flag -m/);
  assert.equal(lines[2], "    nats-mqtt-gateway --set 'http.users=********' -m 8333");
  assert.match(
    listenFailure(taken({ key: 'http.bind' }, 'EADDRNOTAVAIL'), INSTALLED, undefined),
    /--set http\.bind=127\.0\.0\.1:8222$/,
  );
});

test('listen failure: an address that is not ours is changed by -a', () => {
  const error = taken({ key: 'listeners[0].bind', address: '192.0.2.1:4222' }, 'EADDRNOTAVAIL');
  const text = listenFailure(error, INSTALLED, 'listeners[0].bind');
  assert.match(text, /or the flag -a, for instance:\n {4}nats-mqtt-gateway -a 127\.0\.0\.1$/);
});

const REASONS: readonly (readonly [code: string, words: RegExp])[] = [
  ['EACCES', /permission denied \(ports below 1024/],
  ['EADDRNOTAVAIL', /this machine has no such address/],
  ['EWHATEVER', /cannot listen\./],
];

for (const [code, words] of REASONS) {
  test(`listen failure: explains ${code}`, () => {
    assert.match(listenFailure(taken({ key: 'listeners[0].bind' }, code), INSTALLED, undefined), words);
  });
}
