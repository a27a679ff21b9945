/** The chain of authentication: looked at, changed in the configuration file, and tried out. */
import type { FastifyInstance, FastifyRequest, FastifySchema } from 'fastify';
import type { Credentials } from '../../auth/authenticator.ts';
import { masked } from '../../config/mask.ts';
import { SCHEMA } from '../../config/schema.ts';
import { fieldOf } from '../../config/setting-kind.ts';
import type { GatewayOverview } from '../../metrics/gateway-view.ts';
import type { AppliedBody, AuthenticationBody, MethodValues, TestBody, TestRequest } from '../api-types.ts';
import type { AdminContext } from '../context.ts';
import { ProblemError } from '../problem.ts';
import { chainOf, changedChain, reorderedChain } from './chain-changes.ts';
import { withUsersFile } from './new-users-file.ts';
import { pathParams, type RouteWords, routeSchema } from './route.ts';
import { text } from './schemas/schema.ts';
import {
  appliedBody,
  authenticationBody,
  methodValues,
  orderBody,
  testBody,
  testRequest,
} from './schemas/settings.ts';
import { lockOf } from './setting-origin.ts';
import type { CurrentSettings, SettingsEditor } from './settings-editor.ts';
import { tryCredentials } from './trial.ts';

const tag = 'authentication';
const PARAMS = pathParams({ position: { type: 'integer', minimum: 0, maximum: 9999 } });
/** As tags of HTTP are written, or without quotes. */
const HEADERS = {
  type: 'object',
  properties: { 'if-match': { ...text, description: 'Revision of the file that the change was made for' } },
};

type PositionRoute = { Params: { position: number } };
type Change = (current: CurrentSettings) => string;

/** What a route that changes the chain says of itself. */
function changing(summary: string, more: Partial<RouteWords> = {}): { schema: FastifySchema } {
  return {
    schema: routeSchema({
      ...{ tag, summary, headers: HEADERS, isChange: true, problems: [409, 412] },
      ...{ answers: { 200: appliedBody }, ...more },
    }),
  };
}

type Apply = (request: FastifyRequest, target: string, change: Change) => Promise<AppliedBody>;

function applierOf(editor: SettingsEditor): Apply {
  return (request, target, change) => {
    request.change = { action: 'change authentication', target };
    return editor.change(change, request.headers['if-match']?.replaceAll('"', ''));
  };
}

/** Registers the routes. */
export function addAuthentication(app: FastifyInstance, context: AdminContext, editor: SettingsEditor): void {
  const apply = applierOf(editor);

  app.get(
    '/authentication',
    {
      schema: routeSchema({
        ...{ tag, summary: 'The methods in order, without secrets, and what each has answered' },
        ...{ answers: { 200: authenticationBody }, problems: [409] },
      }),
    },
    async (): Promise<AuthenticationBody> => chainBody(editor.current(), await context.control.overview()),
  );

  app.post<{ Body: MethodValues }>(
    '/authentication',
    changing('Add a method at the end', { body: methodValues, answers: { 201: appliedBody } }),
    async (request, reply) => {
      const applied = await withUsersFile(request.body, () =>
        apply(request, `add ${request.body.method}`, (current) =>
          changedChain(current, (chain) => [...chain, request.body]),
        ),
      );
      reply.status(201);
      return applied;
    },
  );

  app.put<{ Body: { order: number[] } }>(
    '/authentication/order',
    changing('Put the methods into another order', { body: orderBody }),
    (request) => {
      const { order } = request.body;
      return apply(request, `order ${order.join(' ')}`, (current) => reorderedChain(current, order));
    },
  );

  app.put<PositionRoute & { Body: MethodValues }>(
    '/authentication/:position',
    changing('Change a method', { params: PARAMS, body: methodValues }),
    (request) => {
      const { position } = request.params;
      return withUsersFile(request.body, () =>
        apply(request, `change ${position} (${request.body.method})`, (current) =>
          changedChain(current, (chain) => {
            existing(chain, position);
            return chain.map((one, i) => (i === position ? request.body : one));
          }),
        ),
      );
    },
  );

  app.delete<PositionRoute>(
    '/authentication/:position',
    changing('Take a method out', { params: PARAMS }),
    (request) => {
      const { position } = request.params;
      return apply(request, `delete ${position}`, (current) =>
        changedChain(current, (chain) => chain.filter((_, i) => i !== existing(chain, position))),
      );
    },
  );

  addTrial(app, context, editor);
}

