/** The pages that nats-server has under the same paths, and the probes. */
import type { FastifyInstance } from 'fastify';
import type { AdminContext } from '../context.ts';
import { ABSENT_PAGES } from './absent.ts';
import { accountz, accstatz } from './accounts.ts';
import { connz } from './connz.ts';
import { goJson, Parameters } from './go-format.ts';
import { addHealth } from './health.ts';
import { sendJson } from './send-json.ts';
import { subsz } from './subsz.ts';
import { varz } from './varz.ts';

type Page = (context: AdminContext, parameters: Parameters) => Promise<object> | object;

/** Registers the pages; the prefix is the caller's. */
export function addMonitoring(app: FastifyInstance, context: AdminContext): void {
  const requests = new Map<string, number>();
  const pages: Readonly<Record<string, Page>> = {
    varz: () => varz(context, requests),
    connz,
    subsz,
    subscriptionsz: subsz,
    accountz,
    accstatz,
    ...ABSENT_PAGES,
  };
  for (const [path, page] of Object.entries(pages)) {
    // Both spellings of the one page are counted as one.
    const counted = path === 'subscriptionsz' ? '/subsz' : `/${path}`;
    app.get(`/${path}`, { config: { access: 'monitoring' } }, async (request, reply) => {
      requests.set(counted, (requests.get(counted) ?? 0) + 1);
      const body = await page(context, new Parameters(request.query));
      // As nats-server does: pages of others may read them, but never with somebody's credentials.
      reply.headers({ 'access-control-allow-origin': '*', 'cross-origin-resource-policy': 'cross-origin' });
      return sendJson(reply, goJson(body));
    });
  }
  addHealth(app, context, () => requests.set('/healthz', (requests.get('/healthz') ?? 0) + 1));
}
