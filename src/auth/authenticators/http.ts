/** Method `http`: a backend is asked about each client. */
import { readFileSync } from 'node:fs';
import { Agent as HttpAgent, type IncomingMessage, request as requestPlain } from 'node:http';
import { Agent as HttpsAgent, request as requestTls } from 'node:https';
import { GatewayError } from '../../errors.ts';
import type { Authenticator, Credentials, Verdict } from '../authenticator.ts';
import { renderCredentials } from '../credential-template.ts';
import { AnswerError, type HttpAnswer, verdictOfAnswer } from '../http-answer.ts';
import type { AuthServices } from '../services.ts';

/** TLS towards the backend. Empty texts: not set. */
export interface HttpTlsSettings {
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
  /** Name to expect in the certificate, and to ask for (SNI). */
  readonly serverName: string;
  readonly isVerified: boolean;
}

/** Settings of the method. Texts are templates over what the client has shown. */
export interface HttpSettings {
  readonly verb: 'get' | 'post';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Query parameters of GET, fields of POST. */
  readonly body: Readonly<Record<string, string>>;
  readonly contentType: 'application/json' | 'application/x-www-form-urlencoded';
  readonly poolSize: number;
  readonly tls: HttpTlsSettings;
}

/** Longer answers are refused before they are read to the end. */
const MAX_ANSWER_BYTES = 64 * 1024;

/**
 * See the head of the file.
 * @throws {GatewayError} `GW_CONFIG` when a file of the TLS settings cannot be read
 */
export async function createHttpAuthenticator(
  settings: HttpSettings,
  services: AuthServices,
): Promise<Authenticator> {
  const isTls = settings.url.startsWith('https:');
  const pool = { keepAlive: true, maxSockets: settings.poolSize };
  const agent = isTls ? new HttpsAgent({ ...pool, ...tlsOptions(settings.tls) }) : new HttpAgent(pool);
  return {
    method: 'http',
    needsNonce: false,
    async authenticate(shown: Credentials, signal: AbortSignal): Promise<Verdict> {
      if (climbs(settings.url, shown)) return { kind: 'reject', detail: 'a value cannot stand in a URL' };
      const answer = await ask(requestFor(settings, shown), agent, signal);
      return verdictOfAnswer(answer, { name: nameOf(shown), user: shown.user }, services.subjectsOfFilter);
    },
    close: async () => agent.destroy(),
  };
}

/** Backends know clients by their user name; a token must not become a name that is logged. */
function nameOf({ user, clientName }: Credentials): string {
  return user || clientName || 'http';
}

/** Whether a value is dots alone: even encoded, they would lead to another path. */
function climbs(url: string, shown: Credentials): boolean {
  let isFound = false;
  renderCredentials(url, shown, (value) => {
    if (/^\.+$/.test(value)) isFound = true;
    return value;
  });
  return isFound;
}

interface RequestParts {
  readonly url: URL;
  readonly verb: 'GET' | 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

function requestFor(settings: HttpSettings, shown: Credentials): RequestParts {
  const url = new URL(renderCredentials(settings.url, shown, encodeURIComponent));
  const headers: Record<string, string> = { accept: 'application/json' };
  for (const [name, template] of Object.entries(settings.headers)) {
    headers[name.toLowerCase()] = renderCredentials(template, shown, headerValue);
  }
  const fields = Object.entries(settings.body).map(([name, template]): [string, string] => {
    return [name, renderCredentials(template, shown, (value) => value)];
  });
  if (settings.verb === 'get') {
    for (const [name, value] of fields) url.searchParams.append(name, value);
    return { url, verb: 'GET', headers, body: '' };
  }
  const isJson = settings.contentType === 'application/json';
  const body = isJson ? JSON.stringify(Object.fromEntries(fields)) : new URLSearchParams(fields).toString();
  headers['content-type'] = settings.contentType;
  headers['content-length'] = String(Buffer.byteLength(body));
  return { url, verb: 'POST', headers, body };
}

/** Printable ASCII passes; everything else could end the header or the request. */
function headerValue(value: string): string {
  return value.replace(/[^\x21-\x7e]/gu, encodeURIComponent);
}

function ask(parts: RequestParts, agent: HttpAgent | HttpsAgent, signal: AbortSignal): Promise<HttpAnswer> {
  const { url, verb, headers, body } = parts;
  const send = url.protocol === 'https:' ? requestTls : requestPlain;
  return new Promise((resolve, reject) => {
    const request = send(url, { method: verb, headers, agent, signal }, (response) => {
      readAnswer(response).then(resolve, (error: unknown) => {
        request.destroy();
        reject(error);
      });
    });
    request.on('error', (error: NodeJS.ErrnoException) => {
      // The backend had closed a connection that was kept for later; it has not seen this request.
      if (request.reusedSocket && error.code === 'ECONNRESET')
        ask(parts, agent, signal).then(resolve, reject);
      // Its text may name the host, never what was sent.
      else reject(error);
    });
    request.end(body);
  });
}

async function readAnswer(response: IncomingMessage): Promise<HttpAnswer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_ANSWER_BYTES) throw new AnswerError(`the answer is longer than ${MAX_ANSWER_BYTES} bytes`);
    chunks.push(chunk);
  }
  const [contentType = ''] = (response.headers['content-type'] ?? '').split(';');
  return {
    status: response.statusCode ?? 0,
    contentType: contentType.trim().toLowerCase(),
    body: Buffer.concat(chunks).toString('utf8'),
  };
}

function tlsOptions(tls: HttpTlsSettings): object {
  const read = (file: string) => (file === '' ? undefined : readFile(file));
  return {
    ca: read(tls.caFile),
    cert: read(tls.certFile),
    key: read(tls.keyFile),
    rejectUnauthorized: tls.isVerified,
    ...(tls.serverName !== '' && { servername: tls.serverName }),
  };
}

function readFile(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new GatewayError('GW_CONFIG', `method http cannot read ${file}: ${code}`, { cause });
  }
}
