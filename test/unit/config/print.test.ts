import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { loadConfig, loadConfigWithOrigins } from '../../../src/config/load.ts';
import { renderConfig } from '../../../src/config/print.ts';

const folder = mkdtempSync(join(tmpdir(), 'print-'));
after(() => rmSync(folder, { recursive: true }));

test('print: what is printed is a configuration file with the same meaning', () => {
  const options = { env: { NATSMQTT_PING_INTERVAL: '7s' }, flags: { rules: [{ subject: 'a', qos: 1 }] } };
  const printed = join(folder, 'printed.json');
  writeFileSync(printed, renderConfig(loadConfigWithOrigins(options)));
  assert.deepEqual(loadConfig({ file: printed, env: {}, flags: {} }), loadConfig(options));
});

test('print: says where each value came from', () => {
  const text = renderConfig(loadConfigWithOrigins({ env: { NATSMQTT_PING_INTERVAL: '7s' }, flags: {} }));
  assert.match(text, /^ {2}"ping_interval": "7s", \/\/ environment variable NATSMQTT_PING_INTERVAL$/m);
  assert.match(text, /^ {2}"ping_timeout": "5s",$/m);
});

test('print: masks secrets wherever they came from', () => {
  const secret = join(folder, 'secret');
  writeFileSync(secret, 'hunter2\n');
  const flags = {
    'upstream.username': 'gateway',
    'client_info.password': 'hunter2-${connect.pass}',
    'upstream.url': 'wss://h/mqtt?sig=hunter2',
  };
  const text = renderConfig(
    loadConfigWithOrigins({ env: { NATSMQTT_UPSTREAM__PASSWORD_FILE: secret }, flags }),
  );
  assert.doesNotMatch(text, /hunter2/);
  assert.match(text, /"password": "\*{8}"/);
  assert.match(text, /"url": "wss:\/\/h\/mqtt\?\*{8}"/);
});

test('print: masks secrets in the entries of lists', () => {
  const listener = { name: 'a', bind: ':1', type: 'tls' };
  const tls = { cert_file: 'c', key_file: 'k', key_passphrase: 'hunter2' };
  const flags = { listeners: [{ ...listener, tls }] };
  const text = renderConfig(loadConfigWithOrigins({ env: {}, flags }));
  assert.doesNotMatch(text, /hunter2/);
  assert.match(text, /"cert_file":"c","key_file":"k","key_passphrase":"\*{8}"/);
});

test('print: a password template of variables only is no secret', () => {
  assert.match(
    renderConfig(loadConfigWithOrigins({ env: {}, flags: {} })),
    /"password": "\$\{connect\.pass\}"/,
  );
});
