import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PermissionCheck, PermissionChecks } from '../../../src/auth/permission-check.ts';
import { parsePermissions } from '../../../src/auth/permission-format.ts';
import { ResponseGrants } from '../../../src/auth/response-grants.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const same = (subject: string): string => subject;
const bytes = (text: string): Buffer => Buffer.from(text);

function checkOf(text: unknown): PermissionCheck {
  const permissions = parsePermissions(text);
  assert.ok(permissions !== null);
  return new PermissionCheck(permissions);
}

const mayPublish = (
  check: PermissionCheck,
  subject: string,
  canonical: (s: string) => string | null = same,
) => check.mayPublish(bytes(subject), 0, bytes(subject).length, canonical);
const maySubscribe = (check: PermissionCheck, subject: string, queue = '') =>
  check.maySubscribe(bytes(subject), bytes(queue), same);

// NATS, authorization; each row as nats-server decides, but for the first of wildcards, see there.
const PUBLISH: [permissions: unknown, subject: string, expected: boolean][] = [
  [{ publish: 'a.>' }, 'a.b', true],
  [{ publish: 'a.>' }, 'a', false],
  [{ pub: ['a', 'b'] }, 'b', true],
  [{ publish: { allow: ['a.>'], deny: ['a.x'] } }, 'a.x', false],
  [{ publish: { deny: ['a.x'] } }, 'b', true],
  [{ publish: { allow: [] }, subscribe: 'x' }, 'b', true],
  [{ publish: 'a' }, 'a..b', false],
  [{ publish: 'a.*' }, 'a.*', true],
  [{ publish: 'a.b' }, 'a.*', false],
  [{ allow_responses: true }, 'a', false],
  [{ publish: 'a', allow_responses: true }, 'a', true],
  [{ publish: { deny: 'x' }, allow_responses: true }, 'a', false],
];
for (const [permissions, subject, expected] of PUBLISH) {
  test(`permission check: ${JSON.stringify(permissions)} ${expected ? 'lets' : 'does not let'} PUB ${subject}`, () => {
    assert.equal(mayPublish(checkOf(permissions), subject), expected);
  });
}

const SUBSCRIBE: [permissions: unknown, subject: string, queue: string, expected: boolean][] = [
  [{ subscribe: 'a.*' }, 'a.b', '', true],
  [{ subscribe: 'a.*' }, 'a.*', '', true],
  // nats-server lets this pass, and delivers a.b.c.
  [{ subscribe: 'a.*' }, 'a.>', '', false],
  [{ subscribe: 'a.>' }, 'a.>', '', true],
  [{ subscribe: 'a.>' }, '>', '', false],
  [{ subscribe: 'a.>' }, '*.b', '', false],
  [{ subscribe: { deny: 'a.*' } }, 'a.>', '', false],
  [{ subscribe: { deny: 'a.x' } }, 'a.*', '', true],
  [{ subscribe: { deny: 'a.x' } }, 'a.x', '', false],
  [{ subscribe: { deny: '>' } }, 'a', '', false],
  [{ subscribe: 'q.x v1' }, 'q.x', 'v1', true],
  [{ subscribe: 'q.x v1' }, 'q.x', 'v2', false],
  [{ subscribe: 'q.x v1' }, 'q.x', '', false],
  [{ subscribe: ['qq', 'qq v2.*'] }, 'qq', '', true],
  [{ subscribe: ['qq', 'qq v2.*'] }, 'qq', 'v2.a', true],
  [{ subscribe: ['qq', 'qq v2.*'] }, 'qq', 'v1', false],
  [{ subscribe: ['qq'] }, 'qq', 'any', true],
  [{ subscribe: { deny: 'd v1' } }, 'd', 'v1', false],
  [{ subscribe: { deny: 'd v1' } }, 'd', 'v2', true],
  [{ subscribe: { deny: 'd v1' } }, 'd', '', true],
  // Unlike nats-server, where naming one group opens the others.
  [{ subscribe: { deny: ['d', 'd v1'] } }, 'd', 'v2', false],
];
for (const [permissions, subject, queue, expected] of SUBSCRIBE) {
  const text = `${expected ? 'lets' : 'does not let'} SUB ${subject} ${queue}`;
  test(`permission check: ${JSON.stringify(permissions)} ${text}`, () => {
    assert.equal(maySubscribe(checkOf(permissions), subject, queue), expected);
  });
}

