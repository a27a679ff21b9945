/** A small HTTP backend for the method `http`: tests say what it answers, and see what it was asked. */
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { listenOnFreePort } from './free-port.ts';

/** One request as the backend got it. */
export interface BackendRequest {
  readonly verb: string;
  /** Path and query as sent. */
  readonly target: string;
  readonly headers: IncomingMessage['headers'];
  readonly rawHeaders: readonly string[];
  readonly body: string;
}

/** What the backend answers. */
export interface BackendAnswer {
  readonly status: number;
  readonly contentType?: string;
  readonly body?: string;
}

/** See the head of the file. */
export class AuthBackend {
  readonly requests: BackendRequest[] = [];
  answer: (request: BackendRequest) => BackendAnswer;
  readonly #server: Server;
  #port = 0;

  private constructor(answer: (request: BackendRequest) => BackendAnswer) {
    this.answer = answer;
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const seen = {
          verb: request.method ?? '',
          target: request.url ?? '',
          headers: request.headers,
          rawHeaders: request.rawHeaders,
          body: Buffer.concat(chunks).toString(),
        };
        this.requests.push(seen);
        const { status, contentType = 'application/json', body = '' } = this.answer(seen);
        response.writeHead(status, { 'content-type': contentType });
        response.end(body);
      });
    });
  }

  static async start(answer: (request: BackendRequest) => BackendAnswer): Promise<AuthBackend> {
    const backend = new AuthBackend(answer);
    backend.#port = await listenOnFreePort(backend.#server);
    return backend;
  }

  get port(): number {
    return this.#port;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
