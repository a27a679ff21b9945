/** Metrics of the clients' side. */
import type { CloseReason } from '../../close-reason.ts';
import { counter, gauge, histogram, type MetricDefinition } from './definition.ts';
import { byName, groupIn, numberIn, only, type Sample, type Scrape } from './scrape.ts';

/** Close reasons in the few words of a label. */
const DISCONNECT_REASONS: Readonly<Record<CloseReason, string>> = {
  'Client Closed': 'client',
  'Authentication Timeout': 'auth_timeout',
  'Authentication Failure': 'auth_failure',
  'Authentication Expired': 'auth_expired',
  'Credentials Revoked': 'auth_revoked',
  'TLS Handshake Failure': 'tls',
  'Slow Consumer (Pending Bytes)': 'slow_consumer',
  'Slow Consumer (Write Deadline)': 'slow_consumer',
  'Write Error': 'network',
  'Read Error': 'network',
  'Parse Error': 'protocol_error',
  'Stale Connection': 'stale',
  'Protocol Violation': 'protocol_error',
  'Bad Client Protocol Version': 'protocol_error',
  'No Responders Requires Headers': 'protocol_error',
  'Maximum Connections Exceeded': 'max_connections',
  'Maximum Message Payload Exceeded': 'max_payload',
  'Maximum Control Line Exceeded': 'protocol_error',
  'Maximum Subscriptions Exceeded': 'max_subscriptions',
  'Server Shutdown': 'shutdown',
  Kicked: 'kicked',
  'Idle Timeout': 'idle',
  'Broker Unavailable': 'upstream',
  'Broker Refused': 'upstream',
  'Broker Closed Session': 'upstream',
  'Internal Error': 'internal',
};

function reasonLabel(reason: string): string {
  return (DISCONNECT_REASONS as Readonly<Record<string, string>>)[reason] ?? 'other';
}

/** `tcp` and `ws` say how bytes come; that they are encrypted is the listener's business. */
function labelsOf({ name, type }: Scrape['listeners'][number]): { listener: string; transport: string } {
  return { listener: name, transport: type };
}

/** Samples of every listener that has counted anything, those that are gone included. */
function perListener(
  { overview }: Scrape,
  samples: (counters: ReturnType<typeof groupIn>, listener: string) => readonly Sample[],
): Sample[] {
  const listeners = groupIn(overview.counters, 'listeners');
  return Object.keys(listeners).flatMap((name) => samples(groupIn(listeners, name), name));
}

function disconnects(counters: ReturnType<typeof groupIn>, listener: string): Sample[] {
  const sums = new Map<string, number>();
  for (const [reason, count] of Object.entries(groupIn(counters, 'closed'))) {
    const label = reasonLabel(reason);
    sums.set(label, (sums.get(label) ?? 0) + (typeof count === 'number' ? count : 0));
  }
  return [...sums].map(([reason, value]) => ({ labels: { listener, reason }, value }));
}

function messages(counters: ReturnType<typeof groupIn>, listener: string): Sample[] {
  return (['In', 'Out'] as const).flatMap((suffix) => {
    const direction = suffix.toLowerCase();
    const all = numberIn(counters, `messages${suffix}`);
    const withHeaders = numberIn(counters, `messages${suffix}WithHeaders`);
    return [
      { labels: { listener, direction, headers: 'false' }, value: all - withHeaders },
      { labels: { listener, direction, headers: 'true' }, value: withHeaders },
    ];
  });
}

/** Answers of `auth-counters.ts` by the words of the label. */
const ANSWERS: Readonly<Record<string, string>> = {
  accepted: 'accept',
  rejected: 'reject',
  skipped: 'skip',
  failed: 'error',
  timedOut: 'timeout',
  busy: 'busy',
};

function authRequests({ overview }: Scrape): Sample[] {
  return Object.entries(groupIn(overview.counters, 'auth')).flatMap(([name, value]) => {
    const [authenticator = '', answer = ''] = name.split('.');
    const result = ANSWERS[answer];
    return result === undefined || typeof value !== 'number'
      ? []
      : [{ labels: { authenticator, result }, value }];
  });
}

function authCached({ overview }: Scrape): Sample[] {
  return Object.entries(groupIn(overview.counters, 'auth')).flatMap(([name, value]) => {
    const [authenticator = '', answer] = name.split('.');
    return answer === 'cached' && typeof value === 'number' ? [{ labels: { authenticator }, value }] : [];
  });
}

