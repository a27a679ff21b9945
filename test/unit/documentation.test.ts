/** What the documentation names exists, and what exists is documented. Generated pages are what would be generated now. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { metricsReference } from '../../src/admin/metrics/reference.ts';
import { METRICS } from '../../src/admin/metrics/table.ts';
import { EXIT } from '../../src/cli/exit-codes.ts';
import { COMMANDS, FLAGS } from '../../src/cli/flags.ts';
import { keysOf } from '../../src/config/key.ts';
import { loadConfig } from '../../src/config/load.ts';
import { configReference } from '../../src/config/reference.ts';
import { SCHEMA } from '../../src/config/schema.ts';
import {
  anchorsOf,
  codeSpansOf,
  documentationPage,
  documentationPages,
  invocationsIn,
  linksOf,
} from '../support/documentation.ts';
import { CONFIGURATION_PAGE, configurationPage, METRICS_PAGE } from '../support/write-docs.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const pages = documentationPages();
/** What operators read; the log of decisions and the changes may speak of what is gone. */
const guides = pages.filter(({ path }) => path !== 'src/README.md' && path !== 'CHANGELOG.md');

test('docs/configuration.md: equals the schema (npm run docs writes it)', () => {
  assert.equal(readFileSync(CONFIGURATION_PAGE, 'utf8'), configurationPage());
});

test('reference: has a row for every setting, also inside lists', () => {
  const reference = configReference();
  for (const [path, key] of keysOf(SCHEMA)) {
    assert.ok(reference.includes(`| \`${path}\` | `), path);
    for (const [inner] of key.items === undefined ? [] : keysOf(key.items)) {
      assert.ok(reference.includes(`| \`${path}[].${inner}\` | `), `${path}[].${inner}`);
    }
  }
});

test('reference: every row has four cells', () => {
  const rows = configReference()
    .split('\n')
    .filter((line) => line.startsWith('| `'));
  for (const row of rows) assert.equal(row.replaceAll('\\|', '').split('|').length, 6, row);
});

test('docs/metrics.md: says what the table of metrics says, and nothing else (npm run docs writes it)', () => {
  const page = readFileSync(METRICS_PAGE, 'utf8');
  assert.equal(page, metricsReference());
  const described = [...page.matchAll(/^\| `(natsmqtt_\w+)` \|/gm)].map(([, name]) => name);
  assert.deepEqual(
    described,
    METRICS.map(({ name }) => name),
  );
});

test('links: every relative one leads to a file, and to a heading in it', () => {
  let count = 0;
  for (const page of pages) {
    for (const { target, anchor } of linksOf(page)) {
      count++;
      assert.ok(existsSync(join(ROOT, target)), `${page.path} → ${target}`);
      if (anchor === '') continue;
      const anchors = anchorsOf(readFileSync(join(ROOT, target), 'utf8'));
      assert.ok(anchors.includes(anchor), `${page.path} → ${target}#${anchor}`);
    }
  }
  assert.ok(count > 50, `${count} links`);
});

test('links: README leads to every page', () => {
  const linked = pages.slice(0, 1).flatMap((page) => linksOf(page).map(({ target }) => target));
  for (const { path } of pages) if (path !== 'README.md') assert.ok(linked.includes(path), path);
});

/** Every setting as documentation writes it, groups included, with `[]` for entries of lists. */
function knownSettings(): Set<string> {
  const names = new Set<string>();
  for (const [, path = ''] of configReference().matchAll(/^\| `([^`]+)` \|/gm)) {
    const parts = path.split('.');
    for (let length = 1; length <= parts.length; length++) {
      const name = parts.slice(0, length).join('.');
      names.add(name);
      names.add(name.replaceAll(/\[\w*\]/g, '[]'));
      names.add(name.replaceAll(/\[\w*\]/g, ''));
      names.add(name.replaceAll(/\[\]/g, '[0]'));
    }
  }
  return names;
}

test('settings: every one that a page names exists', () => {
  const known = knownSettings();
  const groups = [...known].filter((name) => !name.includes('.') && !name.includes('['));
  const events = new Set(documentedEvents());
  let count = 0;
  for (const { path, text } of guides) {
    for (const code of codeSpansOf(text)) {
      const name = /^((?:[a-z_]+(?:\[\w*\])?\.)+[a-z_0-9]+)(?:$|[:=])/.exec(code)?.[1];
      const isOurs = name !== undefined && groups.includes(name.split(/[.[]/)[0] ?? '');
      if (!isOurs || events.has(name) || EMQX_NAMES.includes(name)) continue;
      count++;
      assert.ok(known.has(name), `${path}: ${name}`);
    }
    for (const [, name = ''] of text.matchAll(/\bNATSMQTT_([A-Z_]+)/g)) {
      assert.ok(known.has(name.toLowerCase().replaceAll('__', '.')), `${path}: NATSMQTT_${name}`);
    }
  }
  assert.ok(count > 100, `${count} names`);
});

/** Settings of EMQX, in the page about coming from there, that begin like ours. */
const EMQX_NAMES: readonly string[] = [
  'listeners.tcp',
  'websocket.path',
  'websocket.compress',
  'websocket.check_origins',
];

function assertInvocationExists(invocation: string, path: string): void {
  const shorts = Object.values(FLAGS).map(({ short }) => short);
  const [command = ''] = invocation.split(' ');
  const isKnown = !/^[a-z]/.test(command) || COMMANDS.some((name) => name === command);
  assert.ok(isKnown, `${path}: ${invocation}`);
  for (const [, name = ''] of invocation.matchAll(/(?:^|\s)--([\w-]+)/g))
    assert.ok(name in FLAGS, `${path}: ${invocation}`);
  for (const [, name = ''] of invocation.matchAll(/(?:^|\s)-(\w)\b/g))
    assert.ok(shorts.includes(name), `${path}: ${invocation}`);
}

test('command line: commands and flags that a page names exist', () => {
  const named = guides.flatMap(({ path, text }) =>
    invocationsIn(text).map((invocation) => ({ invocation, path })),
  );
  assert.ok(named.length > 20, `${named.length} invocations`);
  for (const { invocation, path } of named) assertInvocationExists(invocation, path);
});

test('command line: the page about it has all commands and flags, and no others', () => {
  const page = documentationPage('docs/command-line.md');
  const codes = codeSpansOf(page).map((code) => code.split(' ')[0] ?? '');
  for (const [name, { short }] of Object.entries(FLAGS)) {
    assert.ok(codes.includes(`--${name}`), `--${name}`);
    if (short !== undefined) assert.ok(codes.includes(`-${short}`), `-${short}`);
  }
  for (const code of codes) if (code.startsWith('--')) assert.ok(code.slice(2) in FLAGS, code);
  for (const command of COMMANDS) assert.ok(page.includes(`\`nats-mqtt-gateway ${command}`), command);
});

