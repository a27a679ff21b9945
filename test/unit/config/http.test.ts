/** Settings of the HTTP server: who can reach it, and who may use it. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { takeOver } from '../../../src/config/changes.ts';
import type { Config } from '../../../src/config/config.ts';
import { loadConfig } from '../../../src/config/load.ts';

const folder = mkdtempSync(join(tmpdir(), 'nmg-http-'));
after(() => rmSync(folder, { recursive: true }));

const USERS = [{ name: 'ann', password: 'secret' }];
const load = (http: Record<string, unknown>): Config => loadConfig({ env: {}, flags: { http } });

test('http: listens on this machine only by default, without credentials; the probes stay open with them', () => {
  const { http } = loadConfig({ env: {}, flags: {} });
  assert.deepEqual(http.address, { host: '127.0.0.1', port: 8222 });
  assert.deepEqual([http.users, http.tokens, http.open, http.tls], [[], [], ['probes'], null]);
});

for (const off of ['off', '']) {
  test(`http: is switched off by ${JSON.stringify(off)}`, () =>
    assert.equal(load({ bind: off }).http.address, null));
}

test('http: secrets come from files', () => {
  const file = join(folder, 'password');
  writeFileSync(file, 'from a file\n');
  const { http } = load({ users: [{ name: 'ann', password_file: file }] });
  assert.deepEqual(http.users, [{ name: 'ann', secret: 'from a file' }]);
});

const REFUSED: [name: string, http: Record<string, unknown>, message: RegExp][] = [
  [
    'every address without credentials',
    { bind: '0.0.0.0:8222' },
    /http\.bind can be reached from other machines/,
  ],
  ['another address without credentials', { bind: '[2001:db8::1]:8222' }, /http\.bind can be reached/],
  [
    'open pages instead of credentials',
    { bind: ':8222', open: ['metrics', 'monitoring'] },
    /http\.bind can be reached/,
  ],
  [
    'a user without password',
    { users: [{ name: 'ann' }] },
    /http\.users\[0\] needs password or password_file/,
  ],
  ['a token without text', { tokens: [{ name: 'a' }] }, /http\.tokens\[0\] needs token or token_file/],
  ['two users of one name', { users: [...USERS, ...USERS] }, /http\.users\[1\]\.name = "ann" is also/],
  ['a certificate without key', { tls: { cert_file: 'x' } }, /http\.tls\.key_file is missing/],
  ['a path without slash', { base_path: 'ops' }, /http\.base_path/],
  ['a path that ends in one', { base_path: '/ops/' }, /http\.base_path/],
  ['an unknown group of pages', { open: ['all'] }, /http\.open/],
  [
    'the address of a listener',
    { bind: '127.0.0.1:4222' },
    /listeners\[0\]\.bind .*same address as http\.bind/,
  ],
];
for (const [name, http, message] of REFUSED) {
  test(`http: refuses ${name}`, () => assert.throws(() => load(http), { code: 'GW_CONFIG', message }));
}

test('http: an error message never shows a password', () => {
  assert.throws(
    () => load({ bind: '0.0.0.0:1', users: [{ name: 'a b', password: 'hidden-secret' }] }),
    (error: Error) => !error.message.includes('hidden-secret'),
  );
});

test('http: users are taken over by a reload, the address is not', () => {
  const before = load({ users: USERS });
  const { config, changed, needsRestart } = takeOver(before, load({ bind: '127.0.0.1:9000' }));
  assert.deepEqual([changed, needsRestart], [['http.users'], ['http.bind']]);
  assert.deepEqual([config.http.users, config.http.address?.port], [[], 8222]);
});

test('http: a reload must not leave an address without credentials that others can reach', () => {
  const before = load({ bind: '0.0.0.0:8222', users: USERS });
  assert.throws(() => takeOver(before, load({})), {
    code: 'GW_CONFIG',
    message: /http\.users: until the restart/,
  });
});
