/** Editing a configuration file: whatever is changed, comments and unrelated text stay, and the values are those expected. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createScanner, type ParseError, parseTree } from 'jsonc-parser';
import { treeOfText, withOrderInText, withValueInText } from '../../src/config/edit.ts';
import { type KeyPath, valueAt, withValue } from '../../src/config/key-path.ts';

const NAMES = ['a', 'b', 'c', 'list'];
const scalar = fc.oneof(
  fc.integer(),
  fc.boolean(),
  fc.string({ maxLength: 8 }),
  fc.constant('//no "comment" */'),
);
const value = fc.letrec<{ any: unknown }>((tie) => ({
  any: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    scalar,
    fc.array(tie('any'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom(...NAMES), tie('any'), { maxKeys: 3, noNullPrototype: true }),
  ),
})).any;
const path = fc
  .tuple(
    fc.constantFrom(...NAMES),
    fc.array(fc.oneof(fc.constantFrom(...NAMES), fc.nat(3)), { maxLength: 2 }),
  )
  .map(([first, rest]): KeyPath => [first, ...rest]);

/** JSON of a value, with comments and blanks strewn in, and sometimes a comma too many. */
interface Strewn {
  readonly seed: number;
  readonly eol: string;
}

function strewn(root: unknown, { seed, eol }: Strewn): { text: string; comments: string[] } {
  let state = seed;
  const comments: string[] = [];
  const pick = (n: number): number => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return Math.floor((state / 2147483648) * n);
  };
  const gap = (): string => {
    const name = `c${comments.length},"x": {`;
    switch (pick(7)) {
      case 0:
        comments.push(`// ${name}`);
        return ` // ${name}${eol}  `;
      case 1:
        comments.push(`/* ${name} */`);
        return `/* ${name} */`;
      case 2:
        return eol;
      case 3:
        return `${eol}    `;
      case 4:
        return ' ';
      default:
        return '';
    }
  };
  const write = (one: unknown): string => {
    if (typeof one !== 'object' || one === null) return JSON.stringify(one);
    const isList = Array.isArray(one);
    const parts = Object.entries(one).map(([name, inner]) => {
      const label = isList ? '' : `${JSON.stringify(name)}${gap()}:${gap()}`;
      return `${gap()}${label}${write(inner)}${gap()}`;
    });
    const comma = parts.length > 0 && pick(4) === 0 ? `,${gap()}` : gap();
    return `${isList ? '[' : '{'}${parts.join(',')}${comma}${isList ? ']' : '}'}`;
  };
  const text = `${gap()}${write(root)}${gap()}`;
  return { text, comments };
}

function commentsOf(text: string): string[] {
  const scanner = createScanner(text);
  const found: string[] = [];
  do {
    scanner.scan();
    const offset = scanner.getTokenOffset();
    const token = text.slice(offset, offset + scanner.getTokenLength());
    if (/^\/[/*]/.test(token)) found.push(token.trim());
  } while (scanner.getPosition() < text.length);
  return found;
}

function without(tree: unknown, [part, ...rest]: KeyPath): unknown {
  if (Array.isArray(tree) && typeof part === 'number') {
    if (rest.length === 0) return tree.filter((_, position) => position !== part);
    return tree.map((item, position) => (position === part ? without(item, rest) : item));
  }
  const entries = Object.entries(tree as Record<string, unknown>);
  if (rest.length === 0) return Object.fromEntries(entries.filter(([name]) => name !== part));
  return Object.fromEntries(
    entries.map(([name, inner]) => [name, name === part ? without(inner, rest) : inner]),
  );
}

function assertValid(text: string): void {
  const errors: ParseError[] = [];
  parseTree(text, errors, { allowTrailingComma: true });
  assert.deepEqual(errors, [], text);
}

const root = fc.dictionary(fc.constantFrom(...NAMES), value, { maxKeys: 4, noNullPrototype: true });
const style = fc.record({ seed: fc.nat(), eol: fc.constantFrom('\n', '\r\n') });
const edits = fc.array(fc.record({ path, value: fc.option(value, { nil: undefined }) }), { maxLength: 6 });

test('edit: the result has the expected values, whatever the text looks like', () => {
  fc.assert(
    fc.property(root, style, edits, (tree, written, changes) => {
      let text = strewn(tree, written).text;
      let expected: unknown = tree;
      for (const { path, value } of changes) {
        let next: unknown;
        try {
          if (value === undefined)
            next = valueAt(expected, path) === undefined ? expected : without(expected, path);
          else next = withValue(expected, path, value);
        } catch (error) {
          assert.ok(error instanceof RangeError);
          assert.throws(() => withValueInText(text, path, value), RangeError);
          continue;
        }
        text = withValueInText(text, path, value);
        expected = next;
        assertValid(text);
        assert.deepEqual(treeOfText(text), expected, text);
      }
    }),
    { numRuns: 3000, includeErrorInReport: true },
  );
});

test('edit: comments outside of what is changed survive any sequence of edits, in their order', () => {
  fc.assert(
    fc.property(root, style, edits, (tree, written, changes) => {
      let { text } = strewn(tree, written);
      for (const { path, value } of changes) {
        // What is taken out, or replaced by something of another kind, takes the comments inside of it along.
        const inside = commentsInside(text, path);
        const before = commentsOf(text);
        try {
          text = withValueInText(text, path, value);
        } catch (error) {
          assert.ok(error instanceof RangeError);
          continue;
        }
        const after = commentsOf(text);
        const missing = [...before];
        for (const comment of after) missing.splice(missing.indexOf(comment), 1);
        assert.deepEqual(
          missing.filter((comment) => !inside.includes(comment)),
          [],
          text,
        );
        assert.deepEqual(
          after,
          before.filter((comment) => after.includes(comment)),
        );
      }
    }),
    { numRuns: 3000, includeErrorInReport: true },
  );
});

/** Comments inside of the value at the path, or of the nearest one around it that is no container for the rest. */
function commentsInside(text: string, path: KeyPath): string[] {
  const tree = treeOfText(text);
  let length = path.length;
  while (length > 0 && valueAt(tree, path.slice(0, length)) === undefined) length--;
  const root = parseTree(text, [], { allowTrailingComma: true });
  let node = root;
  for (const part of path.slice(0, length)) {
    const children: (typeof root)[] = node?.children ?? [];
    if (typeof part === 'number') node = children[part];
    else node = children.find((child) => child?.children?.[0]?.value === part)?.children?.[1];
  }
  if (node === undefined || length === 0) return [];
  const whole = node.parent?.type === 'property' ? node.parent : node;
  return commentsOf(text.slice(whole.offset, whole.offset + whole.length));
}

test('edit: a list in another order has the same entries with their comments', () => {
  fc.assert(
    fc.property(fc.array(value, { maxLength: 5 }), style, fc.nat(), (list, written, seed) => {
      const { text } = strewn({ list }, written);
      const order = list.map((_, position) => position);
      order.sort((a, b) => ((a * 7919 + seed) % 13) - ((b * 7919 + seed) % 13));
      const changed = withOrderInText(text, ['list'], order);
      assertValid(changed);
      assert.deepEqual(treeOfText(changed), { list: order.map((position) => list[position]) });
      assert.deepEqual(commentsOf(changed).sort(), commentsOf(text).sort());
    }),
    { numRuns: 1000, includeErrorInReport: true },
  );
});