test('exit codes: operations.md lists those that exist, and no page names another', () => {
  const section = /## Exit codes\n(.*?)\n## /s.exec(documentationPage('docs/operations.md'))?.[1] ?? '';
  const listed: number[] = [...section.matchAll(/^\| (\d+) \|/gm)].map(([, code]) => Number(code));
  assert.deepEqual(
    listed,
    Object.values<number>(EXIT).sort((a, b) => a - b),
  );
  for (const { path, text } of guides) {
    for (const [, list = ''] of text.matchAll(/exit codes? ((?:\d+(?:, | and )?)+)/gi)) {
      for (const [code] of list.matchAll(/\d+/g))
        assert.ok(listed.includes(Number(code)), `${path}: ${code}`);
    }
  }
});

/** Events that the source logs, by the ways in which it writes them. */
function loggedEvents(): string[] {
  const found = new Set<string>();
  for (const file of readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.ts') || file.startsWith('dashboard')) continue;
    const source = readFileSync(join(ROOT, 'src', file), 'utf8');
    for (const [, event = ''] of source.matchAll(/(?:\bevent: |#warn\()'([a-z_]+\.[a-z_0-9]+)'/g))
      found.add(event);
    if (!file.endsWith('capability-report.ts')) continue;
    for (const [, id = ''] of source.matchAll(/id: '(\w+)',\s+severity: '(?:warn|error)'/g))
      found.add(`upstream.${id}`);
  }
  return [...found].sort();
}

/** Those in the first cells of the tables in log-events.md. */
function documentedEvents(): string[] {
  const rows = documentationPage('docs/log-events.md').matchAll(/^\| (`[^|]+) \|/gm);
  return [...rows].flatMap(([, cell = '']) => codeSpansOf(cell)).sort();
}

test('log events: log-events.md lists exactly those that the program logs', () => {
  assert.deepEqual(documentedEvents(), loggedEvents());
});

test('metrics: every one that a page names exists', () => {
  const names = METRICS.map(({ name }) => name);
  for (const { path, text } of guides) {
    for (const [name] of text.matchAll(/\bnatsmqtt_\w+/g)) {
      const bare = name.replace(/_(?:bucket|sum|count)$/, '');
      assert.ok(
        names.includes(name) || names.includes(bare) || text.includes(`${name}…`),
        `${path}: ${name}`,
      );
    }
  }
});

test('alerts: operations.md says what to do about each', () => {
  const rules = readFileSync(join(ROOT, 'deploy/prometheus/alerts.yml'), 'utf8');
  const defined = [...rules.matchAll(/alert: (\w+)/g)].map(([, name]) => name).sort();
  const section = /## Alerts\n(.*?)\n## /s.exec(documentationPage('docs/operations.md'))?.[1] ?? '';
  const explained = [...section.matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name).sort();
  assert.deepEqual(explained, defined);
});

test('docs/http.md: names every setting of the HTTP server that says who may do what', () => {
  const page = readFileSync(new URL('../../docs/http.md', import.meta.url), 'utf8');
  for (const name of [
    'users',
    'tokens',
    'open',
    'allowed_hosts',
    'session_idle_timeout',
    'session_timeout',
    'ready_without_broker',
  ])
    assert.match(page, new RegExp(`http\\.${name}\\b`), name);
  const example = /```json\n([\s\S]*?)```/.exec(page)?.[1] ?? '';
  const { http } = loadConfig({
    env: {},
    flags: withoutFiles(JSON.parse(example) as Record<string, unknown>),
  });
  assert.deepEqual([http.users.length, http.tokens.length, http.open], [1, 1, ['probes']]);
});

/** The files of an example are on nobody's disk. */
function withoutFiles(example: Record<string, unknown>): Record<string, unknown> {
  const text = JSON.stringify(example).replace(/"token_file":"[^"]*"/, '"token":"x"');
  return JSON.parse(text) as Record<string, unknown>;
}
