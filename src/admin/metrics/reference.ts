/** Renders the table of metrics as docs/metrics.md. Pure: the same table gives the same text. */
import { METRIC_GROUPS } from './table.ts';

/** Markdown. */
export function metricsReference(): string {
  const sections = METRIC_GROUPS.flatMap(([title, metrics]) => [
    `## ${title}`,
    '',
    '| Metric | Type | Labels | Meaning |',
    '|---|---|---|---|',
    ...metrics.map(({ name, type, labels, help }) => {
      const shown = labels.map((label) => `\`${label}\``).join(', ');
      return `| \`${name}\` | ${type} | ${shown} | ${help} |`;
    }),
    '',
  ]);
  return [
    '# Metrics',
    '',
    '`/metrics` of the HTTP server (`http.bind`, by default `127.0.0.1:8222`) gives them in the text format of Prometheus. With',
    'several workers, each is the sum over all processes, unless it has the label `worker`. Counters go on when a worker is',
    'replaced. Labels take few values: there is none for clients, users, subjects, topics or addresses; `/connz` and the dashboard',
    'show those.',
    '',
    'Besides those of the tables there are `process_…` and `nodejs_…`, of the process that serves this page: the only one, or',
    'the primary of several workers.',
    '',
    'This page is made from the program by `npm run docs`.',
    '',
    ...sections,
  ]
    .join('\n')
    .replace(/\n+$/, '\n');
}
