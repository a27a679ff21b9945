/** Every metric of the gateway. What is not here does not exist; `docs/metrics.md` is made of it. */
import { CLIENT_METRICS } from './client-metrics.ts';
import type { MetricDefinition } from './definition.ts';
import { GATEWAY_METRICS } from './gateway-metrics.ts';
import { UPSTREAM_METRICS } from './upstream-metrics.ts';

/** By the heading they stand under in the documentation. */
export const METRIC_GROUPS: readonly (readonly [title: string, metrics: readonly MetricDefinition[]])[] = [
  ['Gateway', GATEWAY_METRICS],
  ['NATS clients', CLIENT_METRICS],
  ['Messages and MQTT broker', UPSTREAM_METRICS],
];

/** All in the order in which they are written. */
export const METRICS: readonly MetricDefinition[] = METRIC_GROUPS.flatMap(([, metrics]) => metrics);
