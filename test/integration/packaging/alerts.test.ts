/** Prometheus takes the alert rules, and they fire when they should, in its own words; HAProxy takes its configuration. */
import assert from 'node:assert/strict';
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

test('HAProxy: its configuration is valid', () =>
  run(PROGRAMS.haproxy, ['-c', '-f', `${DEPLOY}/compose/haproxy.cfg`]));
