/**
 * Takes the PROXY header off each connection of one listener before anybody else reads it. Only proxies that are named
 * are believed; whoever else connects is turned away.
 */
import type { Socket } from 'node:net';
import type { ListenerCounters } from '../metrics/listener-counters.ts';
import type { Clock } from '../util/clock.ts';
import type { RepeatLimiter } from '../util/logger.ts';
import { Networks, plainAddress } from './networks.ts';
import { MAX_PROXY_HEADER_BYTES, type ProxiedClient, readProxyHeader } from './proxy-header.ts';

/** Settings of the gate. */
export interface ProxyGateSettings {
  readonly name: string;
  /** Addresses and networks of the proxies. */
  readonly from: readonly string[];
  /** How long a header may take, in milliseconds. */
  readonly timeoutMs: number;
}

/** What the gate needs. */
export interface ProxyGateParts {
  readonly counters: ListenerCounters;
  readonly log: RepeatLimiter;
  readonly clock: Clock;
}

/** Connections without a whole header. They are not counted as clients, so they need a bound of their own. */
const MAX_WAITING = 4096;

/** See the head of this file. */
export class ProxyGate {
  readonly #settings: ProxyGateSettings;
  readonly #parts: ProxyGateParts;
  readonly #proxies: Networks;
  readonly #waiting = new Set<Socket>();

  constructor(settings: ProxyGateSettings, parts: ProxyGateParts) {
    this.#settings = settings;
    this.#parts = parts;
    this.#proxies = new Networks(settings.from);
  }

  /**
   * Reads the header; a connection without a proper one is ended.
   * @param pass called once, when the next byte of the socket is the client's; `client` is null where the proxy speaks for itself
   */
  read(socket: Socket, pass: (client: ProxiedClient | null) => void): void {
    const address = plainAddress(socket.remoteAddress ?? '');
    if (!this.#proxies.has(address)) this.#refuse(socket, 'not among proxy_protocol_from');
    else if (this.#waiting.size >= MAX_WAITING) this.#refuse(socket, 'too many without a header');
    else this.#await(socket, pass);
  }

  #await(socket: Socket, pass: (client: ProxiedClient | null) => void): void {
    this.#waiting.add(socket);
    let bytes: Buffer = Buffer.alloc(0);
    const { clock } = this.#parts;
    const timer = clock.setTimeout(() => refuse('no header in time'), this.#settings.timeoutMs);
    const release = (): void => {
      clock.clearTimeout(timer);
      this.#waiting.delete(socket);
      socket.off('readable', onReadable).off('end', onEnd).off('error', onGone).off('close', onGone);
    };
    const refuse = (reason: string): void => {
      release();
      this.#refuse(socket, reason);
    };
    const onEnd = (): void => refuse('the connection ended within the header');
    const onGone = (): void => {
      release();
      socket.destroy();
    };
    const onReadable = (): void => {
      for (let chunk = socket.read(); chunk !== null; chunk = socket.read()) {
        // Grows to a header and what came with it; a header that is longer is invalid by then.
        bytes = Buffer.concat([bytes, chunk as Buffer]);
        if (bytes.length > MAX_PROXY_HEADER_BYTES) break;
      }
      const header = readProxyHeader(bytes);
      if (header.kind === 'incomplete') return;
      if (header.kind === 'invalid') {
        refuse(header.reason);
        return;
      }
      release();
      if (header.length < bytes.length) socket.unshift(bytes.subarray(header.length));
      passOn(socket, () => pass(header.client));
    };
    socket.on('readable', onReadable).on('end', onEnd).on('error', onGone).on('close', onGone);
  }

  /** Ends connections that are still waited for. */
  close(): void {
    for (const socket of [...this.#waiting]) socket.destroy();
  }

  #refuse(socket: Socket, reason: string): void {
    this.#parts.counters.reject('proxy_header');
    const { name } = this.#settings;
    const remote = plainAddress(socket.remoteAddress ?? '');
    const fields = { event: 'client.proxy_refused', listener: name, remote, reason };
    this.#parts.log.log('warn', fields, 'a connection without a proper PROXY header');
    socket.destroy();
  }
}

/** Streams look at who listens in a later turn; before that, whoever comes next would find this one paused. */
function passOn(socket: Socket, pass: () => void): void {
  const onError = (): void => void socket.destroy();
  socket.on('error', onError);
  setImmediate(() => {
    socket.off('error', onError);
    if (!socket.destroyed) pass();
  });
}
