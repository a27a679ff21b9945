/** Metrics of the gateway itself: its processes, its configuration, its certificates. */

import { totalOf } from '../process-usage.ts';
import { reasonsOfUnreadiness } from '../unreadiness.ts';
import { counter, gauge, type MetricDefinition } from './definition.ts';
import { only, type Sample, type Scrape } from './scrape.ts';

const MS_PER_SECOND = 1000;

/** One sample per process that serves clients. */
function perWorker(
  { overview }: Scrape,
  of: (worker: Scrape['overview']['workers'][number]) => number,
): Sample[] {
  return overview.workers.map((worker) => ({ labels: { worker: worker.worker }, value: of(worker) }));
}

function reloads({ context }: Scrape): Sample[] {
  const history = context.reloads?.history;
  return [
    { labels: { result: 'success' }, value: history?.succeeded ?? 0 },
    { labels: { result: 'failure' }, value: history?.failed ?? 0 },
  ];
}

function eventLoopLag({ overview }: Scrape): Sample[] {
  return overview.workers.flatMap(({ worker, process: { eventLoop } }) => [
    { labels: { worker, percentile: '50' }, value: eventLoop.p50Ms / MS_PER_SECOND },
    { labels: { worker, percentile: '99' }, value: eventLoop.p99Ms / MS_PER_SECOND },
    { labels: { worker, percentile: '100' }, value: eventLoop.maxMs / MS_PER_SECOND },
  ]);
}

/** See the head of this file. */
export const GATEWAY_METRICS: readonly MetricDefinition[] = [
  gauge('natsmqtt_build_info', 'Always 1; the labels say what runs.', ['version', 'node'], ({ context }) => [
    { labels: { version: context.control.identity.version, node: process.versions.node }, value: 1 },
  ]),
  gauge(
    'natsmqtt_ready',
    'Whether clients would be served now: 1, or 0 as `/readyz` explains.',
    [],
    ({ readiness, listeners, context }) =>
      only(reasonsOfUnreadiness(readiness, listeners, context).length === 0 ? 1 : 0),
  ),
  gauge(
    'natsmqtt_start_time_seconds',
    'When the gateway was started, in seconds since 1970.',
    [],
    ({ context }) => only(context.control.identity.startMs / MS_PER_SECOND),
  ),
  gauge('natsmqtt_lame_duck', 'Whether clients are sent elsewhere before a stop.', [], ({ readiness }) =>
    only(readiness.isLameDuck ? 1 : 0),
  ),
  gauge(
    'natsmqtt_workers',
    'Processes that serve clients, those that answer and those that do not.',
    ['state'],
    ({ overview: { workers } }) => {
      const current = workers.filter(({ isCurrent }) => isCurrent).length;
      return [
        { labels: { state: 'current' }, value: current },
        { labels: { state: 'absent' }, value: workers.length - current },
      ];
    },
  ),
  counter(
    'natsmqtt_worker_restarts_total',
    'How often a process that had ended was replaced.',
    ['worker'],
    (from) => perWorker(from, ({ restarts }) => restarts),
  ),
  gauge('natsmqtt_worker_connections', 'NATS clients that are connected, by process.', ['worker'], (from) =>
    perWorker(from, ({ connections }) => connections),
  ),
  gauge('natsmqtt_worker_resident_memory_bytes', 'Resident memory, by process.', ['worker'], (from) =>
    perWorker(from, ({ process: { residentBytes } }) => residentBytes),
  ),
  gauge(
    'natsmqtt_worker_heap_used_bytes',
    'Used part of the JavaScript heap, by process.',
    ['worker'],
    (from) => perWorker(from, ({ process: { heapUsedBytes } }) => heapUsedBytes),
  ),
  counter('natsmqtt_worker_cpu_seconds_total', 'Processor time, by process.', ['worker'], (from) =>
    perWorker(from, ({ process: { cpuSeconds } }) => cpuSeconds),
  ),
  gauge(
    'natsmqtt_worker_event_loop_lag_seconds',
    'How late the event loop was within the last minute, by process.',
    ['worker', 'percentile'],
    eventLoopLag,
  ),
  gauge('natsmqtt_resident_memory_bytes', 'Resident memory of all processes together.', [], ({ overview }) =>
    only(totalOf(overview).memoryBytes),
  ),
  counter('natsmqtt_config_reloads_total', 'Reloads of the configuration.', ['result'], reloads),
  gauge(
    'natsmqtt_config_last_reload_success',
    'Whether the last reload of the configuration was taken over; 1 before the first one.',
    [],
    ({ context }) => only(context.reloads?.history.last?.isSuccess === false ? 0 : 1),
  ),
  gauge(
    'natsmqtt_tls_cert_not_after_seconds',
    'When a certificate of the gateway expires, in seconds since 1970, by the setting it belongs to.',
    ['setting'],
    ({ certificates }) =>
      certificates.map(({ path, notAfterMs }) => ({
        labels: { setting: path },
        value: notAfterMs / MS_PER_SECOND,
      })),
  ),
];
