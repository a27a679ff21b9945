/** Raw NATS clients over TLS: INFO in clear text and then the handshake, or the handshake first. */
import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { adoptSocket, type RawClient, type RawOptions } from './raw-client.ts';
import { within } from './wait-for.ts';

const LIMIT_MS = 5_000;

/** Options of {@link connectRawTls}, those of node:tls included. */
export interface RawTlsOptions extends ConnectionOptions {
  /** INFO is read in clear text before the handshake; default true. */
  readonly upgrade?: boolean;
  /** With `upgrade: false`: take INFO off the stream before returning; default true. */
  readonly readInfo?: boolean;
}

/** A raw client, and the socket below it. */
export interface RawTls {
  readonly client: RawClient;
  readonly socket: TLSSocket;
}

/** Connects. @throws {Error} when the handshake fails, also when the server finds fault with it afterwards */
export async function connectRawTls(
  host: string,
  port: number,
  options: RawTlsOptions = {},
): Promise<RawTls> {
  const { upgrade = true, readInfo = true, ...tls } = options;
  const plain = createConnection({ host, port, allowHalfOpen: true });
  plain.setNoDelay(true);
  const info = upgrade ? await readClearInfo(plain) : null;
  // `allowHalfOpen` of the socket below is what counts.
  const socket = connect({ socket: plain, servername: 'localhost', ...tls });
  const raw: RawOptions = { readInfo: upgrade ? false : readInfo, limitMs: LIMIT_MS };
  const client = await adoptSocket(socket, 'secureConnect', raw);
  if (info !== null) client.info = info;
  return { client, socket };
}

/** The INFO that a server says in clear text, and not a byte more. */
export async function readClearInfo(socket: Socket): Promise<Record<string, unknown>> {
  let text = '';
  while (!text.endsWith('\r\n')) {
    const [chunk] = (await within(once(socket, 'data'), LIMIT_MS, 'INFO')) as [Buffer];
    text += chunk.toString();
  }
  socket.pause();
  const json = /^INFO (\{.*\}) ?\r\n$/.exec(text)?.[1];
  if (json === undefined) throw new Error(`expected INFO and nothing else, received ${JSON.stringify(text)}`);
  return JSON.parse(json) as Record<string, unknown>;
}
