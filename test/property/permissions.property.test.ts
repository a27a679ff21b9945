/** Permissions against the plain definition, by trying every short subject. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { PermissionCheck } from '../../src/auth/permission-check.ts';
import type { Permissions } from '../../src/auth/permissions.ts';
import { isSubset, matches, overlaps } from '../../src/nats/subject.ts';
import { createNameMapper } from '../../src/translation/subject-topic.ts';

const bytes = (text: string): Buffer => Buffer.from(text);
const isMatch = (filter: string, subject: string): boolean =>
  matches(bytes(filter), bytes(subject), 0, subject.length);

/** All names of one to `length` tokens. */
function names(tokens: readonly string[], length: number): string[] {
  const found: string[] = [];
  let last = [''];
  for (let i = 0; i < length; i++) {
    last = last.flatMap((head) => tokens.map((token) => (head === '' ? token : `${head}.${token}`)));
    found.push(...last);
  }
  return found;
}

/** `c` stands for every token that no pattern names; one token more than the longest pattern for every longer subject. */
const SUBJECTS = names(['a', 'b', 'c'], 4);
const PLAIN = names(['a', 'b', '*'], 3);
const PATTERNS = [...PLAIN, '>', ...names(['a', 'b', '*'], 2).map((head) => `${head}.>`)];

test('permissions: subset and overlap are what trying every subject says', () => {
  const covered = new Map(PATTERNS.map((one) => [one, SUBJECTS.filter((subject) => isMatch(one, subject))]));
  for (const one of PATTERNS) {
    for (const other of PATTERNS) {
      const ofOne = covered.get(one) ?? [];
      const ofOther = new Set(covered.get(other));
      assert.equal(
        isSubset(bytes(one), bytes(other)),
        ofOne.every((subject) => ofOther.has(subject)),
        `${one} within ${other}`,
      );
      assert.equal(
        overlaps(bytes(one), bytes(other)),
        ofOne.some((subject) => ofOther.has(subject)),
        `${one} and ${other}`,
      );
    }
  }
});

const pattern = fc.constantFrom(...PATTERNS);
const patterns = fc.array(pattern, { maxLength: 3 });
const rules = fc.record({ allow: patterns, deny: patterns });
const NOTHING = { allow: [], deny: [] };
const same = (subject: string): string => subject;

test('permissions: nothing is published and nothing received but what is allowed and not denied', () => {
  fc.assert(
    fc.property(rules, pattern, (list, subscription) => {
      const permissions: Permissions = { publish: list, subscribe: list, allowResponses: null };
      const check = new PermissionCheck(permissions);
      const may = (subject: string): boolean => {
        const isAllowed = list.allow.length === 0 || list.allow.some((one) => isMatch(one, subject));
        return isAllowed && !list.deny.some((one) => isMatch(one, subject));
      };
      const isSubscribed = check.maySubscribe(bytes(subscription), Buffer.alloc(0), same);
      const isFiltered = check.hasDenialsWithin(bytes(subscription), same);
      for (const subject of SUBJECTS) {
        const buf = bytes(subject);
        assert.equal(check.mayPublish(buf, 0, buf.length, same), may(subject), subject);
        assert.equal(check.mayPublish(buf, 0, buf.length, same), may(subject), `${subject}, remembered`);
        if (!isSubscribed || !isMatch(subscription, subject)) continue;
        const isReceived = !isFiltered || check.mayReceive(buf, Buffer.alloc(0));
        assert.equal(isReceived, may(subject), `${subscription} gets ${subject}`);
      }
    }),
    { numRuns: 300 },
  );
});

test('permissions: a literal subject may be subscribed exactly when it may be received', () => {
  fc.assert(
    fc.property(rules, fc.constantFrom(...SUBJECTS), (list, subject) => {
      const check = new PermissionCheck({ publish: NOTHING, subscribe: list, allowResponses: null });
      const isAllowed = list.allow.length === 0 || list.allow.some((one) => isMatch(one, subject));
      const isDenied = list.deny.some((one) => isMatch(one, subject));
      assert.equal(check.maySubscribe(bytes(subject), Buffer.alloc(0), same), isAllowed && !isDenied);
    }),
    { numRuns: 500 },
  );
});

/** Tokens that look like each other, or like what the mapping writes for them. */
const TRICKY = [
  'a',
  '%',
  '%%',
  '%20',
  '%2520',
  '%2E',
  '%252E',
  '/',
  'a/b',
  '/a',
  'a/',
  '%2F',
  '%252F',
  '+',
  '%2B',
  '#',
].concat(['*', '>', '$S', '%24S', '%2524S', 'a%', '_MR_', 'ä']);

for (const profile of ['escape', 'emqx', 'nats-server'] as const) {
  for (const escapeDollar of [false, true]) {
    test(`permissions: in profile ${profile} (escape_dollar ${escapeDollar}) no spelling gets around a denial`, () => {
      const mapper = createNameMapper({ profile, escapeDollar, allowDollar: [], mountpoint: '' });
      const topicOf = (subject: string) => {
        const topic = mapper.publishTopic(subject);
        return topic.ok ? topic.name : null;
      };
      const canonical = (subject: string) => {
        const topic = topicOf(subject);
        const seen = topic === null ? null : mapper.deliveredSubject(topic);
        return seen?.ok === true ? seen.name : null;
      };
      const spellings = new Map<string, string[]>();
      for (const subject of names(TRICKY, 2)) {
        const topic = topicOf(subject);
        if (topic !== null) spellings.set(topic, [...(spellings.get(topic) ?? []), subject]);
      }
      assert.ok(spellings.size > 50);
      for (const [topic, ways] of spellings) {
        const denied = canonical(ways[0] ?? '');
        if (denied === null) continue;
        const publish = { allow: [], deny: [denied] };
        const check = new PermissionCheck({ publish, subscribe: NOTHING, allowResponses: null });
        for (const way of ways) {
          const isThrough = check.mayPublish(bytes(way), 0, bytes(way).length, canonical);
          assert.equal(isThrough, false, `${way} reaches ${topic}, which is ${denied}`);
        }
      }
    });
  }
}
