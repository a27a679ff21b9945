import assert from 'node:assert/strict';
import { test } from 'node:test';
import { permissionsOfAcl } from '../../../src/auth/acl.ts';
import type { Identity } from '../../../src/auth/authenticator.ts';
import { verdictOfAnswer } from '../../../src/auth/http-answer.ts';
import { filterSubjects } from '../../../src/translation/filter-subjects.ts';
import { mapperWith } from '../translation/mappers.ts';

const mapper = mapperWith({});
const subjectsOf = (filter: string) => filterSubjects(mapper, filter);

function verdict(status: number, body: unknown, contentType = 'application/json') {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return verdictOfAnswer({ status, contentType, body: text }, { name: 'ann', user: 'ann' }, subjectsOf);
}

const KINDS: [name: string, status: number, body: unknown, kind: string][] = [
  ['204', 204, '', 'accept'],
  ['allow', 200, { result: 'allow' }, 'accept'],
  ['deny', 200, { result: 'deny' }, 'reject'],
  ['ignore', 200, { result: 'ignore' }, 'skip'],
  ['401', 401, 'no', 'reject'],
  ['403', 403, { result: 'allow' }, 'reject'],
];
for (const [name, status, body, kind] of KINDS) {
  test(`http answer: ${name} means ${kind}`, () => assert.equal(verdict(status, body).kind, kind));
}

test('http answer: a form says the same as JSON', () => {
  const form = verdict(200, 'result=allow&is_superuser=true', 'application/x-www-form-urlencoded');
  assert.equal(form.kind === 'accept' && form.identity.isSuperuser, true);
});

const SECRET = 's3cret';
const RUBBISH: [name: string, status: number, body: unknown, contentType?: string][] = [
  ['200 without a body', 200, ''],
  ['201', 201, { result: 'allow' }],
  ['404', 404, { result: 'allow' }],
  ['500', 500, { result: 'allow' }],
  ['302', 302, { result: 'allow' }],
  ['HTML', 200, `<html>${SECRET}`, 'text/html'],
  ['no JSON', 200, `{"result":"allow" ${SECRET}`],
  ['a list', 200, ['allow']],
  ['null', 200, 'null'],
  ['no result', 200, { ok: true }],
  ['another result', 200, { result: 'Allow' }],
  ['result of another type', 200, { result: true }],
  ['expire_at of another type', 200, { result: 'allow', expire_at: 'tomorrow' }],
  ['client_attrs of another type', 200, { result: 'allow', client_attrs: { a: 1 } }],
  ['permissions that are none', 200, { result: 'allow', permissions: { publish: 'a..b' } }],
  ['an acl that is none', 200, { result: 'allow', acl: {} }],
  ['acl and permissions', 200, { result: 'allow', acl: [], permissions: {} }],
];
for (const [name, status, body, contentType] of RUBBISH) {
  test(`http answer: ${name} is an error, and quotes nothing`, () => {
    assert.throws(
      () => verdict(status, body, contentType),
      (error) => error instanceof Error && !error.message.includes(SECRET),
    );
  });
}

test('http answer: everything it may say about a client', () => {
  const answer = verdict(200, {
    result: 'allow',
    is_superuser: true,
    expire_at: 1_900_000_000,
    client_attrs: { tenant: '7' },
    clientid_override: 'fixed',
    permissions: { publish: ['a.>'], allow_responses: { max: -1, expires: '1m' } },
  });
  const expected: Identity = {
    name: 'ann',
    method: 'http',
    permissions: {
      publish: { allow: ['a.>'], deny: [] },
      subscribe: { allow: [], deny: [] },
      allowResponses: { maxMessages: Number.POSITIVE_INFINITY, expiresMs: 60_000 },
    },
    expiresAtMs: 1_900_000_000_000,
    isSuperuser: true,
    clientId: 'fixed',
    mountpoint: null,
    maxSubscriptions: null,
    maxPayloadBytes: null,
    attributes: { tenant: '7' },
  };
  assert.deepEqual(answer, { kind: 'accept', identity: expected });
});

const rule = (permission: string, action: string, topic: string) => ({ permission, action, topic });

