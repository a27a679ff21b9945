import assert from 'node:assert/strict';
import { test } from 'node:test';
import { placeholders, renderTemplate } from '../../../src/util/template.ts';

const VALUES: Readonly<Record<string, string | null>> = { a: '1', 'b.c': 'two', empty: '', none: null };
const resolve = (name: string): string | null => VALUES[name] ?? (name === 'empty' ? '' : null);

for (const [template, names, expected] of [
  ['', [], ''],
  ['plain $ text {a}', [], 'plain $ text {a}'],
  [`\${a}`, ['a'], '1'],
  [`x-\${a}/\${b.c}-\${a}`, ['a', 'b.c', 'a'], 'x-1/two-1'],
  [`[\${empty}]`, ['empty'], '[]'],
  [`\${a}\${none}`, ['a', 'none'], null],
  [`\${unknown}`, ['unknown'], null],
  [`\${}`, [''], null],
  [`\${a`, [], `\${a`],
] as const) {
  test(`template: ${JSON.stringify(template)}`, () => {
    assert.deepEqual(placeholders(template), names);
    assert.equal(renderTemplate(template, resolve), expected);
  });
}

test('template: a value is not a template, nor a replacement pattern', () => {
  for (const value of [`\${b}`, '$&', '$1', "$'"]) {
    assert.equal(
      renderTemplate(`<\${a}>`, () => value),
      `<${value}>`,
    );
  }
});