function addTrial(app: FastifyInstance, context: AdminContext, editor: SettingsEditor): void {
  const { control, logger, clock } = context;
  app.post<{ Body: TestRequest }>(
    '/authentication/test',
    {
      schema: routeSchema({
        ...{ tag, summary: 'Show credentials to a method before it is saved, or to the chain in force' },
        ...{ body: testRequest, answers: { 200: testBody }, problems: [409], isChange: true },
      }),
    },
    async (request): Promise<TestBody> => {
      const { method, position, credentials } = request.body;
      request.change = { action: 'test credentials', target: method?.method ?? 'the chain in force' };
      const methods =
        method === undefined ? control.config.authentication : [methodOf(editor, method, position)];
      const shown = credentialsOf(credentials, request.ip, control.config.listeners[0]?.name ?? '');
      return tryCredentials({ methods, credentials: shown, config: control.config, logger, clock });
    },
  );
}

/** A method that is not saved yet, checked as if it were. */
function methodOf(
  editor: SettingsEditor,
  values: MethodValues,
  position: number | undefined,
): ReturnType<SettingsEditor['tryOut']>['config']['authentication'][number] {
  const current = editor.current();
  const at = position ?? chainOf(current).length;
  const text = changedChain(current, (chain) => {
    if (position === undefined) return [...chain, values];
    existing(chain, position);
    return chain.map((one, i) => (i === position ? values : one));
  });
  const method = editor.tryOut(text).config.authentication[at];
  if (method === undefined) throw new ProblemError(409, 'the configuration has no such method');
  return { ...method, enable: true };
}

function credentialsOf(given: TestRequest['credentials'], address: string, listener: string): Credentials {
  const { user = '', pass = '', auth_token: token = '', jwt = '' } = given;
  return {
    ...{ user, pass, token, jwt, listener, nkey: '', sig: '', nonce: '', clientName: '' },
    ...{ transport: 'tcp', isTls: false, remoteAddress: address, certificate: null },
  };
}

function chainBody(current: CurrentSettings, { counters }: GatewayOverview): AuthenticationBody {
  const { loaded, revision } = current;
  const shown = masked(SCHEMA.authentication, loaded.values.authentication) as readonly MethodValues[];
  const { value } = fieldOf('authentication', SCHEMA.authentication);
  return {
    revision,
    isLocked: lockOf(loaded.originOf('authentication')) !== null,
    methods: shown.map((values, position) => ({
      position,
      method: values.method,
      isEnabled: values.enable !== false,
      values,
      answers: answersOf(counters.auth, values.method),
    })),
    fields: value.kind === 'variants' ? value.variants : {},
  };
}

function answersOf(
  auth: GatewayOverview['counters'][string] | undefined,
  method: string,
): Record<string, number> {
  const prefix = `${method}.`;
  const counted = typeof auth === 'object' ? Object.entries(auth) : [];
  return Object.fromEntries(
    counted.flatMap(([name, count]) =>
      name.startsWith(prefix) && typeof count === 'number'
        ? [[name.slice(prefix.length), count] as const]
        : [],
    ),
  );
}

/** @throws {ProblemError} 404 */
function existing(chain: readonly unknown[], position: number): number {
  if (position < chain.length) return position;
  throw new ProblemError(404, `there is no method at position ${position}`);
}