const ACLS: [name: string, acl: object[], publish: [string[], string[]], subscribe: [string[], string[]]][] =
  [
    ['what is not allowed is denied', [rule('allow', 'publish', 'a/+/c')], [['a.*.c'], []], [[], ['>']]],
    [
      'a filter with # is for its parent too',
      [rule('allow', 'subscribe', 'a/#')],
      [[], ['>']],
      [['a', 'a.>'], []],
    ],
    [
      'the usual last rule denies nothing that was allowed',
      [rule('allow', 'all', 'a'), rule('deny', 'all', '#')],
      [['a'], []],
      [['a'], []],
    ],
    [
      'a denial before a permission beats it',
      [rule('deny', 'publish', 'a/secret'), rule('allow', 'pubsub', 'a/#')],
      [['a', 'a.>'], ['a.secret']],
      [['a', 'a.>'], []],
    ],
    [
      'a permission before a denial of more gives way to it: less, not more',
      [rule('allow', 'publish', 'a/1'), rule('deny', 'publish', 'a/#'), rule('allow', 'publish', 'b')],
      [
        ['a.1', 'b'],
        ['a', 'a.>'],
      ],
      [[], ['>']],
    ],
    [
      'eq without wildcards is the topic, with wildcards it allows nothing',
      [rule('allow', 'publish', 'eq a/b'), rule('allow', 'subscribe', 'eq a/#')],
      [['a.b'], []],
      [[], ['>']],
    ],
    ['an empty list allows nothing', [], [[], ['>']], [[], ['>']]],
    [
      'names are those that clients use',
      [rule('allow', 'publish', 'living room/v1.0')],
      [['living%20room.v1%2E0'], []],
      [[], ['>']],
    ],
  ];
for (const [name, acl, publish, subscribe] of ACLS) {
  test(`acl: ${name}`, () => {
    const found = permissionsOfAcl(acl, subjectsOf);
    assert.deepEqual([found.publish.allow, found.publish.deny], publish);
    assert.deepEqual([found.subscribe.allow, found.subscribe.deny], subscribe);
  });
}

test('acl: the other words that EMQX has for the same', () => {
  const plain = permissionsOfAcl(
    [rule('allow', 'publish', 'a'), rule('allow', 'subscribe', 'b')],
    subjectsOf,
  );
  const others = [
    { ...rule('allow', 'pub', 'a'), qos: [0, 1, 2], retain: 'all' },
    { ...rule('allow', 'sub', 'b'), qos: '0,1,2', retain: null },
  ];
  assert.deepEqual(permissionsOfAcl(others, subjectsOf), plain);
});

test('acl: ${username} is the user, unless its name would reach into what belongs to others', () => {
  const answer = { result: 'allow', acl: [rule('allow', 'publish', 'u/${username}/#')] };
  const by = (user: string) =>
    verdictOfAnswer(
      { status: 200, contentType: 'application/json', body: JSON.stringify(answer) },
      { name: user, user },
      subjectsOf,
    );
  const found = by('ann');
  assert.ok(found.kind === 'accept');
  assert.deepEqual(found.identity.permissions?.publish.allow, ['u.ann', 'u.ann.>']);
  for (const user of ['', '+', '#', 'a/b', '$x', 'a.b', '*']) assert.throws(() => by(user), user);
});

const NO_RULES: object[] = [
  { permission: 'allow', action: 'publish' },
  { permission: 'Allow', action: 'publish', topic: 'a' },
  { permission: 'allow', action: 'read', topic: 'a' },
  { permission: 'allow', action: 'publish', topic: 'u/${username}' },
  { permission: 'allow', action: 'publish', topic: 'a', qos: [0] },
  { permission: 'allow', action: 'publish', topic: 'a', qos: [0, 1, 2, 3] },
  { permission: 'allow', action: 'publish', topic: 'a', qos: '0,1' },
  { permission: 'allow', action: 'publish', topic: 'a', retain: false },
  { permission: 'allow', action: 'publish', topic: 'a', ipaddr: '10.0.0.0/8' },
  { permission: 'allow', action: 'publish', topic: 'a', clientid_re: '^x' },
  { permission: 'deny', action: 'publish', topic: 'a/#/b' },
];
for (const wrong of NO_RULES) {
  test(`acl: refuses ${JSON.stringify(wrong)}`, () => {
    const allowAll = rule('allow', 'publish', '#');
    assert.throws(() => permissionsOfAcl([wrong, allowAll], subjectsOf), Error);
  });
}
