/** What the description of every route has in common: tags, parameters, answers, problems. Pure. */
import type { FastifySchema } from 'fastify';
import type { Problem } from '../api-types.ts';
import { count, list, object, type Schema, text } from './schemas/schema.ts';

/** RFC 9457. */
const problemSchema = object<Problem>(
  {
    type: text,
    title: text,
    status: count,
    detail: text,
    errors: list(object<{ path: string; message: string }>({ path: text, message: text })),
  },
  ['detail', 'errors'],
);

const PROBLEMS: Readonly<Record<number, string>> = {
  400: 'The request is wrong; `errors` says where',
  401: 'Credentials are needed, or wrong',
  403: 'It comes from another web page, or without its token',
  404: 'There is no such thing',
  409: 'It does not go together with how things are; nothing has changed',
  412: 'Somebody else has changed it meanwhile; nothing has changed',
  413: 'The body is too large',
  415: 'The body is not JSON',
  429: 'Too much at a time',
  500: 'A bug; the log says more',
};

const ALWAYS = [401, 429, 500];
const OF_CHANGES = [400, 403, 413, 415];

/** What a route says of itself. */
export interface RouteWords {
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  readonly params?: Schema;
  readonly querystring?: Schema;
  readonly headers?: Schema;
  readonly body?: Schema;
  /** By status; a text stands for an answer without body. */
  readonly answers: Readonly<Record<number, Schema | string>>;
  /** Statuses of problems besides those that every route may have. */
  readonly problems?: readonly number[];
  readonly isChange?: boolean;
}

const NO_QUERY: Schema = { type: 'object', additionalProperties: false, properties: {} };

/** The schema of a route. Queries hold nothing that is not named. */
export function routeSchema(words: RouteWords): FastifySchema {
  const { tag, summary, description, params, querystring, headers, body, answers, problems = [] } = words;
  const statuses = new Set([...ALWAYS, ...(words.isChange ? OF_CHANGES : [400]), ...problems]);
  if (params !== undefined) statuses.add(404);
  const response: Record<string, Schema> = {};
  for (const [status, answer] of Object.entries(answers)) {
    response[status] =
      typeof answer === 'string' ? { type: 'null', description: answer } : { description: 'Done', ...answer };
  }
  for (const status of [...statuses].sort()) response[status] = problemAnswer(status);
  return {
    tags: [tag],
    summary,
    ...(description !== undefined && { description }),
    ...(params !== undefined && { params }),
    querystring: querystring ?? NO_QUERY,
    ...(headers !== undefined && { headers }),
    ...(body !== undefined && { body }),
    response,
  };
}

function problemAnswer(status: number): Schema {
  const content = { 'application/problem+json': { schema: problemSchema } };
  return { description: PROBLEMS[status] ?? 'A problem', content };
}

/** Query of a list with pages. */
export function pageQuery(more: Readonly<Record<string, Schema>> = {}): Schema {
  return {
    type: 'object',
    additionalProperties: false,
    properties: {
      ...more,
      offset: { type: 'integer', minimum: 0, default: 0 },
      limit: { type: 'integer', minimum: 1, maximum: 1000, default: 50 },
    },
  };
}

/** The parameters of a path. */
export function pathParams(params: Readonly<Record<string, Schema>>): Schema {
  return { type: 'object', required: Object.keys(params), properties: params };
}