test('permission check: a second spelling is judged as what it leads to, and as what it is', () => {
  const check = checkOf({ publish: { deny: ['a.secret', 'alias'] } });
  const canonical = (subject: string) => (subject.startsWith('alias') ? 'a.secret' : subject);
  assert.equal(mayPublish(check, 'alias2', canonical), false);
  assert.equal(
    mayPublish(check, 'alias', () => 'b'),
    false,
  );
  const narrow = checkOf({ publish: 'a.b' });
  assert.equal(
    mayPublish(narrow, 'x', () => 'a.b'),
    false,
  );
  assert.equal(
    mayPublish(narrow, 'a.b', () => 'x'),
    false,
  );
});

test('permission check: denied parts of a subscription are kept back on delivery', () => {
  const check = checkOf({ subscribe: { deny: ['b.x', 'b.y v1'] } });
  assert.equal(check.hasDenialsWithin(bytes('b.*'), same), true);
  assert.equal(check.hasDenialsWithin(bytes('c.*'), same), false);
  const received = (subject: string, queue = '') => check.mayReceive(bytes(subject), bytes(queue));
  for (let i = 0; i < 2; i++) {
    assert.deepEqual(
      [received('b.x'), received('b.z'), received('b.y'), received('b.y', 'v1'), received('b.y', 'v2')],
      [false, true, true, false, true],
    );
  }
});

test('permission check: one for each set of permissions', () => {
  const checks = new PermissionChecks();
  const [one, other] = [parsePermissions({ publish: 'a' }), parsePermissions({ publish: 'a' })];
  assert.ok(one !== null && other !== null);
  assert.equal(checks.of(one), checks.of(one));
  assert.notEqual(checks.of(one), checks.of(other));
});

const range = (text: string) => [bytes(text), 0, bytes(text).length] as const;

test('response grants: so often and so long', () => {
  const clock = new FakeClock();
  const grants = new ResponseGrants({ maxMessages: 2, expiresMs: 1000 }, clock);
  assert.equal(grants.take(...range('r')), false);
  grants.grant(bytes('r'));
  assert.equal(grants.has(...range('r')), true);
  assert.deepEqual(
    [1, 2, 3].map(() => grants.take(...range('r'))),
    [true, true, false],
  );
  grants.grant(bytes('r'));
  clock.advance(1000);
  assert.equal(grants.take(...range('r')), false);
});

test('response grants: unlimited, and bounded in number: the oldest goes', () => {
  const clock = new FakeClock();
  const forever = { maxMessages: Number.POSITIVE_INFINITY, expiresMs: Number.POSITIVE_INFINITY };
  const grants = new ResponseGrants(forever, clock);
  for (let i = 0; i < 4097; i++) grants.grant(bytes(`r${i}`));
  clock.advance(2 ** 40);
  assert.deepEqual(
    ['r0', 'r1', 'r4096', 'r4096'].map((reply) => grants.take(...range(reply))),
    [false, true, true, true],
  );
});

const FORMS: [text: unknown, expected: unknown][] = [
  [{}, null],
  [{ publish: [], subscribe: {} }, null],
  [{ allow_responses: false }, null],
  [{ allow_responses: true }, { maxMessages: 1, expiresMs: 120_000 }],
  [{ allow_responses: { max: 5, expires: '1m30s' } }, { maxMessages: 5, expiresMs: 90_000 }],
  [{ allow_responses: { max_msgs: -1, ttl: -1 } }, { maxMessages: Infinity, expiresMs: Infinity }],
  [{ allow_responses: { max: 0, expires: 10 } }, { maxMessages: 1, expiresMs: 10_000 }],
  [{ allow_responses: { expires: '-1s' } }, { maxMessages: 1, expiresMs: Infinity }],
];
for (const [text, expected] of FORMS) {
  test(`permission format: ${JSON.stringify(text)}`, () => {
    assert.deepEqual(parsePermissions(text)?.allowResponses ?? null, expected);
  });
}

for (const wrong of [
  null,
  [],
  { publish: 5 },
  { publish: [''] },
  { publish: 'a b' },
  { publish: 'a', pub: 'b' },
  { subscribe: 'a b c' },
  { subscribe: { alow: 'a' } },
  { allow_responses: 'yes' },
  { allow_responses: { max: 1.5 } },
  { allow_responses: { expires: 'soon' } },
]) {
  test(`permission format: refuses ${JSON.stringify(wrong)}`, () => {
    assert.throws(() => parsePermissions(wrong), { name: 'PermissionFormatError' });
  });
}
