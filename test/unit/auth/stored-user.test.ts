/** What is made of rows: truth values, times and permissions in the forms that databases give. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { BackendError, backendError } from '../../../src/auth/backend-error.ts';
import { hashAlgorithm } from '../../../src/auth/hash-settings.ts';
import { judgeStoredUser, type StoredRecord } from '../../../src/auth/stored-user.ts';
import { authServices, credentials } from '../../support/credentials.ts';

const services = authServices();
after(() => services.close());

const PLAIN = hashAlgorithm({
  name: 'plain',
  salt_position: 'disable',
  mac_fun: 'sha256',
  iterations: 1,
  dk_length: null,
});
const signal = new AbortController().signal;

async function judge(record: StoredRecord | null, pass = 'secret') {
  const shown = credentials({ user: 'ann', pass });
  return await judgeStoredUser(record, shown, { method: 'mysql', algorithm: PLAIN }, services, signal);
}

async function identityOf(more: StoredRecord) {
  const verdict = await judge({ password_hash: 'secret', ...more });
  assert.equal(verdict.kind, 'accept');
  return verdict.identity;
}

test('stored user: no row is nobody of ours, a row without a password is refused', async () => {
  assert.deepEqual(await judge(null), { kind: 'skip' });
  assert.equal((await judge({ password_hash: null })).kind, 'reject');
  assert.equal((await judge({ password_hash: '' }, '')).kind, 'reject');
  await assert.rejects(judge({ salt: 'x' }), { code: 'MALFORMED' });
});

test('stored user: a row of another user by the database ideas of equality is nobody', async () => {
  assert.equal((await judge({ password_hash: 'secret', username: 'ANN' })).kind, 'skip');
  assert.equal((await judge({ password_hash: 'secret', username: 'ann ' })).kind, 'skip');
  assert.equal((await judge({ password_hash: 'secret', username: Buffer.from('ann') })).kind, 'accept');
});

test('stored user: superuser by any spelling of yes, and by nothing else', async () => {
  for (const yes of [true, 1, 1n, '1', 't', 'TRUE', 'yes', Buffer.from([1]), Buffer.from('1')])
    assert.equal((await identityOf({ is_superuser: yes })).isSuperuser, true, String(yes));
  for (const no of [false, 0, '0', 'f', 'no', '', 'x', 2, null, undefined, Buffer.from([0])])
    assert.equal((await identityOf({ is_superuser: no })).isSuperuser, false, String(no));
});

test('stored user: the end as seconds or as a date, which is UTC', async () => {
  const end = Date.UTC(2100, 0, 2, 3, 4, 5);
  const forms = [
    end / 1000,
    String(end / 1000),
    new Date(end),
    '2100-01-02 03:04:05',
    '2100-01-02T03:04:05Z',
  ];
  for (const form of [...forms, '2100-01-02 04:04:05+01:00', Buffer.from(String(end / 1000))])
    assert.equal((await identityOf({ expire_at: form })).expiresAtMs, end, String(form));
  assert.equal((await identityOf({ expire_at: '2100-01-02' })).expiresAtMs, Date.UTC(2100, 0, 2));
  for (const none of [null, undefined, '', ' ']) {
    assert.equal((await identityOf({ expire_at: none })).expiresAtMs, null);
  }
  assert.equal((await judge({ password_hash: 'secret', expire_at: 1 })).kind, 'reject');
  for (const bad of ['soon', {}, new Date(Number.NaN)])
    await assert.rejects(identityOf({ expire_at: bad }), { code: 'MALFORMED' });
});

test('stored user: permissions as text or object; what is not understood lets nobody in', async () => {
  const written = { publish: ['a.>'], subscribe: { deny: 'b' }, allow_responses: true };
  const expected = {
    publish: { allow: ['a.>'], deny: [] },
    subscribe: { allow: [], deny: ['b'] },
    allowResponses: { maxMessages: 1, expiresMs: 120_000 },
  };
  for (const form of [written, JSON.stringify(written), Buffer.from(JSON.stringify(written))])
    assert.deepEqual((await identityOf({ permissions: form })).permissions, expected);
  for (const none of [null, undefined, '', ' '])
    assert.equal((await identityOf({ permissions: none })).permissions, null);
  for (const bad of [
    '{',
    '[]',
    '1',
    'null',
    '{"publsh":[]}',
    '{"publish":{"alow":[]}}',
    '{"publish":[1]}',
    7,
  ])
    await assert.rejects(identityOf({ permissions: bad }), { code: 'MALFORMED' }, String(bad));
});

test('stored user: further columns are attributes', async () => {
  const identity = await identityOf({
    tenant: 'acme',
    floor: 3,
    blob: Buffer.from('b'),
    none: null,
    $x: 'y',
  });
  assert.deepEqual(identity.attributes, { tenant: 'acme', floor: '3', blob: 'b' });
  const overriding = await identityOf({ client_id: 'c1', mountpoint: 'acme/' });
  assert.deepEqual([overriding.clientId, overriding.mountpoint], ['c1', 'acme/']);
});

test('backend error: keeps code and words, blanks out secrets', () => {
  const cause = Object.assign(new Error('syntax near "pa$$w0rd" of pa$$w0rd'), { code: '22P02', sql: 'x' });
  const error = backendError('query', cause, ['pa$$w0rd', '']);
  assert.deepEqual({ ...error }, { name: 'BackendError', code: '22P02' });
  assert.equal(error.message, 'query: syntax near "[redacted]" of [redacted]');
  assert.equal(error.cause, undefined);
  const refused = new AggregateError([Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })]);
  assert.equal(backendError('connect', refused, []).code, 'ECONNREFUSED');
  assert.ok(backendError('connect', 'text', []) instanceof BackendError);
  assert.equal(backendError('again', error, []), error);
});
