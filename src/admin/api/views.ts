/** Listeners, the way to the broker, certificates, audit: what can only be looked at. */
import type { FastifyInstance } from 'fastify';
import type { CertificateView, ListenerView, UpstreamView } from '../../control/gateway-control.ts';
import type { AuditBody, ItemsBody } from '../api-types.ts';
import type { AdminContext } from '../context.ts';
import { pageQuery, routeSchema } from './route.ts';
import { auditBody, certificateView, itemsBody, listenerView, upstreamView } from './schemas/views.ts';

/** Registers the routes. */
export function addViews(app: FastifyInstance, { control, audit }: AdminContext): void {
  app.get(
    '/listeners',
    {
      schema: routeSchema({
        ...{ tag: 'status', summary: 'Where clients connect' },
        answers: { 200: itemsBody(listenerView) },
      }),
    },
    async (): Promise<ItemsBody<ListenerView>> => ({ items: await control.listeners() }),
  );

  app.get(
    '/upstream',
    {
      schema: routeSchema({
        ...{ tag: 'status', summary: 'The way to the broker, per process, and what the broker can do' },
        answers: { 200: itemsBody(upstreamView) },
      }),
    },
    async (): Promise<ItemsBody<UpstreamView>> => ({ items: await control.upstream() }),
  );

  app.get(
    '/certificates',
    {
      schema: routeSchema({
        ...{ tag: 'status', summary: "The gateway's own certificates" },
        answers: { 200: itemsBody(certificateView) },
      }),
    },
    async (): Promise<ItemsBody<CertificateView>> => ({ items: await control.certificates() }),
  );

  app.get<{ Querystring: { offset: number; limit: number } }>(
    '/audit',
    {
      schema: routeSchema({
        ...{ tag: 'audit', summary: 'Changes, the newest first', querystring: pageQuery() },
        answers: { 200: auditBody },
      }),
    },
    ({ query }): AuditBody => audit.page(query.offset, query.limit),
  );
}
