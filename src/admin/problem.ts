/** Errors as the admin API tells them: RFC 9457 problems. */
import type { FastifyReply } from 'fastify';
import type { Problem } from './api-types.ts';

/** A request cannot be fulfilled. Throw it from a route; what is not one of these is a bug, and told as 500. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError';
  readonly status: number;
  readonly errors: Problem['errors'];
  /** Seconds after which it may be tried again; 0: nothing is said. */
  readonly retryAfterSeconds: number;

  /**
   * @param status of HTTP
   * @param detail for people; holds no secrets
   */
  constructor(
    status: number,
    detail: string,
    options: { errors?: Problem['errors']; retryAfterSeconds?: number; cause?: unknown } = {},
  ) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause });
    this.status = status;
    this.errors = options.errors;
    this.retryAfterSeconds = options.retryAfterSeconds ?? 0;
  }
}

const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  409: 'Conflict',
  412: 'Precondition Failed',
  413: 'Payload Too Large',
  415: 'Unsupported Media Type',
  421: 'Misdirected Request',
  422: 'Unprocessable Content',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
};

/** The body of an error. */
function problemBody(status: number, detail: string, errors: Problem['errors']): Problem {
  return {
    type: 'about:blank',
    title: TITLES[status] ?? 'Error',
    status,
    detail,
    ...(errors !== undefined && { errors }),
  };
}

/** Answers with an error: a problem under `/api`, else a line of text as nats-server has it. */
export function sendProblem(reply: FastifyReply, isApi: boolean, error: ProblemError): FastifyReply {
  reply.status(error.status);
  if (error.retryAfterSeconds > 0) reply.header('retry-after', String(error.retryAfterSeconds));
  // nats-server ends this one without a line end, and some compare the text.
  const text = error.status === 400 ? error.message : `${error.message}\n`;
  if (!isApi) return reply.type('text/plain; charset=utf-8').send(text);
  return reply
    .type('application/problem+json')
    .send(JSON.stringify(problemBody(error.status, error.message, error.errors)));
}
