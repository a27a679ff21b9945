/** Clients: looking at them, and ending their connections. */
import type { FastifyInstance } from 'fastify';
import { CLIENT_SORTS, type ClientDetail, type ClientQuery } from '../../control/client-view.ts';
import type { ClientsBody, ClientsQuery, KickedBody } from '../api-types.ts';
import type { AdminContext } from '../context.ts';
import { ProblemError } from '../problem.ts';
import { pageQuery, pathParams, routeSchema } from './route.ts';
import { flag, object, text, word } from './schemas/schema.ts';
import { clientDetail, clientsBody, kickedBody } from './schemas/views.ts';

const QUERY = pageQuery({
  state: { ...word('open', 'closed', 'any'), default: 'open' },
  search: { ...text, description: 'Part of name, user, address or MQTT client id' },
  user: { ...text, description: 'Exactly' },
  listener: text,
  subject: { ...text, description: 'Subscribed to it, or with a wildcard that matches it' },
  sort: { ...word(...CLIENT_SORTS), default: 'cid' },
  reversed: { ...flag, default: false },
});

const PARAMS = pathParams({ cid: { type: 'integer', minimum: 1, maximum: Number.MAX_SAFE_INTEGER } });

type CidRoute = { Params: { cid: number } };

/** Registers the routes. */
export function addClients(app: FastifyInstance, context: AdminContext): void {
  const { control } = context;
  const tag = 'clients';

  app.get<{
    Querystring: Required<Pick<ClientsQuery, 'state' | 'sort' | 'offset' | 'limit'>> & ClientsQuery;
  }>(
    '/clients',
    {
      schema: routeSchema({
        tag,
        summary: 'Clients, connected or remembered, with what they subscribe to',
        querystring: QUERY,
        answers: { 200: clientsBody },
      }),
    },
    async ({ query: { reversed = false, ...query } }): Promise<ClientsBody> => {
      const { offset, limit } = query;
      const page = await control.clients({ ...query, isReversed: reversed, withDetails: true });
      return { total: page.total, offset, limit, clients: page.clients };
    },
  );

  app.get<CidRoute>(
    '/clients/:cid',
    { schema: routeSchema({ tag, summary: 'One client', params: PARAMS, answers: { 200: clientDetail } }) },
    async ({ params }): Promise<ClientDetail> => {
      const query: ClientQuery = {
        ...{ state: 'any', cid: params.cid, sort: 'cid', offset: 0, limit: 1, withDetails: true },
      };
      const [client] = (await control.clients(query)).clients;
      if (client === undefined) throw new ProblemError(404, `there is no client ${params.cid}`);
      return client;
    },
  );

  app.delete<CidRoute>(
    '/clients/:cid',
    {
      schema: routeSchema({
        ...{ tag, summary: 'End a connection', params: PARAMS, isChange: true },
        answers: { 200: kickedBody },
      }),
    },
    async (request): Promise<KickedBody> => {
      const { cid } = request.params;
      request.change = { action: 'kick client', target: String(cid) };
      const kicked = await control.kick({ cid });
      if (kicked === 0) throw new ProblemError(404, `there is no connected client ${cid}`);
      return { kicked };
    },
  );

  app.post<{ Body: { user: string } }>(
    '/clients/kick',
    {
      schema: routeSchema({
        ...{ tag, summary: 'End all connections of a user', isChange: true },
        body: object<{ user: string }>({ user: { ...text, minLength: 1 } }),
        answers: { 200: kickedBody },
      }),
    },
    async (request): Promise<KickedBody> => {
      const { user } = request.body;
      request.change = { action: 'kick user', target: user };
      return { kicked: await control.kick({ user }) };
    },
  );
}
