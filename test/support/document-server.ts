/** A small HTTP server on loopback that serves texts, and can be told to fail. Knows nothing of what it serves. */
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { LOOPBACK } from './free-port.ts';

/** How it answers. `hang`: not at all. `endless`: with a body that does not stop. */
export type ServerMode = 'serve' | 'fail' | 'hang' | 'rubbish' | 'redirect' | 'endless';

/** A running server. */
export interface DocumentServer {
  /** `http://127.0.0.1:port/` */
  readonly url: string;
  /** By path, without the leading slash. What is not here is a 404. */
  readonly documents: Map<string, string>;
  /** Paths asked for, in order. */
  readonly requests: string[];
  mode: ServerMode;
  stop(): Promise<void>;
}

/** Starts one on a free port. */
export async function startDocumentServer(): Promise<DocumentServer> {
  const http = createServer((request, response) => {
    const path = (request.url ?? '/').slice(1);
    state.requests.push(path);
    answer(state, path, response);
  });
  http.listen(0, LOOPBACK);
  await once(http, 'listening');
  const state: DocumentServer = {
    url: `http://${LOOPBACK}:${(http.address() as AddressInfo).port}/`,
    documents: new Map(),
    requests: [],
    mode: 'serve',
    async stop() {
      if (!http.listening) return;
      http.close();
      http.closeAllConnections();
      await once(http, 'close');
    },
  };
  return state;
}

function answer(state: DocumentServer, path: string, response: ServerResponse): void {
  const document = state.documents.get(path);
  switch (state.mode) {
    case 'hang':
      return;
    case 'fail':
      response.writeHead(500).end();
      return;
    case 'rubbish':
      response.writeHead(200).end('<html>');
      return;
    case 'redirect':
      response.writeHead(302, { location: `${state.url}elsewhere` }).end();
      return;
    case 'endless': {
      const chunk = Buffer.alloc(64 * 1024);
      const more = (): void => {
        if (!response.destroyed) response.write(chunk, () => setImmediate(more));
      };
      response.writeHead(200);
      more();
      return;
    }
    default:
      if (document === undefined) response.writeHead(404).end();
      else response.writeHead(200).end(document);
  }
}
