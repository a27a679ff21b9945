/** `/metrics`. */
import type { FastifyInstance } from 'fastify';
import { collectDefaultMetrics, Registry } from 'prom-client';
import type { AdminContext } from '../context.ts';

/** Registers the page; the prefix is the caller's. */
export function addMetrics(app: FastifyInstance, _context: AdminContext): void {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  app.get('/metrics', { config: { access: 'metrics' } }, async (_request, reply) =>
    reply.type(registry.contentType).send(await registry.metrics()),
  );
}
