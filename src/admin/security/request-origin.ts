/**
 * Which requests a browser may have been talked into by somebody else's web page: those under a name that is not ours (DNS
 * rebinding), and changes that another page asks for (CSRF). Pure.
 */
import { isIP } from 'node:net';

/** The host of a `Host` header without its port, in lower case; null when it makes no sense. */
function hostOf(header: string): string | null {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^:/?#@\s[\]]+))(?::\d{1,5})?$/i.exec(header);
  return match === null ? null : (match[1] ?? match[2] ?? '').toLowerCase().replace(/\.$/, '');
}

/**
 * Whether a `Host` header is one under which this server is meant to be reached. A page of an attacker can point its own
 * name at 127.0.0.1, but no name at all at an address, and not `localhost` either.
 * @param header undefined: HTTP/1.0, which no browser speaks
 */
export function isOurHost(header: string | undefined, allowedHosts: readonly string[]): boolean {
  if (header === undefined) return true;
  const host = hostOf(header);
  if (host === null) return false;
  return (
    isIP(host) !== 0 || host === 'localhost' || host.endsWith('.localhost') || allowedHosts.includes(host)
  );
}

/** Headers of a request that say where it comes from. */
export interface OriginHeaders {
  readonly host?: string | undefined;
  readonly origin?: string | undefined;
  readonly 'sec-fetch-site'?: string | string[] | undefined;
}

/**
 * Whether a request that changes something comes from a page of ours, or from no page at all. Browsers say so; programs
 * send neither header.
 */
export function isFromOurPages(headers: OriginHeaders): boolean {
  const site = headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return false;
  const { origin, host } = headers;
  if (origin === undefined) return true;
  // A proxy may have taken TLS off, so the scheme says nothing.
  return (
    URL.canParse(origin) && host !== undefined && new URL(origin).host === withoutDefaultPort(origin, host)
  );
}

function withoutDefaultPort(origin: string, host: string): string {
  const url = `${new URL(origin).protocol}//${host}`;
  return URL.canParse(url) ? new URL(url).host : '';
}
