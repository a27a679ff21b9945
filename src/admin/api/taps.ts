/** Looking at messages as they cross: a tap is made, then watched as a stream of server-sent events. */
import type { FastifyInstance, FastifyReply } from 'fastify';
import { MAX_TAP_BYTES, MAX_TAP_EVENTS_PER_SECOND, MAX_TAP_MS, type TapRequest } from '../../control/tap.ts';
import { GatewayError } from '../../errors.ts';
import type { AdminContext } from '../context.ts';
import { ProblemError } from '../problem.ts';
import { pathParams, routeSchema } from './route.ts';
import { object, text, word } from './schemas/schema.ts';
import { TapStreams } from './tap-streams.ts';

const REQUEST = object<TapRequest>(
  {
    cid: { type: 'integer', minimum: 1 },
    user: text,
    subject: text,
    direction: word('to_broker', 'to_client'),
    durationMs: { type: 'integer', minimum: 1, maximum: MAX_TAP_MS },
    maxPerSecond: { type: 'integer', minimum: 1, maximum: MAX_TAP_EVENTS_PER_SECOND },
    payloadBytes: { type: 'integer', minimum: 0, maximum: MAX_TAP_BYTES },
  },
  ['cid', 'user', 'subject', 'direction'],
);

const PARAMS = pathParams({ id: { type: 'string', maxLength: 64 } });
const EVENTS = {
  description: 'Each event is a TapMessage: `event`, `skipped` or, as the last one, `ended`',
  content: { 'text/event-stream': { schema: { type: 'string' } } },
};

type IdRoute = { Params: { id: string } };

/** Registers the routes. */
export function addTaps(app: FastifyInstance, { control, clock }: AdminContext): void {
  const taps = new TapStreams(clock);
  app.addHook('preClose', async () => taps.close());
  const tag = 'taps';

  app.post<{ Body: TapRequest }>(
    '/taps',
    {
      schema: routeSchema({
        ...{ tag, summary: 'Begin to look at messages as they cross', isChange: true, body: REQUEST },
        description:
          'Payloads are shown to whoever may administer. A tap that nobody watches ends after 30 s.',
        answers: { 201: object<{ id: string }>({ id: text }) },
      }),
    },
    async (request, reply): Promise<{ readonly id: string }> => {
      request.change = { action: 'begin tap', target: request.body.subject ?? '' };
      try {
        const id = await taps.begin((onMessage) => control.tap(request.body, onMessage));
        reply.status(201);
        return { id };
      } catch (error) {
        throw asProblem(error);
      }
    },
  );

  app.get<IdRoute>(
    '/taps/:id/events',
    {
      exposeHeadRoute: false,
      schema: routeSchema({
        ...{ tag, summary: 'Messages of a tap, as server-sent events', params: PARAMS },
        ...{ answers: { 200: EVENTS }, problems: [409] },
      }),
    },
    ({ params }, reply) => {
      taps.watch(params.id, (headers) => openStream(reply, headers));
    },
  );

  app.delete<IdRoute>(
    '/taps/:id',
    {
      schema: routeSchema({
        ...{ tag, summary: 'End a tap', params: PARAMS, isChange: true },
        answers: { 204: 'It has ended' },
      }),
    },
    async (request, reply) => {
      request.change = { action: 'end tap', target: '' };
      taps.end(request.params.id);
      return reply.status(204).send();
    },
  );
}

/** From here on Fastify has nothing to do with the answer. */
function openStream(reply: FastifyReply, headers: Readonly<Record<string, string>>): FastifyReply['raw'] {
  reply.headers(headers);
  reply.hijack();
  const kept = Object.entries(reply.getHeaders()).filter(([, value]) => value !== undefined);
  reply.raw.writeHead(200, Object.fromEntries(kept) as Record<string, string>);
  return reply.raw;
}

function asProblem(error: unknown): unknown {
  if (!(error instanceof GatewayError)) return error;
  if (error.code === 'GW_LIMIT') return new ProblemError(429, error.message, { retryAfterSeconds: 5 });
  if (error.code !== 'GW_INVALID_SUBJECT') return error;
  const errors = [{ path: 'subject', message: error.message }];
  return new ProblemError(400, error.message, { errors });
}
