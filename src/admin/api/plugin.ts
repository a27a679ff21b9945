/** The admin API: all routes, and their description in OpenAPI 3.1. */
import swagger from '@fastify/swagger';
import type { FastifyInstance } from 'fastify';
import type { GuardParts } from '../security/guard.ts';
import { addSessionRoutes } from '../security/session-routes.ts';
import { addAuthentication } from './authentication.ts';
import { addClients } from './clients.ts';
import { addOperations } from './operations.ts';
import { routeSchema } from './route.ts';
import { addSettings } from './settings.ts';
import { SettingsEditor } from './settings-editor.ts';
import { addStatus } from './status.ts';
import { addTaps } from './taps.ts';
import { addUsers } from './users.ts';
import { addViews } from './views.ts';

const TAGS = [
  { name: 'status', description: 'What goes on' },
  { name: 'clients', description: 'Who is connected' },
  { name: 'settings', description: 'The configuration, edited in its file' },
  { name: 'authentication', description: 'Who may connect' },
  { name: 'users', description: 'Users of the method `built_in`' },
  { name: 'taps', description: 'Messages as they cross' },
  { name: 'operation', description: 'What the gateway is told to do' },
  { name: 'audit', description: 'Who has changed what' },
  { name: 'session', description: 'Log-in of the dashboard' },
  { name: 'description', description: 'This document' },
];

/** Registers everything; the prefix `/api/v1` is the caller's. */
export async function addApi(app: FastifyInstance, parts: GuardParts): Promise<void> {
  const { context } = parts;
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Admin API of nats-mqtt-gateway',
        version: context.control.identity.version,
        description:
          'Errors are RFC 9457 problems. Programs show a token or a user with password; the dashboard has a session, whose changes need the header `X-CSRF-Token`.',
      },
      tags: TAGS,
      components: {
        securitySchemes: {
          token: { type: 'http', scheme: 'bearer' },
          password: { type: 'http', scheme: 'basic' },
          session: { type: 'apiKey', in: 'cookie', name: 'nmg_session' },
        },
      },
      security: [{ token: [] }, { password: [] }, { session: [] }],
    },
  });
  // Schemas describe answers; what they forget must not vanish from them.
  app.setSerializerCompiler(() => JSON.stringify);
  addSessionRoutes(app, parts);
  addStatus(app, context);
  addClients(app, context);
  addViews(app, context);
  addTaps(app, context);
  const { settings, reloads } = context;
  if (settings !== null && reloads !== null) {
    const editor = new SettingsEditor({ settings, reloads });
    addOperations(app, context, editor);
    addSettings(app, context, editor);
    addAuthentication(app, context, editor);
    addUsers(app, context, editor);
  }
  app.get(
    '/openapi.json',
    {
      schema: routeSchema({
        ...{ tag: 'description', summary: 'This API in OpenAPI 3.1' },
        answers: { 200: { type: 'object', additionalProperties: true } },
      }),
    },
    () => app.swagger(),
  );
}
