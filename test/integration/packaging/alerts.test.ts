/**
 * Prometheus takes the alert rules, which fire when they should, and the queries of the dashboard; HAProxy takes its
 * configuration.
 */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ManagedProcess, PROGRAMS, type Program, requireProgram } from '../../support/processes.ts';

const DEPLOY = fileURLToPath(new URL('../../../deploy', import.meta.url));

async function run(program: Program, args: readonly string[]): Promise<void> {
  const child = new ManagedProcess({ path: requireProgram(program), args });
  const { code } = await child.exited;
  assert.equal(code, 0, `${args.join(' ')}:\n${child.stdout}${child.stderr}`);
}

test('alerts: are valid rules, and fire when they should', async () => {
  await run(PROGRAMS.promtool, ['check', 'rules', `${DEPLOY}/prometheus/alerts.yml`]);
  await run(PROGRAMS.promtool, ['test', 'rules', `${DEPLOY}/prometheus/alerts.test.yml`]);
});

test('Prometheus: its configuration is valid', () =>
  run(PROGRAMS.promtool, ['check', 'config', `${DEPLOY}/prometheus/prometheus.yml`]));

interface Dashboard {
  readonly panels: readonly { readonly targets?: readonly { readonly expr: string }[] }[];
}

test('dashboard: Prometheus understands every query', async () => {
  const text = await readFile(`${DEPLOY}/grafana/dashboards/nats-mqtt-gateway.json`, 'utf8');
  const { panels } = JSON.parse(text) as Dashboard;
  const rules = panels
    .flatMap(({ targets = [] }) => targets)
    .map(({ expr }, i) => ({ record: `query_${i}`, expr: expr.replaceAll('$__rate_interval', '1m') }));
  assert.ok(rules.length > 40);
  const folder = await mkdtemp(join(tmpdir(), 'nmg-rules-'));
  try {
    const file = join(folder, 'queries.yml');
    // JSON is YAML.
    await writeFile(file, JSON.stringify({ groups: [{ name: 'dashboard', rules }] }));
    await run(PROGRAMS.promtool, ['check', 'rules', '--lint=none', file]);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('HAProxy: its configuration is valid', () =>
  run(PROGRAMS.haproxy, ['-c', '-f', `${DEPLOY}/compose/haproxy.cfg`]));
