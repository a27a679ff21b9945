/** Metrics of what crosses, and of the broker's side. */
import { DROP_REASONS } from '../../metrics/counters.ts';
import { counter, gauge, histogram, type MetricDefinition } from './definition.ts';
import { byName, groupIn, numberIn, only, type Sample, type Scrape } from './scrape.ts';

/** By direction and QoS; `out` is to the broker. */
function perQoS({ overview }: Scrape, what: 'messages' | 'bytes'): Sample[] {
  return ['in', 'out'].flatMap((direction) =>
    byName(groupIn(overview.counters, 'upstream', what, direction), 'qos', { direction }),
  );
}

function connects({ overview: { counters } }: Scrape): Sample[] {
  const failures = byName(groupIn(counters, 'upstream', 'connectFailures'), 'result');
  return [{ labels: { result: 'success' }, value: numberIn(counters, 'upstreamConnects') }, ...failures];
}

/** See the head of this file. */
export const UPSTREAM_METRICS: readonly MetricDefinition[] = [
  gauge(
    'natsmqtt_upstream_up',
    'Processes from which the broker could be reached when it was last needed (up), could not (down), or that have not needed it yet (unknown).',
    ['state'],
    ({ upstream }) =>
      ['up', 'down', 'unknown'].map((state) => ({
        labels: { state },
        value: upstream.filter((one) => one.state === state).length,
      })),
  ),
  gauge('natsmqtt_upstream_sessions', 'MQTT sessions that are connected.', [], ({ overview }) =>
    only(overview.upstream.sessions),
  ),
  gauge('natsmqtt_upstream_clients', 'NATS clients with a way to the broker.', [], ({ overview }) =>
    only(overview.upstream.clients),
  ),
  gauge(
    'natsmqtt_upstream_filters',
    'Topic filters that are subscribed to, each counted once per session.',
    [],
    ({ overview }) => only(overview.upstream.filters),
  ),
  gauge(
    'natsmqtt_upstream_inflight',
    'Publications that wait for the acknowledgement of the broker.',
    [],
    ({ overview }) => only(overview.upstream.unacknowledged),
  ),
  gauge(
    'natsmqtt_upstream_waiting',
    'Clients and changes that wait for a barrier, or in line for their turn to publish.',
    [],
    ({ overview }) => only(overview.upstream.waiting),
  ),
  counter(
    'natsmqtt_upstream_connects_total',
    'Attempts to open an MQTT session; a failure by the reason code of the broker, or `lost`.',
    ['result'],
    connects,
  ),
  counter(
    'natsmqtt_upstream_disconnects_total',
    'MQTT sessions that ended by themselves, by the reason code of the broker, or `lost`.',
    ['reason_code'],
    ({ overview }) => byName(groupIn(overview.counters, 'upstream', 'disconnects'), 'reason_code'),
  ),
  counter(
    'natsmqtt_upstream_subscribe_failures_total',
    'Subscriptions that the broker refused, by reason code.',
    ['reason_code'],
    ({ overview }) => byName(groupIn(overview.counters, 'upstream', 'subscribeFailures'), 'reason_code'),
  ),
  counter(
    'natsmqtt_upstream_messages_total',
    'Messages from the broker (in) and to the broker (out); those that are sent again count again.',
    ['direction', 'qos'],
    (from) => perQoS(from, 'messages'),
  ),
  counter(
    'natsmqtt_upstream_bytes_total',
    'Bytes of payloads from the broker (in) and to the broker (out).',
    ['direction', 'qos'],
    (from) => perQoS(from, 'bytes'),
  ),
  counter(
    'natsmqtt_upstream_republished_total',
    'Publications that were sent again after a session was lost.',
    [],
    ({ overview }) => only(numberIn(overview.counters, 'upstreamRepublished')),
  ),
  histogram(
    'natsmqtt_upstream_publish_duration_seconds',
    'Time from a publication with QoS 1 to the acknowledgement of the broker, of a sample.',
    [],
    ({ overview }) => [{ labels: {}, snapshot: groupIn(overview.counters, 'upstream', 'publishDuration') }],
  ),
  histogram(
    'natsmqtt_upstream_round_trip_duration_seconds',
    'Time until a message of the gateway itself has come back from the broker, or a PINGREQ was answered: with each PING of a client, and whatever else waits for it.',
    [],
    ({ overview }) => [{ labels: {}, snapshot: groupIn(overview.counters, 'upstream', 'roundTrips') }],
  ),
  counter(
    'natsmqtt_messages_dropped_total',
    'Messages, or parts of one such as a header, that were not passed on, by reason.',
    ['reason'],
    // All of them from the start: Prometheus cannot see that a counter grows that was not there before.
    ({ overview }) =>
      DROP_REASONS.map((reason) => ({
        labels: { reason },
        value: numberIn(overview.counters, 'dropped', reason),
      })),
  ),
  counter(
    'natsmqtt_topic_escapes_total',
    'Messages whose name needed an escape to cross, to the broker (out) and from it (in).',
    ['direction'],
    ({ overview: { counters } }) => [
      { labels: { direction: 'out' }, value: numberIn(counters, 'topicEscapesOut') },
      { labels: { direction: 'in' }, value: numberIn(counters, 'topicEscapesIn') },
    ],
  ),
  counter(
    'natsmqtt_requests_total',
    'Messages with a reply subject, from clients (nats_mqtt) and to clients (mqtt_nats).',
    ['direction'],
    ({ overview: { counters } }) => [
      { labels: { direction: 'nats_mqtt' }, value: numberIn(counters, 'requestsIn') },
      { labels: { direction: 'mqtt_nats' }, value: numberIn(counters, 'requestsOut') },
    ],
  ),
  counter(
    'natsmqtt_no_responders_total',
    'Requests of clients that were told that nobody listens.',
    [],
    ({ overview }) => only(numberIn(overview.counters, 'noResponders')),
  ),
];
