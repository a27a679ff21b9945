/** Users of the method `built_in`: those of its users file can be changed, with effect at once. */
import type { FastifyInstance } from 'fastify';
import type { AppliedBody, ImportedBody, ImportRequest, UsersBody, UserValues } from '../api-types.ts';
import type { AdminContext } from '../context.ts';
import { pageQuery, pathParams, routeSchema } from './route.ts';
import { text } from './schemas/schema.ts';
import { appliedBody, importedBody, importRequest, usersBody, userValues } from './schemas/settings.ts';
import type { SettingsEditor } from './settings-editor.ts';
import { UsersEditor } from './users-editor.ts';

const PARAMS = pathParams({ user: { type: 'string', minLength: 1, maxLength: 512 } });
const tag = 'users';
/** Some hundred thousand users. */
const MAX_IMPORT_BYTES = 16 * 1024 * 1024;

type UserRoute = { Params: { user: string } };

/** Registers the routes. */
export function addUsers(app: FastifyInstance, { control }: AdminContext, editor: SettingsEditor): void {
  const users = new UsersEditor(control, editor);

  app.get<{ Querystring: { search?: string; offset: number; limit: number } }>(
    '/users',
    {
      schema: routeSchema({
        ...{ tag, summary: 'Users, without their passwords' },
        querystring: pageQuery({ search: { ...text, description: 'Part of the name, in any letter case' } }),
        ...{ answers: { 200: usersBody }, problems: [409] },
      }),
    },
    ({ query }): UsersBody => users.page(query.search ?? '', query.offset, query.limit),
  );

  app.post<{ Body: UserValues }>(
    '/users',
    {
      schema: routeSchema({
        ...{ tag, summary: 'Add a user', body: userValues, isChange: true },
        ...{ answers: { 201: appliedBody }, problems: [409] },
      }),
    },
    async (request, reply): Promise<AppliedBody> => {
      request.change = { action: 'add user', target: request.body.user };
      const applied = await users.add(request.body);
      reply.status(201);
      return applied;
    },
  );

  app.post<{ Body: ImportRequest }>(
    '/users/import',
    {
      bodyLimit: MAX_IMPORT_BYTES,
      schema: routeSchema({
        ...{
          tag,
          summary: "Import an export of EMQX's built-in database",
          body: importRequest,
          isChange: true,
        },
        ...{ answers: { 200: importedBody }, problems: [409] },
      }),
    },
    async (request): Promise<ImportedBody> => {
      request.change = { action: 'import users', target: '' };
      const imported = await users.import(request.body);
      request.change = {
        action: 'import users',
        target: `${imported.added} new, ${imported.changed} changed`,
      };
      return imported;
    },
  );

  addChangesOfOne(app, users);
}

function addChangesOfOne(app: FastifyInstance, users: UsersEditor): void {
  app.put<UserRoute & { Body: UserValues }>(
    '/users/:user',
    {
      schema: routeSchema({
        ...{ tag, summary: 'Change a user; what is left out stays', params: PARAMS, isChange: true },
        description: 'New rights hold for connections that there are; a new password ends them.',
        ...{ body: userValues, answers: { 200: appliedBody }, problems: [409] },
      }),
    },
    (request): Promise<AppliedBody> => {
      request.change = { action: 'change user', target: request.params.user };
      return users.change(request.params.user, request.body);
    },
  );

  app.delete<UserRoute>(
    '/users/:user',
    {
      schema: routeSchema({
        ...{ tag, summary: 'Delete a user, and end its connections', params: PARAMS, isChange: true },
        ...{ answers: { 200: appliedBody }, problems: [409] },
      }),
    },
    (request): Promise<AppliedBody> => {
      request.change = { action: 'delete user', target: request.params.user };
      return users.delete(request.params.user);
    },
  );
}
