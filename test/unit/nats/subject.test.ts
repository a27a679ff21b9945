import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { isSubset, isValidLiteral, isValidSubscription, matches } from '../../../src/nats/subject.ts';

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');

/** Calls with a range inside of a larger buffer, whose neighbours would change the answer if they were read. */
function inside<T>(text: string, call: (buf: Buffer, start: number, end: number) => T): T {
  return call(bytes(`x.${text}.>.*`), 2, 2 + text.length);
}

describe('subject: subscriptions', () => {
  const rows: readonly (readonly [subject: string, isValid: boolean])[] = [
    ['a', true],
    ['a.b.c', true],
    ['*', true],
    ['>', true],
    ['a.*.b', true],
    ['a.>', true],
    ['*.*.>', true],
    ['foo*', true],
    ['f>o.b', true],
    ['a.>>', true],
    ['>>.a', true],
    ['**', true],
    ['f\xff\x00.\x7f', true],
    ['$SYS./+#', true],
    ['', false],
    ['.', false],
    ['a..b', false],
    ['.a', false],
    ['a.', false],
    ['>.a', false],
    ['a.>.b', false],
    ['>.>', false],
    ['>.', false],
  ];
  for (const [subject, isValid] of rows) {
    it(`subject: ${JSON.stringify(subject)} is ${isValid ? 'valid' : 'invalid'} in SUB`, () => {
      assert.equal(inside(subject, isValidSubscription), isValid);
    });
  }
});

describe('subject: literals', () => {
  const rows: readonly (readonly [subject: string, isValid: boolean])[] = [
    ['a', true],
    ['a.b', true],
    ['foo*', true],
    ['a.>>', true],
    ['a>.b', true],
    ['', false],
    ['a..b', false],
    ['.a', false],
    ['a.', false],
    ['*', false],
    ['>', false],
    ['a.*', false],
    ['a.>', false],
    ['*.a', false],
  ];
  for (const [subject, isValid] of rows) {
    it(`subject: ${JSON.stringify(subject)} is ${isValid ? 'valid' : 'invalid'} for a pedantic PUB`, () => {
      assert.equal(inside(subject, isValidLiteral), isValid);
    });
  }
});

describe('subject: matching', () => {
  const rows: readonly (readonly [filter: string, subject: string, isMatch: boolean])[] = [
    ['a', 'a', true],
    ['a', 'b', false],
    ['a', 'A', false],
    ['a', 'a.b', false],
    ['a.b', 'a', false],
    ['aa', 'a', false],
    ['a', 'aa', false],
    ['*', 'a', true],
    ['*', 'a.b', false],
    ['a.*', 'a.b', true],
    ['a.*', 'a', false],
    ['*.b', 'a.b', true],
    ['*.*', 'a.b', true],
    ['a.*.c', 'a.b.c', true],
    ['a.*.c', 'a.b.d', false],
    ['>', 'a', true],
    ['>', 'a.b.c', true],
    ['a.>', 'a.b', true],
    ['a.>', 'a.b.c', true],
    ['a.>', 'a', false],
    ['a.>', 'b.c', false],
    ['*.>', 'a', false],
    ['foo*', 'foo*', true],
    ['foo*', 'foobar', false],
    ['f>o', 'f>o', true],
    // A wildcard in a published subject is a token like any other.
    ['foo.*', 'foo.*', true],
    ['foo.>', 'foo.*', true],
    ['>', 'foo.>', true],
    ['*.*', 'foo.>', true],
    ['foo.bar', 'foo.*', false],
    ['foo.>', 'foo.>', true],
    // An empty token is nobody's.
    ['>', 'a..b', false],
    ['a.>', 'a.', false],
    ['>', '.a', false],
    ['*', '', false],
    ['>', '', false],
    ['a.*.b', 'a..b', false],
    ['*.*', 'a.', false],
    ['a.>', 'a.b..c', false],
    ['a.>', 'a.b.', false],
    ['a.\xff\xfe', 'a.\xff\xfe', true],
    ['$SYS.>', '$SYS.a', true],
  ];
  for (const [filter, subject, isMatch] of rows) {
    it(`subject: ${filter} ${isMatch ? 'matches' : 'does not match'} ${JSON.stringify(subject)}`, () => {
      assert.equal(
        inside(subject, (buf, start, end) => matches(bytes(filter), buf, start, end)),
        isMatch,
      );
    });
  }
});

