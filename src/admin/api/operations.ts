/** What the gateway is told to do as a whole: reload, and go out of service. */
import type { FastifyInstance } from 'fastify';
import type { AppliedBody } from '../api-types.ts';
import type { AdminContext } from '../context.ts';
import { routeSchema } from './route.ts';
import { appliedBody } from './schemas/settings.ts';
import type { SettingsEditor } from './settings-editor.ts';

/** Registers the routes. */
export function addOperations(app: FastifyInstance, { control }: AdminContext, editor: SettingsEditor): void {
  const tag = 'operation';

  app.post(
    '/reload',
    {
      schema: routeSchema({
        ...{ tag, summary: 'Read configuration and users file again', isChange: true },
        ...{ answers: { 200: appliedBody }, problems: [409] },
      }),
    },
    (request): Promise<AppliedBody> => {
      request.change = { action: 'reload', target: '' };
      return editor.reload();
    },
  );

  app.post(
    '/lame-duck',
    {
      schema: routeSchema({
        ...{ tag, summary: 'Send clients elsewhere, and end', isChange: true },
        answers: { 202: 'It has begun' },
      }),
    },
    async (request, reply) => {
      request.change = { action: 'begin lame duck', target: '' };
      await control.beginLameDuck();
      return reply.status(202).send();
    },
  );
}
