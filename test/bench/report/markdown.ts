/**
 * docs/performance.md from the report of a run. All figures in it come from that report.
 */
import type { Cell } from '../cell.ts';
import type { CellResult } from '../run-cell.ts';
import type { Machine } from './machine.ts';
import type { Report } from './report.ts';
import { shown } from './table.ts';
import { judge, medianOf, type Outcome, type Verdict } from './verdicts.ts';

const OUTCOMES: Readonly<Record<Outcome, string>> = {
  PASS: 'pass',
  FAIL: '**fail**',
  short: 'not reached',
  none: 'not measured',
};

const INTRODUCTION = `# Performance

Written by \`npm run bench -- --docs FILE\` from the report of one run; do not edit.

**µs/msg** is processor time, user and system, of the measured process per message. It and the ratios between variants
hold from machine to machine far better than rates do. Each round has a warm-up and a window at whose edges the kernel's
accounting is read. The variants of a cell take turns, the figures below are medians over the rounds, and a ratio is the
median of the ratios within each round.

The *stub broker* counts or routes messages and does nothing else. It is needed because Mosquitto takes longer for a
message than the gateway. Every payload carries a number, and a run in which a message is lost, doubled or out
of order fails. A round in which a generator, or the stub broker as router, uses more than 90 % of a core is void.`;

const VARIANTS = `| Variant | What runs |
|---|---|
| \`gateway\` | this gateway with default settings |
| \`gateway-documented\` | the same with \`upstream.fast_path: false\`: MQTT.js's documented API only |
| \`gateway-pooled\` | the same with \`upstream.mode: "pooled"\` |
| \`gateway-plain\` | \`gateway\` without headers |
| \`naive\` | a bridge of 40 lines with nats.js and MQTT.js next to a nats-server, whose cost is shown apart |
| \`nats-server\` | nats-server alone, NATS to NATS |
| \`nats-server-mqtt\` | nats-server with its own MQTT 3.1.1 listener in the place of gateway and broker |`;

const LIMITS = `## What this does not show

- Rates depend on the machine: generators, broker and gateway share its cores. Compare them within a cell only.
- Everything runs on one machine over loopback: no network latency, no packet loss, no TLS.
- One publisher and one subscriber per cell at full load are batched well by every hop. Many clients that each send little
  cost more system calls per message, on any server.
- The stub broker keeps no sessions, retained messages or retries. What a message costs in your broker comes on top, and
  is usually more than what it costs in the gateway.
- Memory is the growth of the resident set, so it includes what the allocator and the garbage collector keep.
- The naive bridge has no back-pressure, no reconnect, no mapping of wildcards, replies or errors: it is what the least
  possible costs with these two libraries.`;

const BUSY = `

The machine was busy with other things: rates, times to answer and start-up times are worse than on an idle one.`;

function row(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}

/** @param texts how many columns from the left hold text; the others hold figures */
function table(header: readonly string[], rows: readonly (readonly string[])[], texts = 1): string {
  const rule = header.map((_, index) => (index < texts ? '---' : '---:'));
  return [row(header), `|${rule.join('|')}|`, ...rows.map(row)].join('\n');
}

/** A cell as it is now, judged by the targets that it has now. */
interface Judged {
  readonly cell: Cell;
  readonly result: CellResult;
  readonly verdicts: readonly Verdict[];
}

function machineText(machine: Machine, { rounds, windowMs, warmUpMs }: Report): string {
  const isBusy = machine.loadAverage > machine.cores / 2;
  const peers = `Mosquitto ${machine.mosquitto}, nats-server ${machine.natsServer}`;
  return `## The run

${machine.date.slice(0, 10)}, gateway ${machine.gateway}, Node.js ${machine.node}, MQTT.js ${machine.mqttJs}, nats.js ${machine.natsJs}, ${peers}.
${machine.cores} cores (${machine.processor}), ${machine.memoryGiB} GB, Linux ${machine.kernel}, load average before the run ${machine.loadAverage.toFixed(1)}.
${rounds} rounds, window ${windowMs} ms, warm-up ${warmUpMs} ms.${isBusy ? BUSY : ''}`;
}

function summary(cells: readonly Judged[]): string {
  const rows = cells.flatMap(({ cell: { name }, verdicts }) =>
    verdicts.map(({ text, value, outcome }) => [name, text, OUTCOMES[outcome], shown(value, 3)]),
  );
  return `## Targets\n\n${table(['Cell', 'Target', '', 'Reached'], rows, 3)}`;
}

function verdictText({ text, values, outcome }: Verdict): string {
  return `- ${OUTCOMES[outcome]}: ${text}; rounds: ${values.map((value) => shown(value, 3)).join(', ')}`;
}

function cellText({ cell, result, verdicts }: Judged): string {
  const [main] = cell.columns;
  const header = ['', ...cell.columns.map(({ title }) => title), `rounds: ${main?.title}`];
  const rows = result.variants.map((variant) => [
    variant.name,
    ...cell.columns.map(({ figure, digits }) => shown(medianOf(variant.rounds, figure), digits)),
    variant.rounds.map((figures) => shown(figures?.[main?.figure ?? ''], main?.digits ?? 0)).join(' '),
  ]);
  const notes = [
    ...result.skipped.map(({ name, reason }) => `- ${name} was not measured: ${reason}`),
    ...result.failures.map((failure) => `- **failed**: ${failure}`),
    ...verdicts.filter(({ values }) => values.length > 0).map(verdictText),
  ];
  return [`### ${result.name}`, result.title, table(header, rows), notes.join('\n')].join('\n\n').trimEnd();
}

/** @returns the text of the file; cells that no longer exist are left out */
export function performanceText(report: Report, cells: readonly Cell[]): string {
  const known = cells.flatMap((cell) => {
    const result = report.cells.find(({ name }) => name === cell.name);
    return result === undefined ? [] : [{ cell, result, verdicts: judge(cell, result) }];
  });
  const parts = [
    INTRODUCTION,
    VARIANTS,
    machineText(report.machine, report),
    summary(known),
    '## Figures',
    ...known.map(cellText),
    LIMITS,
  ];
  return `${parts.join('\n\n')}\n`;
}
