/** Alerts and dashboard speak of metrics that exist, with labels that they have. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parse } from 'yaml';
import { METRICS } from '../../../src/admin/metrics/table.ts';

const DEPLOY = new URL('../../../deploy/', import.meta.url);
const ALERTS = readFileSync(new URL('prometheus/alerts.yml', DEPLOY), 'utf8');
const DASHBOARD = readFileSync(new URL('grafana/dashboards/nats-mqtt-gateway.json', DEPLOY), 'utf8');
/** Set by Prometheus, not by the gateway. */
const LABELS_OF_PROMETHEUS = ['job', 'instance'];

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
}

interface Dashboard {
  readonly uid: string;
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly definition?: string }[] };
}

const dashboard = JSON.parse(DASHBOARD) as Dashboard;
const expressions = dashboard.panels.flatMap(({ targets = [] }) => targets);
const alerts = (
  parse(ALERTS) as { groups: { rules: { alert: string; expr: string; annotations: object }[] }[] }
).groups.flatMap(({ rules }) => rules);

/** Names of the gateway's metrics in a text, those of histograms without what PromQL adds to them. */
function metricsIn(text: string): { name: string; selector: string }[] {
  return [...text.matchAll(/\b(natsmqtt_\w+)(?:\{([^}]*)\})?/g)].map(([, written = '', selector = '']) => {
    const bare = written.replace(/_(?:bucket|sum|count)$/, '');
    const isHistogram = METRICS.some(({ name, type }) => name === bare && type === 'histogram');
    return { name: isHistogram ? bare : written, selector };
  });
}

/** Labels that an expression filters by or keeps. */
function assertLabelsExist(expression: string, where: string): void {
  const metrics = metricsIn(expression);
  const known = metrics.map(({ name }) => METRICS.find((metric) => metric.name === name)?.labels ?? []);
  for (const [i, { name, selector }] of metrics.entries()) {
    for (const [, label = ''] of selector.matchAll(/(\w+)\s*(?:=~|!=|!~|=)/g)) {
      const isKnown = LABELS_OF_PROMETHEUS.includes(label) || known[i]?.includes(label);
      assert.ok(isKnown, `${where}: ${name} has no label ${label}`);
    }
  }
  const available = [...LABELS_OF_PROMETHEUS, 'le', ...known.flat()];
  for (const [, list = ''] of expression.matchAll(/\bby \(([^)]*)\)/g)) {
    for (const label of list.split(/,\s*/))
      assert.ok(available.includes(label), `${where}: no label ${label}`);
  }
}

test('alerts and dashboard: name only metrics that exist', () => {
  const names = new Set(METRICS.map(({ name }) => name));
  const used = [...metricsIn(ALERTS), ...metricsIn(DASHBOARD)];
  assert.ok(used.length > 60, `${used.length} found`);
  for (const { name } of used) assert.ok(names.has(name), name);
});

test('dashboard: shows every metric except those that only label or repeat', () => {
  const used = new Set(metricsIn(DASHBOARD).map(({ name }) => name));
  const left = METRICS.map(({ name }) => name).filter((name) => !used.has(name));
  assert.deepEqual(left, [
    'natsmqtt_lame_duck',
    'natsmqtt_worker_resident_memory_bytes',
    'natsmqtt_config_reloads_total',
  ]);
});

test('alerts and dashboard: use only labels that the metrics have', () => {
  for (const { alert, expr } of alerts) assertLabelsExist(expr, alert);
  for (const { title, targets = [] } of dashboard.panels) {
    for (const { expr, legendFormat } of targets) {
      assertLabelsExist(expr, title);
      // Percentages and legends can only show what the expression keeps.
      const kept = /\bby \(([^)]*)\)/.exec(expr)?.[1]?.split(/,\s*/);
      for (const [, label = ''] of legendFormat.matchAll(/\{\{(\w+)\}\}/g)) {
        if (kept !== undefined) assert.ok(kept.includes(label), `${title}: ${label}`);
      }
    }
  }
});

test('dashboard: has a fixed uid, the variables that its queries use, and panels that do not overlap', () => {
  assert.equal(dashboard.uid, 'nats-mqtt-gateway');
  const variables = dashboard.templating.list.map(({ name }) => name);
  assert.deepEqual(variables, ['datasource', 'job', 'instance', 'listener']);
  for (const { expr } of expressions) assert.match(expr, /job=~"\$job",instance=~"\$instance"/, expr);
  for (const [, name = ''] of DASHBOARD.matchAll(/\$\{?(\w+)\}?/g))
    assert.ok([...variables, '__all', '__rate_interval'].includes(name), name);
  assert.deepEqual(
    dashboard.panels.filter(({ type }) => type === 'row').map(({ title }) => title),
    ['Overview', 'Clients', 'Translation', 'Upstream', 'Authentication', 'Process'],
  );
  const cells = new Set<string>();
  for (const { title, gridPos } of dashboard.panels) {
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
        assert.ok(x < 24 && !cells.has(`${x},${y}`), title);
        cells.add(`${x},${y}`);
      }
    }
  }
  assert.equal(new Set(dashboard.panels.map(({ id }) => id)).size, dashboard.panels.length);
});

test('alerts: each says what is wrong and where; the Helm chart has the same', () => {
  assert.equal(new Set(alerts.map(({ alert }) => alert)).size, alerts.length);
  for (const { alert, annotations } of alerts) {
    assert.match(JSON.stringify(annotations), /"summary":".*\$labels\.instance.*"description":/, alert);
  }
  assert.equal(readFileSync(new URL('helm/nats-mqtt-gateway/alerts.yml', DEPLOY), 'utf8'), ALERTS);
});
