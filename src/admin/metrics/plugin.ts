/** `/metrics`, in the format of Prometheus. */
import type { FastifyInstance } from 'fastify';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { GatewayError } from '../../errors.ts';
import type { AdminContext } from '../context.ts';
import { copiedMetric } from './copied-metric.ts';
import { type Scrape, scrape } from './scrape.ts';
import { METRICS } from './table.ts';

/** Gauges with the names of counters, of which there are others with right names; checkers complain of them. */
const MISNAMED = [
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
  'nodejs_active_resources_total',
];

/** Registers the page; the prefix is the caller's. */
export function addMetrics(app: FastifyInstance, context: AdminContext): void {
  const registry = new Registry();
  let latest: Scrape | null = null;
  const current = (): Scrape => {
    if (latest === null)
      throw new GatewayError('GW_INTERNAL', 'metrics are written before they were asked for');
    return latest;
  };
  for (const definition of METRICS) registry.registerMetric(copiedMetric(definition, current));
  // Of this process: `process_…` and `nodejs_…`.
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 20 });
  for (const name of MISNAMED) registry.removeSingleMetric(name);
  app.get('/metrics', { config: { access: 'metrics' } }, async (_request, reply) => {
    latest = await scrape(context);
    return reply.type(registry.contentType).send(await registry.metrics());
  });
}
