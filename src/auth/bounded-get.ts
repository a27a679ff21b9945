/** Fetches one document over HTTP or HTTPS, within a time and a size. Must not know what the document is. */
import { get as getPlain, type IncomingMessage } from 'node:http';
import { get as getSecure } from 'node:https';

/** Where a document is and what it may cost. */
export interface GetRequest {
  readonly url: string;
  readonly maxBytes: number;
  /** PEM of the CA for HTTPS; null for those that Node.js knows. */
  readonly ca: string | null;
  /** Ends the request. */
  readonly signal: AbortSignal;
}

/**
 * The body of a successful answer. Redirects are not followed: they could lead anywhere.
 * @returns null when the server says that there is no such document (404, 410)
 * @throws {Error} for any other answer, one that is too long, and when the signal aborts
 */
export async function boundedGet(request: GetRequest): Promise<string | null> {
  const response = await open(request);
  try {
    const status = response.statusCode ?? 0;
    if (status === 404 || status === 410) return null;
    if (status !== 200) throw new Error(`the answer has status ${status}`);
    return await bodyOf(response, request.maxBytes);
  } finally {
    response.destroy();
  }
}

async function open(request: GetRequest): Promise<IncomingMessage> {
  const { url, ca, signal } = request;
  return await new Promise((resolve, reject) => {
    const sent = url.startsWith('https:')
      ? getSecure(url, { signal, agent: false, ...(ca !== null && { ca }) }, resolve)
      : getPlain(url, { signal, agent: false }, resolve);
    sent.once('error', reject);
  });
}

async function bodyOf(response: IncomingMessage, maxBytes: number): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of response) {
    const buffer = part as Buffer;
    bytes += buffer.length;
    if (bytes > maxBytes) throw new Error(`the answer is longer than ${maxBytes} bytes`);
    parts.push(buffer);
  }
  return Buffer.concat(parts).toString();
}
