/** The admin API. */
import type { FastifyInstance } from 'fastify';
import type { AuditBody } from '../api-types.ts';
import type { AdminContext } from '../context.ts';

const PAGE_SCHEMA = {
  type: 'object',
  additionalProperties: false,
  properties: {
    offset: { type: 'integer', minimum: 0, default: 0 },
    limit: { type: 'integer', minimum: 1, maximum: 1000, default: 50 },
  },
} as const;

/** Registers all routes but those of the session; the prefix `/api/v1` is the caller's. */
export async function addApi(app: FastifyInstance, context: AdminContext): Promise<void> {
  app.get<{ Querystring: { offset: number; limit: number } }>(
    '/audit',
    { schema: { tags: ['audit'], summary: 'Changes, the newest first', querystring: PAGE_SCHEMA } },
    ({ query }): AuditBody => context.audit.page(query.offset, query.limit),
  );
}
