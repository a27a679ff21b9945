/**
 * The HTTP server for operators: monitoring pages, metrics, admin API, dashboard. Only what runs on its own imports it, and
 * only once NATS clients are served.
 */
import { createServer as createHttpServer, type Server, type ServerOptions } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import fastify, {
  type FastifyError,
  type FastifyInstance,
  type FastifyPluginAsync,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify';
import { FailureDelay } from '../auth/failure-delay.ts';
import type { HttpConfig } from '../config/http.ts';
import type { SettingsSource } from '../config/settings-source.ts';
import type { ConfigReloads, GatewayControl } from '../control/gateway-control.ts';
import { GatewayError } from '../errors.ts';
import { TlsCredentials } from '../tls/credentials.ts';
import { systemClock } from '../util/clock.ts';
import type { Logger } from '../util/logger.ts';
import { addApi } from './api/plugin.ts';
import { AuditTrail } from './audit.ts';
import type { AdminContext, BoundAddress } from './context.ts';
import { addDashboard, dashboardFolder } from './dashboard.ts';
import { addMetrics } from './metrics/plugin.ts';
import { addIndexPage } from './monitoring/index-page.ts';
import { addMonitoring } from './monitoring/plugin.ts';
import { ProblemError, sendProblem } from './problem.ts';
import { ProcessUsageMeter } from './process-usage.ts';
import { Accounts } from './security/accounts.ts';
import { addGuard, type GuardParts } from './security/guard.ts';
import { SessionCookie } from './security/session-cookie.ts';
import { Sessions } from './security/sessions.ts';

const MAX_BODY_BYTES = 1024 * 1024;
const MAX_CONNECTIONS = 512;
const MAX_HEADER_BYTES = 16 * 1024;
/** To receive a request, or its headers, whole. */
const REQUEST_LIMIT_MS = 30_000;
const HEADERS_LIMIT_MS = 10_000;
/** How often these limits are looked at. */
const CHECK_INTERVAL_MS = 2_000;
/** Without a byte in either direction; streams of events say something more often. */
const IDLE_LIMIT_MS = 120_000;
const KEEP_ALIVE_MS = 65_000;
/** Longest pause before credentials of an address with failures are looked at; scrapers wait ten seconds. */
const MAX_FAILURE_DELAY_MS = 4_000;

/** What the server needs. */
export interface AdminServerOptions {
  readonly control: GatewayControl;
  readonly reloads: ConfigReloads | null;
  /** Null in tests that need none. */
  readonly settings: SettingsSource | null;
  readonly logger: Logger;
}

/** See the head of this file. */
export class AdminServer {
  readonly #options: AdminServerOptions;
  readonly #accounts: Accounts;
  readonly #context: AdminContext;
  #credentials: TlsCredentials | null = null;
  #app: FastifyInstance | null = null;

  constructor(options: AdminServerOptions) {
    const logger = options.logger.child({ component: 'admin' });
    // What is in force changes with a reload.
    const http = () => options.control.config.http;
    this.#options = { ...options, logger };
    const delay = new FailureDelay(MAX_FAILURE_DELAY_MS, systemClock);
    this.#accounts = new Accounts({ http, delay, clock: systemClock, logger });
    this.#context = {
      control: options.control,
      reloads: options.reloads,
      settings: options.settings,
      http,
      logger,
      clock: systemClock,
      audit: new AuditTrail(logger),
      usage: new ProcessUsageMeter(),
      bound: () => this.#bound(),
    };
  }

  /** `http://127.0.0.1:8222`; empty while it does not listen. */
  get url(): string {
    const bound = this.#bound();
    if (bound === null) return '';
    const host = bound.host.includes(':') ? `[${bound.host}]` : bound.host;
    return `${this.#credentials === null ? 'http' : 'https'}://${host}:${bound.port}`;
  }

  #bound(): BoundAddress | null {
    const address = this.#app?.server.address() as AddressInfo | null | undefined;
    return address ? { host: address.address, port: address.port } : null;
  }

  /**
   * Listens where the configuration says; does nothing where it says `off`.
   * @throws {GatewayError} `GW_LISTEN` when the address cannot be used, `GW_CONFIG` when the certificate cannot
   */
  async start(): Promise<void> {
    const { address, tls, basePath } = this.#context.http();
    if (address === null) return;
    if (tls !== null) {
      this.#credentials = new TlsCredentials(tls, this.#options.logger);
      this.#credentials.watch();
    }
    const app = this.#build(basePath);
    this.#app = app;
    try {
      await app.listen({ host: address.host, port: address.port, backlog: 128 });
    } catch (cause) {
      await this.close();
      throw listenError(address, cause);
    }
    const { url } = this;
    this.#options.logger.info(
      { event: 'admin.started', url: url + basePath },
      `Dashboard, metrics and admin API are at ${url}${basePath}/`,
    );
  }

  /** Idempotent; ends all connections. */
  async close(): Promise<void> {
    this.#credentials?.close();
    await this.#app?.close();
    await this.#accounts.close();
  }

  #build(basePath: string): FastifyInstance {
    const app = fastify({
      serverFactory: (handler) => this.#createServer(handler),
      bodyLimit: MAX_BODY_BYTES,
      forceCloseConnections: true,
      routerOptions: { ignoreTrailingSlash: false, maxParamLength: 512 },
      // Nobody's word is taken for where a request comes from.
      trustProxy: false,
      exposeHeadRoutes: true,
      return503OnClosing: true,
      ajv: { customOptions: { removeAdditional: false, coerceTypes: 'array', allErrors: true } },
    });
    app.removeContentTypeParser('text/plain');
    app.setErrorHandler((error: FastifyError, request, reply) => this.#onError(error, request, reply));
    app.setNotFoundHandler((request, reply) => notFound(request, reply, basePath));
    const cookie = new SessionCookie(this.#sessions(), this.#accounts, this.#credentials !== null);
    const parts = { context: this.#context, accounts: this.#accounts, cookie };
    addGuard(app, parts);
    const pages: FastifyPluginAsync = async (scope) => {
      addMonitoring(scope, this.#context);
      addMetrics(scope, this.#context);
      scope.register(dashboardPages(this.#context));
      scope.register(apiRoutes(parts), { prefix: '/api/v1' });
    };
    app.register(pages, { prefix: basePath });
    return app;
  }

  #sessions(): Sessions {
    return new Sessions(systemClock, () => {
      const { sessionIdleMs, sessionMs } = this.#context.http();
      return { idleMs: sessionIdleMs, totalMs: sessionMs };
    });
  }

  #createServer(handler: (request: never, response: never) => void): Server {
    const options: ServerOptions = {
      maxHeaderSize: MAX_HEADER_BYTES,
      requestTimeout: REQUEST_LIMIT_MS,
      headersTimeout: HEADERS_LIMIT_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      connectionsCheckingInterval: CHECK_INTERVAL_MS,
    };
    const listener = handler as unknown as Parameters<typeof createHttpServer>[1];
    const credentials = this.#credentials;
    const server =
      credentials === null
        ? createHttpServer(options, listener)
        : createHttpsServer({ ...options, ...credentials.material.options }, listener);
    if (credentials !== null && 'setSecureContext' in server) {
      credentials.onRenewed = () => server.setSecureContext(credentials.material.options);
    }
    server.maxConnections = MAX_CONNECTIONS;
    server.setTimeout(IDLE_LIMIT_MS);
    return server;
  }

  #onError(error: FastifyError, request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const isApi = request.routeOptions.config.isApi === true || isApiPath(request.url, this.#context.http());
    if (error instanceof ProblemError) return sendProblem(reply, isApi, error);
    const status = error.statusCode ?? 500;
    if (status < 500) {
      const errors = error.validation?.map(({ instancePath, message, params }) => ({
        path: pathOf(instancePath, params),
        message: params.additionalProperty === undefined ? (message ?? 'is wrong') : 'is not known here',
      }));
      return sendProblem(
        reply,
        isApi,
        new ProblemError(status, error.message, { ...(errors && { errors }) }),
      );
    }
    this.#options.logger.error(
      { event: 'admin.failure', method: request.method, route: request.routeOptions.url ?? '', err: error },
      'a request to the HTTP server failed',
    );
    return sendProblem(reply, isApi, new ProblemError(500, 'the request failed; the log says why'));
  }
}

/** Everything under `/api/v1`. */
function apiRoutes(parts: GuardParts): FastifyPluginAsync {
  return async (api) => {
    api.addHook('onRoute', (route) => {
      route.config = { ...route.config, isApi: true };
    });
    await addApi(api, parts);
  };
}

function dashboardPages(context: AdminContext): FastifyPluginAsync {
  return async (scope) => {
    const { basePath } = context.http();
    scope.addHook('onRequest', async (request, reply) => {
      // Links on the page are relative, and would lead out of the path.
      if (basePath !== '' && request.url.split('?')[0] === basePath)
        return reply.redirect(`${basePath}/`, 308);
      return undefined;
    });
    const folder = dashboardFolder();
    if (folder === null) addIndexPage(scope, context);
    else await addDashboard(scope, folder);
  };
}

function isApiPath(url: string, { basePath }: HttpConfig): boolean {
  return url.startsWith(`${basePath}/api/`);
}

/** `/changes/x` → `changes.x`; what is missing or too much is named by its own name. */
function pathOf(instancePath: string, params: Record<string, unknown>): string {
  const extra = params.missingProperty ?? params.additionalProperty;
  return [...instancePath.split('/').slice(1), ...(typeof extra === 'string' ? [extra] : [])].join('.');
}

function notFound(request: FastifyRequest, reply: FastifyReply, basePath: string): FastifyReply {
  const isApi = request.url.startsWith(`${basePath}/api/`);
  if (isApi) return sendProblem(reply, true, new ProblemError(404, 'there is no such resource'));
  return sendProblem(reply, false, new ProblemError(404, '404 page not found'));
}

function listenError({ host, port }: { host: string; port: number }, cause: unknown): GatewayError {
  const address = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown error';
  return new GatewayError('GW_LISTEN', `cannot listen on ${address}: ${code}`, {
    cause,
    context: { address, code, key: 'http.bind', flag: '-m' },
  });
}
