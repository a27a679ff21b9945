/**
 * Probes: `/livez` (this process answers), `/readyz` (clients would be served now), `/healthz` (the same in nats-server's
 * form).
 */
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { AdminContext } from '../context.ts';

const config = { access: 'probes' } as const;

/** Registers the probes. */
export function addHealth(app: FastifyInstance, { control, http }: AdminContext): void {
  app.get('/livez', { config }, (_request, reply) => answer(reply, 200, { status: 'ok' }));

  app.get('/readyz', { config }, async (_request, reply) => {
    const reasons = await reasonsOfUnreadiness({ control, http });
    return reasons.length === 0
      ? answer(reply, 200, { status: 'ok' })
      : answer(reply, 503, { status: 'unavailable', reasons });
  });

  app.get('/healthz', { config }, async (_request, reply) => {
    const reasons = await reasonsOfUnreadiness({ control, http });
    return reasons.length === 0
      ? answer(reply, 200, { status: 'ok' })
      : answer(reply, 503, { status: 'unavailable', error: reasons.join('; ') });
  });
}

/** Empty: it is ready. */
async function reasonsOfUnreadiness({
  control,
  http,
}: Pick<AdminContext, 'control' | 'http'>): Promise<readonly string[]> {
  const [{ isReady, reasons }, listeners] = await Promise.all([control.readiness(), control.listeners()]);
  if (!isReady && !http().readyWithoutBroker) return reasons;
  const notBroker = reasons.filter((reason) => !reason.startsWith('the broker '));
  const isListening = listeners.every(({ state }) => state === 'listening');
  return isListening || notBroker.length > 0 ? notBroker : ['not all listeners are open'];
}

/** As nats-server writes it: on one line, unlike its other pages. */
function answer(reply: FastifyReply, status: number, body: object): FastifyReply {
  return reply.status(status).type('application/json').send(JSON.stringify(body));
}
