/**
 * What is checked and answered before a connection becomes a WebSocket: refusals and the Origin check.
 * Must not know about NATS or about what comes after the handshake.
 */
import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';

/** Whose pages may connect: those of the gateway's own host, or those of the listed origins. */
export type AllowedOrigins = 'same_origin' | readonly string[];

/** A complete HTTP response that refuses the upgrade, and the end of the connection. */
export function refuse(socket: Duplex, status: number): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const text = STATUS_CODES[status] ?? '';
  const headers = Object.entries(refusalHeaders(text)).map(([name, value]) => `${name}: ${value}\r\n`);
  // What is still being sent is read and dropped: unread, it would turn the close into a reset.
  socket.on('error', () => socket.destroy()).resume();
  socket.end(`HTTP/1.1 ${status} ${text}\r\n${headers.join('')}\r\n${text}`);
}

/** Headers of a refusal with `text` as its body. */
export function refusalHeaders(text: string): Record<string, string> {
  return {
    Connection: 'close',
    'Sec-WebSocket-Version': '13',
    'Content-Type': 'text/plain; charset=utf-8',
    'Content-Length': String(Buffer.byteLength(text)),
  };
}

/** Status for a request that is not a valid WebSocket upgrade. */
export function statusOfBadRequest(request: IncomingMessage): number {
  return request.method === 'GET' ? 400 : 405;
}

/**
 * Whether a browser page may connect. Requests without `Origin` do not come from browsers and pass.
 * @param allowed null: any origin
 * @param isTls whether the request came over TLS
 */
export function isOriginAllowed(
  request: IncomingMessage,
  allowed: AllowedOrigins | null,
  isTls: boolean,
): boolean {
  const { origin, host } = request.headers;
  if (allowed === null || origin === undefined) return true;
  const page = normalOrigin(origin);
  if (page === null) return false;
  // Plain `ws` is what an `http` page of the same host uses, `wss` an `https` page.
  const own = `${isTls ? 'https' : 'http'}://${host}`;
  if (allowed === 'same_origin') return host !== undefined && page === normalOrigin(own);
  return allowed.some((entry) => normalOrigin(entry) === page);
}

/** Scheme, host and port, without the default port and in lower case; null if this is no such thing. */
function normalOrigin(text: string): string | null {
  if (!URL.canParse(text)) return null;
  const { protocol, host } = new URL(text);
  return host === '' ? null : `${protocol}//${host}`;
}
