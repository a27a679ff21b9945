/** `GET /status`: the state of everything at one moment. */
import type { FastifyInstance } from 'fastify';
import type { ConfigReloads } from '../../control/gateway-control.ts';
import type { CounterSnapshot } from '../../metrics/counters.ts';
import type { StatusBody } from '../api-types.ts';
import type { AdminContext } from '../context.ts';
import { PublishLatency } from './publish-latency.ts';
import { routeSchema } from './route.ts';
import { statusBody } from './schemas/views.ts';

/** Certificates that end sooner are warned of. */
const CERTIFICATE_WARNING_MS = 14 * 24 * 60 * 60_000;

/** Registers the route. */
export function addStatus(app: FastifyInstance, context: AdminContext): void {
  const latency = new PublishLatency();
  const schema = routeSchema({
    tag: 'status',
    summary: 'State of everything at one moment',
    answers: { 200: statusBody },
  });
  app.get('/status', { schema }, async (): Promise<StatusBody> => {
    const { control } = context;
    const [overview, readiness, warnings] = await Promise.all([
      control.overview(),
      control.readiness(),
      warningsOf(context),
    ]);
    const { eventLoop } = overview.process;
    const isMeasured = overview.workers.some(({ isCurrent }) => isCurrent);
    return {
      identity: control.identity,
      readiness,
      nowMs: Date.now(),
      overview,
      ...context.usage.look(overview),
      latency: {
        eventLoopP50: isMeasured ? eventLoop.p50Ms : null,
        eventLoopP99: isMeasured ? eventLoop.p99Ms : null,
        ...latency.look(publishDuration(overview.counters), context.clock.now()),
      },
      warnings: [...readiness.reasons, ...warnings],
    };
  });
}

function publishDuration(counters: CounterSnapshot): CounterSnapshot {
  const upstream = counters.upstream;
  const duration = typeof upstream === 'object' ? upstream.publishDuration : undefined;
  return typeof duration === 'object' ? duration : {};
}

async function warningsOf({ control, reloads }: AdminContext): Promise<string[]> {
  const [listeners, certificates] = await Promise.all([control.listeners(), control.certificates()]);
  const closed = listeners.filter(({ state }) => state === 'closed');
  const now = Date.now();
  const ending = certificates.filter(({ notAfterMs }) => notAfterMs - now < CERTIFICATE_WARNING_MS);
  return [
    ...closed.map(({ name }) => `the listener ${name} is closed`),
    ...ending.map(({ path, notAfterMs }) => {
      const date = new Date(notAfterMs).toISOString().slice(0, 10);
      return `the certificate of ${path} ${notAfterMs <= now ? 'has expired' : 'expires'} on ${date}`;
    }),
    ...reloadWarning(reloads),
  ];
}

function reloadWarning(reloads: ConfigReloads | null): string[] {
  const last = reloads?.history.last ?? null;
  return last === null || last.isSuccess ? [] : [`the last reload was refused: ${last.reason}`];
}
