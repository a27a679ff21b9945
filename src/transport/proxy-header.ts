/**
 * The PROXY protocol, versions 1 and 2: whom a load balancer has accepted the connection from. Pure; reads what has
 * arrived so far. Must not know about sockets.
 * @see the PROXY protocol specification of HAProxy, sections 2.1 and 2.2
 */
import { canonicalAddress } from './networks.ts';

/** The client that a proxy speaks for. */
export interface ProxiedClient {
  readonly address: string;
  readonly port: number;
}

/** What the bytes so far are. */
export type ProxyHeader =
  /** A beginning of a header. */
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'invalid'; readonly reason: string }
  /** `client` is null where the proxy speaks for itself (health checks), or the way is none that has addresses. */
  | { readonly kind: 'whole'; readonly length: number; readonly client: ProxiedClient | null };

/** Longest first line, its line end included. */
const MAX_LINE_BYTES = 107;
/** Addresses and extensions of version 2; proxies add a few hundred bytes about TLS at most. */
const MAX_BODY_BYTES = 4096;
/** The most that is ever looked at. */
export const MAX_PROXY_HEADER_BYTES = 16 + MAX_BODY_BYTES;

const WORD = Buffer.from('PROXY ');
const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const FIXED_BYTES = 16;

const INCOMPLETE: ProxyHeader = { kind: 'incomplete' };
const invalid = (reason: string): ProxyHeader => ({ kind: 'invalid', reason });

/** Reads the header at the start of `bytes`; what is behind it is the client's. */
export function readProxyHeader(bytes: Buffer): ProxyHeader {
  if (bytes.length === 0) return INCOMPLETE;
  if (beginsLike(bytes, SIGNATURE)) return bytes.length < FIXED_BYTES ? INCOMPLETE : readBinary(bytes);
  if (beginsLike(bytes, WORD)) return bytes.length < WORD.length ? INCOMPLETE : readLine(bytes);
  return invalid('no PROXY header');
}

/** As far as there are bytes. */
function beginsLike(bytes: Buffer, expected: Buffer): boolean {
  const size = Math.min(bytes.length, expected.length);
  return bytes.compare(expected, 0, size, 0, size) === 0;
}

function readLine(bytes: Buffer): ProxyHeader {
  const end = bytes.subarray(0, MAX_LINE_BYTES).indexOf('\r\n');
  if (end === -1) return bytes.length < MAX_LINE_BYTES ? INCOMPLETE : invalid('the line is too long');
  const length = end + 2;
  const [, family, ...rest] = bytes.toString('latin1', 0, end).split(' ');
  if (family === 'UNKNOWN') return { kind: 'whole', length, client: null };
  const [source = '', target = '', sourcePort = '', targetPort = ''] = rest;
  const isOfFamily = (text: string): boolean =>
    canonicalAddress(text) !== null && text.includes(':') === (family === 'TCP6');
  const isKnown = (family === 'TCP4' || family === 'TCP6') && rest.length === 4;
  if (!isKnown || !isOfFamily(source) || !isOfFamily(target)) return invalid('no such addresses');
  if (!isPort(sourcePort) || !isPort(targetPort)) return invalid('no such port');
  return whole(length, source, Number(sourcePort));
}

function isPort(text: string): boolean {
  return /^(?:0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65_535;
}

/** Version and command; family and protocol; then the length of addresses and extensions. */
function readBinary(bytes: Buffer): ProxyHeader {
  const [command, family] = bytes.subarray(12, 14);
  const size = bytes.readUInt16BE(14);
  if (command !== 0x20 && command !== 0x21) return invalid('neither LOCAL nor PROXY of version 2');
  if (size > MAX_BODY_BYTES) return invalid('the header is too long');
  const length = FIXED_BYTES + size;
  if (bytes.length < length) return INCOMPLETE;
  const body = bytes.subarray(FIXED_BYTES, length);
  if (command === 0x20) return { kind: 'whole', length, client: null };
  switch (family) {
    case 0x00: // UNSPEC
    case 0x31: // a Unix socket
      return { kind: 'whole', length, client: null };
    case 0x11:
      return size < 12 ? invalid('no room for addresses') : whole(length, ip4(body), body.readUInt16BE(8));
    case 0x21:
      return size < 36 ? invalid('no room for addresses') : whole(length, ip6(body), body.readUInt16BE(32));
    default:
      return invalid('no connection of TCP');
  }
}

function ip4(body: Buffer): string {
  return body.subarray(0, 4).join('.');
}

function ip6(body: Buffer): string {
  return Array.from({ length: 8 }, (_, i) => body.readUInt16BE(i * 2).toString(16)).join(':');
}

function whole(length: number, address: string, port: number): ProxyHeader {
  const canonical = canonicalAddress(address);
  return canonical === null
    ? invalid('no such addresses')
    : { kind: 'whole', length, client: { address: canonical, port } };
}
