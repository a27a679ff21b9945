/** Query and command templates: where values may stand, and that they never become part of a text. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { credentialValue } from '../../../src/auth/credential-template.ts';
import { compileQuery, type ParameterStyle, TemplateError } from '../../../src/auth/query-template.ts';
import { compileCommand, recordOf } from '../../../src/auth/redis-command.ts';
import { credentials } from '../../support/credentials.ts';

const GOOD: [template: string, style: ParameterStyle, sql: string, names: string[]][] = [
  ['SELECT 1 WHERE a = ${connect.user}', 'question', 'SELECT 1 WHERE a = ?', ['connect.user']],
  ['SELECT 1 WHERE a = ${connect.user}', 'dollar', 'SELECT 1 WHERE a = $1', ['connect.user']],
  ['${username} ${password} ${username}', 'question', '? ? ?', ['username', 'password', 'username']],
  ['${username} ${password} ${username}', 'dollar', '$1 $2 $1', ['username', 'password']],
  ["a = '${username}'", 'question', 'a = ?', ['username']],
  ['a = "${username}"', 'dollar', 'a = $1', ['username']],
  ["b = 'it''s ?' AND a = ${peerhost}", 'question', "b = 'it''s ?' AND a = ?", ['peerhost']],
  ["b = 'x\\' ?' AND a = ${peerhost}", 'question', "b = 'x\\' ?' AND a = ?", ['peerhost']],
  ['b ? c AND a = ${listener}', 'dollar', 'b ? c AND a = $1', ['listener']],
  ['/* $1 ? */ a = ${listener} -- ?', 'question', '/* $1 ? */ a = ? -- ?', ['listener']],
];
for (const [template, style, sql, names] of GOOD) {
  test(`query template: ${template} (${style})`, () => {
    assert.deepEqual(compileQuery(template, style), { sql, names });
  });
}

const BAD: [template: string, style: ParameterStyle, reason: RegExp][] = [
  ['SELECT 1', 'question', /no placeholder/],
  ['a = ${user}', 'question', /has \$\{user\}, but there is only/],
  ['a = ${toString}', 'question', /there is only/],
  ["a LIKE '%${username}%'", 'question', /inside a text/],
  ['`${username}` = 1', 'question', /inside a text/],
  ['-- ${username}', 'dollar', /comment/],
  ['/* ${username} */', 'dollar', /comment/],
  ['a = ? AND b = ${username}', 'question', /has \?/],
  ['a = $2 AND b = ${username}', 'dollar', /has \$2/],
  ['a = ${username} AND b = ${', 'dollar', /without its/],
];
for (const [template, style, reason] of BAD) {
  test(`query template: refuses ${template} (${style})`, () => {
    assert.throws(
      () => compileQuery(template, style),
      (error) => error instanceof TemplateError && reason.test(error.message),
    );
  });
}

test('command template: splits into command, key and fields', () => {
  assert.deepEqual(compileCommand(' hmget  u:${username}:x password_hash salt '), {
    command: 'HMGET',
    key: 'u:${username}:x',
    fields: ['password_hash', 'salt'],
  });
});

const BAD_COMMANDS: [template: string, reason: RegExp][] = [
  ['', /must begin with/],
  ['SET u:${username} 1', /must begin with/],
  ['EVAL ${username} 0', /must begin with/],
  ['constructor u:${username}', /must begin with/],
  ['GET u', /no placeholder/],
  ['GET u:${user}', /there is only/],
  ['GET u:${username} more', /1 fields/],
  ['HGET u:${username}', /0 fields/],
  ['HMGET u:${username} salt', /password_hash/],
  ['HMGET u:${username} ${password} password_hash', /only the key/],
  ['GET "u:${username}"', /quotes/],
];
for (const [template, reason] of BAD_COMMANDS) {
  test(`command template: refuses ${JSON.stringify(template)}`, () => {
    assert.throws(
      () => compileCommand(template),
      (error) => error instanceof TemplateError && reason.test(error.message),
    );
  });
}

test('command template: answers become records', () => {
  const record = (template: string, answer: unknown) => recordOf(compileCommand(template), answer);
  const bytes = Buffer.from('abc');
  assert.deepEqual(record('HMGET u${username} password_hash salt', [bytes, null]), {
    password_hash: bytes,
    salt: null,
  });
  assert.equal(record('HMGET u${username} password_hash salt', [null, null]), null);
  assert.deepEqual(record('HGET u${username} password_hash', bytes), { password_hash: bytes });
  assert.equal(record('HGET u${username} password_hash', null), null);
  assert.deepEqual(record('HGETALL u${username}', [Buffer.from('password_hash'), bytes]), {
    password_hash: bytes,
  });
  assert.equal(record('HGETALL u${username}', []), null);
  assert.deepEqual(record('GET u${username}', bytes), { password_hash: 'abc' });
  assert.deepEqual(record('GET u${username}', Buffer.from('{"salt":"s"}')), { salt: 's' });
  assert.throws(
    () => record('GET u${username}', Buffer.from('{"secret')),
    /^TypeError: the value is no JSON/,
  );
  assert.throws(() => record('HMGET u${username} password_hash', bytes), /unexpected shape/);
  assert.throws(() => record('HGETALL u${username}', [bytes]), /unexpected shape/);
});

test('placeholders: EMQX names and ours stand for the same values', () => {
  const certificate = { emails: [], dnsNames: [], uris: [], subject: 'CN=c', commonName: 'c' };
  const shown = credentials({ user: 'u', pass: 'p', token: 't', nkey: 'n', clientName: 'i', certificate });
  const value = (name: string) => credentialValue(name, shown);
  assert.deepEqual(['connect.user', 'Packet.user', 'username'].map(value), ['u', 'u', 'u']);
  assert.deepEqual(['connect.pass', 'Packet.pass', 'password'].map(value), ['p', 'p', 'p']);
  assert.deepEqual(['connect.name', 'Packet.name', 'clientid'].map(value), ['i', 'i', 'i']);
  assert.deepEqual(['peer.address', 'peerhost', 'listener'].map(value), ['127.0.0.1', '127.0.0.1', 'tcp']);
  assert.deepEqual(['tls.common_name', 'cert_common_name'].map(value), ['c', 'c']);
  assert.deepEqual(['tls.subject', 'cert_subject'].map(value), ['CN=c', 'CN=c']);
  assert.equal(value('connect.sig'), '');
  assert.equal(credentialValue('tls.common_name', credentials()), '');
});
