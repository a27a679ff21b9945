import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FilterTrie } from '../../../src/mqtt/filter-trie.ts';
import { filterMatches } from '../../../src/mqtt/topic.ts';

function matchesOf<T>(trie: FilterTrie<T>, topic: string): T[] {
  const found: T[] = [];
  trie.match(topic, (value) => found.push(value));
  return found;
}

for (const [topic, expected] of [
  ['a', ['#', '+', 'a', 'a/#']],
  ['a/b', ['#', '+/+', 'a/#', 'a/+', 'a/b']],
  ['a/b/c', ['#', 'a/#', 'a/+/c']],
  ['/', ['#', '+/+', '/']],
  ['', ['#', '+']],
  ['a/', ['#', '+/+', 'a/#', 'a/+']],
  ['$SYS/x', ['$SYS/#', '$SYS/+']],
  ['$SYS', ['$SYS/#']],
  ['b', ['#', '+']],
] as const) {
  test(`filter trie: ${JSON.stringify(topic)} finds its filters`, () => {
    const trie = new FilterTrie<string>();
    const filters = ['#', '+', '+/+', 'a', 'a/#', 'a/+', 'a/b', 'a/+/c', '/', '$SYS/#', '$SYS/+'];
    for (const filter of filters) trie.add(filter, filter);
    assert.deepEqual(matchesOf(trie, topic).sort(), [...expected].sort());
  });
}

test('filter trie: leading wildcards find a leading $ where the broker has it so', () => {
  const trie = new FilterTrie<string>();
  for (const filter of ['#', '+/x', '+', '$SYS/x', '$SYS/+', 'a/#']) trie.add(filter, filter);
  const found: string[] = [];
  trie.match('$SYS/x', (filter) => found.push(filter), true);
  assert.deepEqual(found.sort(), ['#', '$SYS/+', '$SYS/x', '+/x']);
});

test('filter trie: a filter holds several values, each once, until each is deleted', () => {
  const trie = new FilterTrie<string>();
  for (const value of ['x', 'y', 'x']) trie.add('a/+', value);
  assert.deepEqual(matchesOf(trie, 'a/b'), ['x', 'y']);
  trie.delete('a/+', 'x');
  trie.delete('a/+', 'never added');
  trie.delete('a/+/c', 'y');
  trie.delete('other', 'y');
  assert.deepEqual(matchesOf(trie, 'a/b'), ['y']);
  trie.delete('a/+', 'y');
  assert.deepEqual(matchesOf(trie, 'a/b'), []);
});

const level = fc.constantFrom('a', 'b', '', '$x', '+');
const topicArb = fc
  .array(fc.constantFrom('a', 'b', '', '$x'), { minLength: 1, maxLength: 5 })
  .map((levels) => levels.join('/'));
const filterArb = fc
  .tuple(fc.array(level, { minLength: 1, maxLength: 5 }), fc.boolean())
  .map(([levels, isOpen]) => (isOpen ? [...levels, '#'] : levels).join('/'));

test('filter trie: finds exactly what the rule for one filter says, also after deletions', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(filterArb, fc.boolean()), { maxLength: 20 }),
      fc.array(topicArb, { minLength: 1, maxLength: 8 }),
      (entries, topics) => {
        const trie = new FilterTrie<number>();
        for (const [index, [filter]] of entries.entries()) trie.add(filter, index);
        for (const [index, [filter, isDeleted]] of entries.entries()) {
          if (isDeleted) trie.delete(filter, index);
        }
        for (const topic of topics) {
          const expected = entries.flatMap(([filter, isDeleted], index) =>
            !isDeleted && filterMatches(filter, topic) ? [index] : [],
          );
          assert.deepEqual(
            matchesOf(trie, topic).sort((a, b) => a - b),
            expected,
            topic,
          );
        }
      },
    ),
    { numRuns: 3_000 },
  );
});
