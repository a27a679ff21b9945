/**
 * Probes: `/livez` (this process answers), `/readyz` (clients would be served now), `/healthz` (the same in nats-server's
 * form).
 */
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { AdminContext } from '../context.ts';
import { reasonsOfUnreadiness } from '../unreadiness.ts';
import { Parameters } from './go-format.ts';
import { sendJson } from './send-json.ts';

const config = { access: 'probes' } as const;

/** Parameters that only make a difference where there is JetStream. */
const HEALTH_PARAMETERS = ['js-enabled-only', 'js-enabled', 'js-server-only'];

/** Registers the probes. @param onHealthz called with each request for that page */
export function addHealth(app: FastifyInstance, context: AdminContext, onHealthz: () => void): void {
  const { control } = context;
  const unreadiness = async (): Promise<readonly string[]> => {
    const [readiness, listeners] = await Promise.all([control.readiness(), control.listeners()]);
    return reasonsOfUnreadiness(readiness, listeners, context);
  };

  app.get('/livez', { config }, (_request, reply) => answer(reply, 200, { status: 'ok' }));

  app.get('/readyz', { config }, async (_request, reply) => {
    const reasons = await unreadiness();
    return reasons.length === 0
      ? answer(reply, 200, { status: 'ok' })
      : answer(reply, 503, { status: 'unavailable', reasons });
  });

  app.get('/healthz', { config }, async (request, reply) => {
    onHealthz();
    const parameters = new Parameters(request.query);
    for (const name of HEALTH_PARAMETERS) parameters.boolean(name);
    const reasons = await unreadiness();
    return reasons.length === 0
      ? answer(reply, 200, { status: 'ok' })
      : answer(reply, 503, { status: 'unavailable', error: reasons.join('; ') });
  });
}

/** As nats-server writes it: on one line, unlike its other pages. */
function answer(reply: FastifyReply, status: number, body: object): FastifyReply {
  return sendJson(reply.status(status), JSON.stringify(body));
}
