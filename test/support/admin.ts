/** Talks to the HTTP server of a gateway the way scrapers, browsers and attackers do. Knows no page. */
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { GatewayProcess } from './gateway-process.ts';

const LIMIT_MS = 10_000;

/** Settings of a gateway with an HTTP server on a free port. */
export const HTTP_ON_FREE_PORT = { bind: '127.0.0.1:0' } as const;

/** An answer. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** The body as JSON. @throws {SyntaxError} */
  json<T = Readonly<Record<string, unknown>>>(): T;
}

/** A request; every header can be set, unlike with fetch. */
export interface AskOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON unless it is a string. */
  readonly body?: unknown;
  /** Authority of a server with TLS. */
  readonly ca?: string;
}

/** Asks for a page. */
export function ask(url: string, options: AskOptions = {}): Promise<Answer> {
  const { method = 'GET', body, ca } = options;
  const content = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
  const headers = {
    ...(content !== undefined && { 'content-type': 'application/json' }),
    ...options.headers,
  };
  const request = url.startsWith('https:') ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const sent = request(
      url,
      { method, headers, timeout: LIMIT_MS, agent: false, ...(ca && { ca }) },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          const status = response.statusCode ?? 0;
          resolve({ status, headers: response.headers, text, json: <T>() => JSON.parse(text) as T });
        });
      },
    );
    sent.on('error', reject);
    sent.on('timeout', () => sent.destroy(new Error(`${url}: no answer within ${LIMIT_MS} ms`)));
    sent.end(content);
  });
}

/** Where the HTTP server of a process listens. */
export function httpUrl(gateway: GatewayProcess): string {
  const url = gateway.logLines('admin.started')[0]?.url;
  if (typeof url !== 'string') throw new Error('the gateway has not said where its HTTP server listens');
  return url;
}

/** Header of basic authentication. */
export function basic(user: string, password: string): { readonly authorization: string } {
  return { authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` };
}

/** Values of a metric by its labels as they are written; an empty text for those without. */
export function metricValues(page: string, name: string): Map<string, number> {
  const values = new Map<string, number>();
  for (const line of page.split('\n')) {
    const match = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line);
    if (match?.[1] === name) values.set(match[2] ?? '', Number(match[3]));
  }
  return values;
}
