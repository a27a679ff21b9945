/** Logging in and out: `/api/v1/session`. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { routeSchema } from '../api/route.ts';
import type { Credentials, SessionBody } from '../api-types.ts';
import type { AdminContext } from '../context.ts';
import { ProblemError } from '../problem.ts';
import type { GuardParts } from './guard.ts';

const CREDENTIALS_SCHEMA = {
  type: 'object',
  required: ['user', 'password'],
  additionalProperties: false,
  properties: {
    user: { type: 'string', minLength: 1, maxLength: 128 },
    password: { type: 'string', minLength: 1, maxLength: 1024 },
  },
} as const;

const SESSION_SCHEMA = {
  type: 'object',
  required: ['isRequired', 'user', 'csrfToken'],
  additionalProperties: false,
  properties: {
    isRequired: { type: 'boolean' },
    user: { type: ['string', 'null'] },
    csrfToken: { type: ['string', 'null'] },
  },
} as const;

const config = { access: 'everyone', isApi: true } as const;

/** Registers the routes; the prefix is the caller's. */
export function addSessionRoutes(app: FastifyInstance, { context, accounts, cookie }: GuardParts): void {
  const words = { tag: 'session', answers: { 200: SESSION_SCHEMA } };

  app.get(
    '/session',
    { config, schema: routeSchema({ ...words, summary: 'Who is logged in' }) },
    (request): SessionBody => {
      const session = accounts.areNeeded ? cookie.read(request) : null;
      return bodyOf(accounts.areNeeded, session);
    },
  );

  app.post<{ Body: Credentials }>(
    '/session',
    {
      config,
      schema: routeSchema({ ...words, summary: 'Log in', body: CREDENTIALS_SCHEMA, isChange: true }),
    },
    async (request, reply): Promise<SessionBody> => {
      if (!accounts.areNeeded) return bodyOf(false, null);
      const { user, password } = request.body;
      const account = await accounts.find({ kind: 'password', user, password }, request.ip);
      // Wrong ones are logged, not noted here: whoever guesses must not push changes out of the audit log.
      if (account === null) throw new ProblemError(401, 'wrong user or password');
      note(context, request, account.name);
      cookie.take(request, reply);
      reply.removeHeader('set-cookie');
      return bodyOf(true, cookie.give(reply, account.name, account.secret));
    },
  );

  app.delete(
    '/session',
    { config, schema: routeSchema({ ...words, summary: 'Log out', isChange: true }) },
    (request, reply): SessionBody => {
      endSession(request, reply, { context, accounts, cookie });
      return bodyOf(accounts.areNeeded, null);
    },
  );
}

function endSession(request: FastifyRequest, reply: FastifyReply, parts: GuardParts): void {
  const session = parts.accounts.areNeeded ? parts.cookie.read(request) : null;
  if (session === null) return;
  if (request.headers['x-csrf-token'] !== session.csrfToken)
    throw new ProblemError(403, 'the header x-csrf-token is missing or wrong');
  parts.cookie.take(request, reply);
  note(parts.context, request, session.user);
}

function note({ audit }: AdminContext, request: FastifyRequest, by: string): void {
  const action = request.method === 'POST' ? 'log in' : 'log out';
  audit.record({ by, address: request.ip, action, target: '', outcome: 'done' });
}

function bodyOf(isRequired: boolean, session: { user: string; csrfToken: string } | null): SessionBody {
  return { isRequired, user: session?.user ?? null, csrfToken: session?.csrfToken ?? null };
}