describe('subject: subsets', () => {
  const rows: readonly (readonly [narrow: string, wide: string, isSubset: boolean])[] = [
    ['a', 'a', true],
    ['a', 'b', false],
    ['a', '*', true],
    ['*', 'a', false],
    ['*', '*', true],
    ['a', '>', true],
    ['*', '>', true],
    ['>', '>', true],
    ['>', '*', false],
    ['a.b', 'a.*', true],
    ['a.*', 'a.b', false],
    ['a.*', 'a.*', true],
    ['a.*', 'a.>', true],
    ['a.>', 'a.*', false],
    ['a.>', 'a.>', true],
    ['a.>', '>', true],
    ['a.>', '*.>', true],
    ['a', 'a.>', false],
    ['a.b.c', 'a.>', true],
    ['a.b', 'a.b.c', false],
    ['a.b.c', 'a.b', false],
    ['*.>', 'a.>', false],
    ['*.b', '*.*', true],
    ['>', '*.>', false],
    ['a.>', 'a.*.>', false],
  ];
  for (const [narrow, wide, expected] of rows) {
    it(`subject: ${narrow} is ${expected ? '' : 'not '}within ${wide}`, () => {
      assert.equal(isSubset(bytes(narrow), bytes(wide)), expected);
    });
  }
});

describe('subject: properties', () => {
  const token = fc.constantFrom('a', 'b', '*', '>', 'a*');
  const literal = fc
    .array(fc.constantFrom('a', 'b', 'a*', 'c'), { minLength: 1, maxLength: 5 })
    .map((list) => list.join('.'));
  const anything = fc.array(fc.oneof(token, fc.constant('')), { maxLength: 5 }).map((list) => list.join('.'));
  const filter = fc
    .array(token, { minLength: 1, maxLength: 4 })
    .map((list) => list.join('.'))
    .filter((text) => isValidSubscription(bytes(text), 0, text.length));

  /** The same by regular expression. */
  function matchesByPattern(pattern: string, subject: string): boolean {
    if (subject.split('.').includes('')) return false;
    const parts = pattern.split('.').map((part, at, all) => {
      if (part === '*') return '[^.]+';
      if (part === '>' && at === all.length - 1) return '.+';
      return part.replace(/[*>]/g, '\\$&');
    });
    return new RegExp(`^${parts.join('\\.')}$`).test(subject);
  }

  it('subject: matching agrees with a regular expression', () => {
    fc.assert(
      fc.property(filter, fc.oneof(literal, anything), (pattern, subject) => {
        const buf = bytes(subject);
        assert.equal(matches(bytes(pattern), buf, 0, buf.length), matchesByPattern(pattern, subject));
      }),
      { numRuns: 5000 },
    );
  });

  it('subject: what a subset matches, the wider filter matches too', () => {
    fc.assert(
      fc.property(filter, filter, literal, (narrow, wide, subject) => {
        const buf = bytes(subject);
        fc.pre(isSubset(bytes(narrow), bytes(wide)) && matches(bytes(narrow), buf, 0, buf.length));
        assert.ok(matches(bytes(wide), buf, 0, buf.length));
      }),
      { numRuns: 300 },
    );
  });

  it('subject: what is no subset has a subject that tells', () => {
    // "n" is in no filter, and one token more than the longest filter goes past every ">".
    const witnesses = (narrow: string): string[] => {
      const base = narrow
        .split('.')
        .map((part, at, all) => (part === '*' || (part === '>' && at === all.length - 1) ? 'n' : part));
      return narrow === '>' || narrow.endsWith('.>')
        ? [base.join('.'), [...base, 'n', 'n', 'n', 'n', 'n'].join('.')]
        : [base.join('.')];
    };
    fc.assert(
      fc.property(filter, filter, (narrow, wide) => {
        fc.pre(!isSubset(bytes(narrow), bytes(wide)));
        const escapes = witnesses(narrow).some(
          (subject) => !matches(bytes(wide), bytes(subject), 0, subject.length),
        );
        assert.ok(escapes, `${narrow} within ${wide}`);
      }),
      { numRuns: 2000 },
    );
  });
});
