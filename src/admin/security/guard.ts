/**
 * Stands before every route: refuses what a foreign web page may have sent, asks for credentials, and notes every change.
 * A route that says nothing of itself is for administrators only.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { AdminContext, Principal } from '../context.ts';
import { ProblemError } from '../problem.ts';
import type { Accounts, Shown } from './accounts.ts';
import { isFromOurPages, isOurHost } from './request-origin.ts';
import type { SessionCookie } from './session-cookie.ts';

/** Methods that change nothing. */
const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);
const CSRF_HEADER = 'x-csrf-token';
const ANYONE: Principal = { name: 'anyone', by: 'nothing' };

/** What every answer says; that of pages for scrapers says some of it otherwise. */
const HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
  'cache-control': 'no-store',
};

/** What it needs of the server. */
export interface GuardParts {
  readonly context: AdminContext;
  readonly accounts: Accounts;
  readonly cookie: SessionCookie;
}

/** Puts the guard in front of all routes, those of plugins included. */
export function addGuard(app: FastifyInstance, parts: GuardParts): void {
  const guard = new Guard(parts);
  app.decorateRequest('principal', null);
  app.decorateRequest('change', null);
  app.addHook('onRequest', (request, reply) => guard.check(request, reply));
  app.addHook('onResponse', (request, reply) => guard.note(request, reply));
}

class Guard {
  readonly #context: AdminContext;
  readonly #accounts: Accounts;
  readonly #cookie: SessionCookie;

  constructor({ context, accounts, cookie }: GuardParts) {
    this.#context = context;
    this.#accounts = accounts;
    this.#cookie = cookie;
  }

  /** @throws {ProblemError} when the request goes no further */
  async check(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    reply.headers(HEADERS);
    const isChange = !SAFE_METHODS.has(request.method);
    if (!this.#accounts.areNeeded && !isOurHost(request.headers.host, this.#context.http().allowedHosts))
      throw new ProblemError(
        421,
        'this server is not reached under that name; see http.allowed_hosts in the configuration',
      );
    if (isChange && !isFromOurPages(request.headers))
      throw new ProblemError(403, 'the request comes from another web page');
    const access = request.is404 ? 'everyone' : (request.routeOptions.config.access ?? 'administrators');
    if (access === 'everyone') return;
    if (!this.#accounts.areNeeded) {
      request.principal = ANYONE;
      return;
    }
    if (access !== 'administrators' && this.#context.http().open.includes(access)) return;
    request.principal = await this.#authenticate(request, reply, isChange);
  }

  /** Every change is noted, also one that was refused for a bad value, and whatever the route forgets. */
  async note(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const { principal, change, method } = request;
    if (SAFE_METHODS.has(method) || principal === null) return;
    const parameters = Object.values((request.params ?? {}) as Record<string, unknown>).map(String);
    this.#context.audit.record({
      by: principal.name,
      address: request.ip,
      action: change?.action ?? `${method} ${request.routeOptions.url ?? request.url.split('?')[0]}`,
      target: change?.target ?? parameters.join(' '),
      outcome: reply.statusCode < 400 ? 'done' : `refused (${reply.statusCode})`,
    });
  }

  async #authenticate(request: FastifyRequest, reply: FastifyReply, isChange: boolean): Promise<Principal> {
    const session = this.#cookie.read(request);
    if (session !== null) {
      if (isChange && request.headers[CSRF_HEADER] !== session.csrfToken)
        throw new ProblemError(403, `the header ${CSRF_HEADER} is missing or wrong`);
      return { name: session.user, by: 'session' };
    }
    const shown = shownBy(request.headers.authorization);
    const account = shown === null ? null : await this.#accounts.find(shown, request.ip);
    if (shown !== null && account !== null) return { name: account.name, by: shown.kind };
    // The dashboard asks itself; a browser would put its own question in front of it.
    const isApi = request.routeOptions.config.isApi === true;
    reply.header('www-authenticate', `${isApi ? '' : 'Basic realm="nats-mqtt-gateway", '}Bearer`);
    throw new ProblemError(401, shown === null ? 'credentials are needed' : 'wrong credentials');
  }
}

/** What an `Authorization` header shows; null when there is nothing that we understand. */
function shownBy(header: string | undefined): Shown | null {
  const [, scheme = '', value = ''] = /^(\w+) +(\S+) *$/.exec(header ?? '') ?? [];
  if (scheme.toLowerCase() === 'bearer') return { kind: 'token', token: value };
  if (scheme.toLowerCase() !== 'basic') return null;
  const text = Buffer.from(value, 'base64').toString();
  const colon = text.indexOf(':');
  if (colon < 0) return null;
  return { kind: 'password', user: text.slice(0, colon), password: text.slice(colon + 1) };
}
