/**
 * The `healthcheck` subcommand, for containers that have no other program to ask with: asks the running gateway's HTTP server,
 * and says the answer in one line. Loads nothing of the gateway.
 */
import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { CommandFailure } from './command-failure.ts';

/** The HTTP server to ask. */
export interface HealthTarget {
  /** Null: there is none. */
  readonly address: { readonly host: string; readonly port: number } | null;
  readonly basePath: string;
  /** Null: no TLS. */
  readonly tls: unknown;
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

/** Supervisors wait for seconds, and a gateway that takes as long is not healthy. */
const LIMIT_MS = 3_000;
/** Of an answer that is no health page. */
const MAX_BODY_BYTES = 64 * 1024;

/**
 * Asks `/readyz`, or with `isLive` `/livez`.
 * @returns what to say when all is well
 * @throws {CommandFailure} when it is not, with the reason
 */
export async function healthcheckText(target: HealthTarget, isLive: boolean): Promise<string> {
  const { address, basePath, tls } = target;
  if (address === null) throw new CommandFailure('http.bind is "off": there is no HTTP server to ask');
  const url = new URL(`${tls === null ? 'http' : 'https'}://${reachable(address.host)}:${address.port}`);
  url.pathname = `${basePath}/${isLive ? 'livez' : 'readyz'}`;
  const { status, body } = await ask(url);
  if (status === 200) return isLive ? 'the gateway runs\n' : 'the gateway is ready\n';
  if (status === 503) throw new CommandFailure(`not ready: ${reasonsIn(body)}`);
  const hint = status === 401 ? '; http.open does not hold "probes"' : '';
  throw new CommandFailure(`${url} answers with status ${status}${hint}`);
}

/** An address to listen on, as one to connect to: with brackets where they are needed. */
function reachable(host: string): string {
  if (host === '' || host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') ? `[${host}]` : host;
}

function ask(url: URL): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException): void =>
      reject(new CommandFailure(`${url} cannot be reached: ${wordsOf(error)}`));
    const onResponse = (response: IncomingMessage): void => {
      const chunks: Buffer[] = [];
      let length = 0;
      response.on('data', (chunk: Buffer) => {
        length += chunk.length;
        if (length > MAX_BODY_BYTES) response.destroy(new Error('the answer is too long'));
        else chunks.push(chunk);
      });
      response.on('error', fail);
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() }),
      );
    };
    const signal = AbortSignal.timeout(LIMIT_MS);
    // It is asked for under an address, which its certificate need not know; nothing secret is sent.
    const sent =
      url.protocol === 'https:'
        ? requestHttps(url, { signal, rejectUnauthorized: false }, onResponse)
        : requestHttp(url, { signal }, onResponse);
    sent.on('error', fail).end();
  });
}

const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nobody listens there',
  ABORT_ERR: `no answer within ${LIMIT_MS / 1000} seconds`,
  ECONNRESET: 'the connection was closed',
};

function wordsOf({ code, message }: NodeJS.ErrnoException): string {
  return WORDS[code ?? ''] ?? message;
}

/** The server's own reasons, as far as it is our server. */
function reasonsIn(body: string): string {
  try {
    const { reasons } = JSON.parse(body) as { reasons?: unknown };
    if (Array.isArray(reasons) && reasons.length > 0) return oneLine(reasons.join('; '));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  return oneLine(body) || 'no reason given';
}

function oneLine(text: string): string {
  return text
    .replace(/[\p{Cc}\p{Cf}]+/gu, ' ')
    .trim()
    .slice(0, 500);
}
