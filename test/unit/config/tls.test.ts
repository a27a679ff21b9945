/** Settings of TLS: what they become, what contradicts what, and the flags of nats-server. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { Config } from '../../../src/config/config.ts';
import { type LoadOptions, loadConfig } from '../../../src/config/load.ts';
import { GatewayError } from '../../../src/errors.ts';

const folder = mkdtempSync(join(tmpdir(), 'config-tls-'));
after(() => rmSync(folder, { recursive: true }));

const PAIR = { cert_file: 'c.pem', key_file: 'k.pem' };
const PIN = 'ab'.repeat(32);

function load(options: Partial<LoadOptions>): Config {
  return loadConfig({ env: {}, flags: {}, ...options });
}

const listener = (type: string, tls: object): Record<string, unknown> => ({
  listeners: [{ name: 'a', type, bind: '127.0.0.1:0', tls }],
});

test('tls: a certificate and its key are all that a listener needs', () => {
  for (const type of ['tls', 'wss']) {
    assert.deepEqual(load({ flags: listener(type, PAIR) }).listeners[0]?.tls, {
      path: 'listeners[0].tls',
      certFile: 'c.pem',
      keyFile: 'k.pem',
      keyPassphrase: null,
      caFile: null,
      minVersion: '1.2',
      ciphers: null,
      verify: false,
      mapsCertificate: false,
      pinnedCerts: [],
      infoDelayMs: 0,
      isOptional: false,
      timeoutMs: 2000,
    });
  }
});

test('tls: verify_and_map verifies', () => {
  const tls = { ...PAIR, verify_and_map: true, ca_file: 'ca.pem', pinned_certs: [PIN] };
  const config = load({ flags: listener('tls', tls) }).listeners[0]?.tls;
  assert.deepEqual([config?.verify, config?.mapsCertificate, config?.pinnedCerts], [true, true, [PIN]]);
});

test('tls: how long INFO waits for a handshake', () => {
  const delays = [false, true, 'auto', '250ms', 2].map(
    (handshake_first) =>
      load({ flags: listener('tls', { ...PAIR, handshake_first }) }).listeners[0]?.tls?.infoDelayMs,
  );
  assert.deepEqual(delays, [0, Number.POSITIVE_INFINITY, 50, 250, 2000]);
});

test('tls: the passphrase of a listener may come from a file', () => {
  const secret = join(folder, 'passphrase');
  writeFileSync(secret, 'hunter2\n');
  const flags = listener('tls', { ...PAIR, key_passphrase_file: secret });
  assert.equal(load({ flags }).listeners[0]?.tls?.keyPassphrase, 'hunter2');
});

test('tls: towards the broker', () => {
  const tls = { ca_file: 'ca.pem', server_name: 'broker', alpn: ['mqtt'], ciphers: 'HIGH' };
  assert.deepEqual(load({ flags: { upstream: { url: 'mqtts://h', tls } } }).upstream.tls, {
    path: 'upstream.tls',
    certFile: null,
    keyFile: null,
    keyPassphrase: null,
    caFile: 'ca.pem',
    minVersion: '1.2',
    ciphers: 'HIGH',
    verify: true,
    serverName: 'broker',
    alpn: ['mqtt'],
  });
  assert.equal(load({ flags: { 'upstream.url': 'mqtt://h' } }).upstream.tls, null);
  assert.notEqual(load({ flags: { 'upstream.url': 'wss://h' } }).upstream.tls, null);
});

const WRONG: readonly (readonly [name: string, flags: Record<string, unknown>, message: RegExp])[] = [
  ['no certificate', listener('tls', {}), /listeners\[0\]\.tls\.cert_file is missing/],
  ['no certificate for wss', listener('wss', {}), /tls\.cert_file is missing/],
  ['no key', listener('tls', { cert_file: 'c' }), /tls\.key_file is missing/],
  ['a certificate on tcp', listener('tcp', PAIR), /tls is not used by type "tcp" unless tls\.optional/],
  ['a certificate on ws', listener('ws', PAIR), /tls is not for type "ws"; use "wss"/],
  [
    'optional TLS on tls',
    listener('tls', { ...PAIR, optional: true }),
    /tls\.optional is only for type "tcp"/,
  ],
  ['verify without certificate', listener('tcp', { verify: true }), /tls is not used without tls\.cert_file/],
  ['verify without authorities', listener('tls', { ...PAIR, verify: true }), /tls\.ca_file is missing/],
  ['authorities without verify', listener('tls', { ...PAIR, ca_file: 'x' }), /ca_file is not used without/],
  [
    'pins without verify',
    listener('tls', { ...PAIR, pinned_certs: [PIN] }),
    /pinned_certs is not used without/,
  ],
  ['a pin in capitals', listener('tls', { ...PAIR, pinned_certs: [PIN.toUpperCase()] }), /pinned_certs = /],
  [
    'handshake first where it is optional',
    listener('tcp', { ...PAIR, optional: true, handshake_first: 'auto' }),
    /handshake_first is only for type "tls"/,
  ],
  [
    'TLS 1.1',
    listener('tls', { ...PAIR, min_version: '1.1' }),
    /min_version = "1\.1" must be "1\.2" or "1\.3"/,
  ],
  [
    'half a client certificate',
    { upstream: { url: 'mqtts://h', tls: { cert_file: 'c' } } },
    /tls\.key_file is missing/,
  ],
  [
    'TLS for mqtt://',
    { upstream: { url: 'mqtt://h', tls: { ca_file: 'c' } } },
    /upstream\.tls is only for brokers/,
  ],
  [
    'no checks for ws://',
    { upstream: { url: 'ws://h', tls: { verify: false } } },
    /upstream\.tls is only for brokers/,
  ],
];
for (const [name, flags, message] of WRONG) {
  test(`tls: refuses ${name}`, () => {
    assert.throws(
      () => load({ flags }),
      (error: unknown) => {
        assert.ok(error instanceof GatewayError);
        assert.match(error.message, message);
        return true;
      },
    );
  });
}

test('tls: a passphrase is not shown when something around it is wrong', () => {
  const bad = listener('tls', { ...PAIR, key_passphrase: ['hunter2'] });
  const texts: string[] = [];
  for (const options of [
    { flags: bad },
    { env: { NATSMQTT_LISTENERS: '[{"tls":{"key_passphrase":"hunter2"}' } },
    { flags: { listeners: { tls: { key_passphrase: 'hunter2' } } } },
    { flags: { listeners: [{ name: 'a', bind: ':1', tls: 'hunter2' }] } },
  ]) {
    try {
      load(options);
    } catch (error) {
      texts.push((error as Error).message);
    }
  }
  assert.equal(texts.length, 4);
  for (const text of texts) assert.doesNotMatch(text, /hunter2/);
});

test('tls: the flags of nats-server make the first listener a TLS listener', () => {
  const [first] = load({ listen: { tls: PAIR } }).listeners;
  assert.deepEqual([first?.type, first?.tls?.certFile, first?.tls?.keyFile], ['tls', 'c.pem', 'k.pem']);
  const optional = listener('tcp', { ...PAIR, optional: true });
  const [kept] = load({ flags: optional, listen: { tls: { cert_file: 'd.pem' } } }).listeners;
  assert.deepEqual([kept?.type, kept?.tls?.certFile], ['tcp', 'd.pem']);
  const moved = load({ flags: listener('tls', PAIR), listen: { port: '5' } });
  assert.equal(moved.listeners[0]?.port, 5);
  assert.throws(() => load({ listen: { tls: {} } }), /listeners\[0\]\.tls\.cert_file is missing/);
  const onlyWeb = { listeners: [{ name: 'w', type: 'ws', bind: ':1' }] };
  assert.throws(() => load({ flags: onlyWeb, listen: { tls: {} } }), /flag --tls: there is no listener/);
});
