/**
 * The configurations that the documentation shows, by the name in the mark in front of each, and which of them a test has
 * run. Knows nothing of what they say.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { GatewaySettings } from './gateway.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const MARKED = /<!-- example: (\w+) -->\n```json\n([\s\S]*?)```/g;
const ANY_JSON = /^```json$/gm;

/** The pages about who may connect, README included, by their path from the root. */
export const AUTHENTICATION_PAGES: readonly string[] = [
  'README.md',
  ...readdirSync(`${ROOT}docs`)
    .filter((name) => /^authentication.*\.md$/.test(name))
    .map((name) => `docs/${name}`),
];

/** The examples of one page. */
export class DocumentedExamples {
  readonly text: string;
  readonly #examples = new Map<string, string>();
  readonly #tried = new Set<string>();

  /** @param page path from the root of the project */
  constructor(page: string) {
    this.text = readFileSync(`${ROOT}${page}`, 'utf8');
    for (const [, name = '', json = ''] of this.text.matchAll(MARKED)) {
      assert.ok(!this.#examples.has(name), `${page} has two examples ${name}`);
      this.#examples.set(name, json);
    }
  }

  /** Names of all examples. */
  get names(): readonly string[] {
    return [...this.#examples.keys()];
  }

  /** Values of `method` in all examples. */
  get methods(): readonly string[] {
    return [...this.#examples.values()].flatMap((json) =>
      [...json.matchAll(/"method": "(\w+)"/g)].map(([, method = '']) => method),
    );
  }

  /** An example as it stands; `replace` puts in what differs from machine to machine. */
  settings(name: string, replace: Readonly<Record<string, string>> = {}): GatewaySettings {
    let json = this.#examples.get(name);
    assert.ok(json !== undefined, `no example ${name}`);
    this.#tried.add(name);
    for (const [from, to] of Object.entries(replace)) {
      assert.ok(json.includes(from), `${name} does not hold ${from}`);
      json = json.replace(from, () => to);
    }
    return JSON.parse(json) as GatewaySettings;
  }

  /** Fails unless every configuration of the page has a mark and has been run. */
  assertAllTried(): void {
    assert.deepEqual(this.names.toSorted(), [...this.#tried].sort());
    assert.equal(this.text.match(ANY_JSON)?.length, this.#examples.size, 'a configuration without a mark');
  }
}