/** See the head of this file. */
export const CLIENT_METRICS: readonly MetricDefinition[] = [
  gauge(
    'natsmqtt_client_connections',
    'NATS clients that are connected.',
    ['listener', 'transport'],
    ({ listeners }) => listeners.map((one) => ({ labels: labelsOf(one), value: one.connections })),
  ),
  counter(
    'natsmqtt_client_connections_total',
    'Connections of NATS clients that were accepted.',
    ['listener', 'transport'],
    ({ listeners }) => listeners.map((one) => ({ labels: labelsOf(one), value: one.accepted })),
  ),
  counter(
    'natsmqtt_client_connections_rejected_total',
    'Connections that were turned away before they had a session, by reason.',
    ['listener', 'reason'],
    (from) =>
      perListener(from, (counters, listener) =>
        byName(groupIn(counters, 'rejected'), 'reason', { listener }),
      ),
  ),
  counter(
    'natsmqtt_client_disconnects_total',
    'Connections that ended, by reason.',
    ['listener', 'reason'],
    (from) => perListener(from, disconnects),
  ),
  counter(
    'natsmqtt_client_messages_total',
    'Messages from clients (in) and to clients (out), with and without NATS headers.',
    ['listener', 'direction', 'headers'],
    (from) => perListener(from, messages),
  ),
  counter(
    'natsmqtt_client_bytes_total',
    'Bytes of headers and payloads from clients (in) and to clients (out).',
    ['listener', 'direction'],
    (from) =>
      perListener(from, (counters, listener) => [
        { labels: { listener, direction: 'in' }, value: numberIn(counters, 'bytesIn') },
        { labels: { listener, direction: 'out' }, value: numberIn(counters, 'bytesOut') },
      ]),
  ),
  counter(
    'natsmqtt_client_ops_total',
    'Operations of the NATS protocol from clients (in) and to clients (out).',
    ['direction', 'op'],
    ({ overview }) =>
      ['in', 'out'].flatMap((direction) =>
        byName(groupIn(overview.counters, 'operations', direction), 'op', { direction }),
      ),
  ),
  counter(
    'natsmqtt_client_errors_total',
    'Errors that clients were told, by code.',
    ['code'],
    ({ overview }) => byName(groupIn(overview.counters, 'errors'), 'code'),
  ),
  gauge('natsmqtt_client_pending_bytes', 'Bytes that wait for slow clients.', [], ({ overview }) =>
    only(overview.pendingBytes),
  ),
  gauge(
    'natsmqtt_client_pending_limit_bytes',
    'How many bytes may wait for all slow clients together (`max_total_pending`).',
    [],
    ({ context }) => only(context.control.config.maxTotalPendingBytes),
  ),
  gauge(
    'natsmqtt_subscriptions',
    'Subscriptions of clients, plain ones and those in queue groups.',
    ['kind'],
    ({ overview: { subscriptions } }) => [
      { labels: { kind: 'plain' }, value: subscriptions.plain },
      { labels: { kind: 'queue' }, value: subscriptions.queue },
    ],
  ),
  counter(
    'natsmqtt_slow_consumers_total',
    'Clients that were cut off because too much waited for them (pending) or for too long (deadline).',
    ['cause'],
    ({ overview: { counters } }) => [
      { labels: { cause: 'pending' }, value: numberIn(counters, 'slowConsumersPending') },
      { labels: { cause: 'deadline' }, value: numberIn(counters, 'slowConsumersDeadline') },
    ],
  ),
  counter(
    'natsmqtt_auth_requests_total',
    'Answers of the methods of authentication.',
    ['authenticator', 'result'],
    authRequests,
  ),
  counter(
    'natsmqtt_auth_cached_total',
    'Answers of the methods of authentication that were remembered; each is also counted as what it said.',
    ['authenticator'],
    authCached,
  ),
  counter('natsmqtt_auth_denied_total', 'Clients that no method accepted.', [], ({ overview }) =>
    only(numberIn(overview.counters, 'auth', 'denied')),
  ),
  histogram(
    'natsmqtt_auth_duration_seconds',
    'Time that a method of authentication took to answer, waiting for a turn included; remembered answers are left out.',
    ['authenticator'],
    ({ overview }) =>
      Object.entries(groupIn(overview.counters, 'auth')).flatMap(([name, snapshot]) => {
        const [authenticator = '', what] = name.split('.');
        return what === 'duration' && typeof snapshot === 'object'
          ? [{ labels: { authenticator }, snapshot }]
          : [];
      }),
  ),
];
