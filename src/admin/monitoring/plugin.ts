/** The pages that nats-server has under the same paths, and the probes. */
import type { FastifyInstance } from 'fastify';
import type { AdminContext } from '../context.ts';
import { addHealth } from './health.ts';

/** Registers the pages; the prefix is the caller's. */
export function addMonitoring(app: FastifyInstance, context: AdminContext): void {
  addHealth(app, context);
}
