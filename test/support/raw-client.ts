/**
 * A NATS client without a NATS library: bytes out, bytes in, in order. It repairs and hides nothing, so tests can send
 * what no library would. Works the same over TCP and WebSocket.
 */
import { createConnection, type Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { WebSocket } from 'ws';
import { atStart, exactly, IMPOSSIBLE, type Matcher, shown, upTo, upToMatch } from './raw-matchers.ts';
import { within } from './wait-for.ts';

const DEFAULT_LIMIT_MS = 5_000;
const SHOWN_BYTES = 2_000;

/** How a connection ended, seen from the client. */
export interface RawEnd {
  /** `eof`: orderly; `reset`: RST, or a WebSocket cut without a close frame. */
  readonly how: 'eof' | 'reset';
  /** Bytes received and not consumed by an expectation. */
  readonly leftover: Buffer;
  /** WebSocket close code; 0 over TCP. */
  readonly code: number;
  /** WebSocket close reason; empty over TCP. */
  readonly reason: string;
}

/** Options of {@link connectRaw} and {@link connectRawWebSocket}. */
export interface RawOptions {
  /** Take INFO off the stream before returning; default true. */
  readonly readInfo?: boolean;
  /** Longest wait for the connection and for INFO. */
  readonly limitMs?: number;
  /** Local address to connect from (TCP). */
  readonly localAddress?: string;
}

/** Options of {@link connectRawWebSocket}. */
export interface RawWebSocketOptions extends RawOptions {
  readonly headers?: Record<string, string>;
  readonly protocols?: string[];
  readonly compression?: boolean;
  /** Send text frames in place of binary ones. */
  readonly textFrames?: boolean;
  /** `wss`: the authority to trust, and a client certificate. */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** What differs between TCP and WebSocket. */
interface Wire {
  write(data: Buffer, done?: () => void): void;
  pause(): void;
  resume(): void;
  /** Ends our writing side (TCP), or starts the closing handshake (WebSocket). */
  end(): void;
  /** Cuts the connection: RST (TCP), no close frame (WebSocket). */
  reset(): void;
}

interface EndOfWire {
  readonly how: 'eof' | 'reset';
  readonly code: number;
  readonly reason: string;
}

/** One raw connection. */
export class RawClient {
  /** The INFO read while connecting; empty with `readInfo: false`. */
  info: Readonly<Record<string, unknown>> = {};
  /** WebSocket: every message received, as one Buffer each. */
  readonly messages: Buffer[] = [];
  readonly #wire: Wire;
  #buffer = Buffer.allocUnsafe(4_096);
  #start = 0;
  #length = 0;
  #receivedBytes = 0;
  #end: EndOfWire | null = null;
  readonly #waiters = new Set<() => void>();
  #answersPings = false;

  /** Use {@link connectRaw} or {@link connectRawWebSocket}. */
  constructor(wire: Wire) {
    this.#wire = wire;
  }

  /**
   * Answers PINGs from now on and keeps them out of what is read: for tests that are not about heartbeats and may
   * last longer than the first one takes to come.
   */
  answerPings(): void {
    this.#answersPings = true;
  }

  /** For the wire only: bytes have arrived. */
  accept(received: Buffer): void {
    const bytes = this.#answersPings ? this.#withoutPings(received) : received;
    this.#makeRoom(bytes.length);
    bytes.copy(this.#buffer, this.#start + this.#length);
    this.#length += bytes.length;
    this.#receivedBytes += bytes.length;
    this.#wake();
  }

  #withoutPings(bytes: Buffer): Buffer {
    const at = bytes.indexOf('PING\r\n');
    const isOperation = at === 0 || (at > 0 && bytes[at - 1] === 0x0a);
    if (!isOperation) return bytes;
    this.send('PONG\r\n');
    return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 6)]);
  }

  /** Doubles, so that tests can take in tens of megabytes without copying them over and over. */
  #makeRoom(count: number): void {
    if (this.#start + this.#length + count <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(4_096, 2 * (this.#length + count)));
    this.#buffer.copy(larger, 0, this.#start, this.#start + this.#length);
    this.#buffer = larger;
    this.#start = 0;
  }

  /** For the wire only: the connection has ended; the first call wins. */
  finish(end: EndOfWire): void {
    this.#end ??= end;
    this.#wake();
  }

  #wake(): void {
    for (const waiter of this.#waiters) waiter();
  }

  /** All bytes ever received, consumed ones included. */
  get receivedBytes(): number {
    return this.#receivedBytes;
  }

  /** False after the other side has ended the connection. */
  get isOpen(): boolean {
    return this.#end === null;
  }

  /** Bytes received and not consumed yet; valid until more arrive. */
  get unread(): Buffer {
    return this.#buffer.subarray(this.#start, this.#start + this.#length);
  }

  #consume(count: number): Buffer {
    const taken = Buffer.from(this.unread.subarray(0, count));
    this.#start += count;
    this.#length -= count;
    return taken;
  }

  /** Queues bytes; a failure shows in {@link RawClient.closed}. */
  send(data: string | Buffer): void {
    this.#wire.write(typeof data === 'string' ? Buffer.from(data) : data);
  }

  /** Sends and waits until the kernel has taken the bytes; also returns when the connection ends. */
  async sendAll(data: string | Buffer): Promise<void> {
    let isTaken = false;
    this.#wire.write(typeof data === 'string' ? Buffer.from(data) : data, () => {
      isTaken = true;
      this.#wake();
    });
    await this.#until(() => isTaken || this.#end !== null, 60_000, 'the kernel to take the bytes sent');
  }

  /**
   * The next bytes must be these.
   * @param expected text: exactly; RegExp: a match at the current position, over the bytes as Latin-1
   * @returns the bytes consumed (as Latin-1 text)
   * @throws {Error} as soon as the bytes cannot match any more (text), at the limit, or when the connection ends
   */
  async expect(expected: string | RegExp, limitMs = DEFAULT_LIMIT_MS): Promise<string> {
    const match = typeof expected === 'string' ? exactly(expected) : atStart(expected);
    return (await this.#take(match, limitMs, `${shown(expected)} next`)).toString('latin1');
  }

  /**
   * Reads on until this has been received, whatever comes before it.
   * @returns everything consumed, the end mark included
   */
  async readUntil(mark: string | RegExp, limitMs = DEFAULT_LIMIT_MS): Promise<Buffer> {
    return await this.#take(typeof mark === 'string' ? upTo(mark) : upToMatch(mark), limitMs, shown(mark));
  }

  /** Reads exactly this many bytes. */
  async readBytes(count: number, limitMs = DEFAULT_LIMIT_MS): Promise<Buffer> {
    return await this.#take((bytes) => (bytes.length >= count ? count : -1), limitMs, `${count} bytes`);
  }

  /** Sends PING and reads up to the PONG: everything that the other side had queued before. */
  async pingPong(limitMs = DEFAULT_LIMIT_MS): Promise<Buffer> {
    this.send('PING\r\n');
    return await this.readUntil('PONG\r\n', limitMs);
  }

  /** Waits for the end of the connection, reading what still comes. */
  async closed(limitMs = DEFAULT_LIMIT_MS): Promise<RawEnd> {
    await this.#until(() => this.#end !== null, limitMs, 'the end of the connection');
    const end = this.#end as EndOfWire;
    return { ...end, leftover: this.#consume(this.unread.length) };
  }

  /** Ends our writing side and goes on reading. */
  halfClose(): void {
    this.#wire.end();
  }

  /** Stops reading: the other side's queue fills once the kernel buffers are full. */
  pause(): void {
    this.#wire.pause();
  }

  /** Reads again. */
  resume(): void {
    this.#wire.resume();
  }

  /** RST, as a crashed client or a cut cable does it. */
  reset(): void {
    this.#wire.reset();
  }

  /** Ends the connection from our side and waits until it is over. */
  async close(): Promise<void> {
    this.#wire.resume();
    this.#wire.end();
    try {
      await this.closed(2_000);
    } catch {
      // The other side does not close: cut it, the test is over for this client.
    }
    this.#wire.reset();
  }

  async #take(match: Matcher, limitMs: number, what: string): Promise<Buffer> {
    let length = -1;
    const isDone = (): boolean => {
      length = match(this.unread);
      if (length === IMPOSSIBLE) throw new Error(`expected ${what}, received ${this.#shownUnread()}`);
      if (length < 0 && this.#end !== null) {
        throw new Error(
          `expected ${what}, but the connection ended (${this.#end.how}) after ${this.#shownUnread()}`,
        );
      }
      return length >= 0;
    };
    await this.#until(isDone, limitMs, what);
    return this.#consume(length);
  }

  #shownUnread(): string {
    const bytes = this.unread;
    const more = bytes.length > SHOWN_BYTES ? ` … (${bytes.length} bytes)` : '';
    return JSON.stringify(bytes.subarray(0, SHOWN_BYTES).toString('latin1')) + more;
  }

  async #until(isDone: () => boolean, limitMs: number, what: string): Promise<void> {
    let waiter: () => void = () => {};
    const done = new Promise<void>((resolve, reject) => {
      waiter = () => {
        try {
          if (isDone()) resolve();
        } catch (error) {
          reject(error);
        }
      };
    });
    this.#waiters.add(waiter);
    waiter();
    try {
      await within(done, limitMs, what);
    } catch (error) {
      if (error instanceof Error && error.message.startsWith('waited ')) {
        error.message += `; unread: ${this.#shownUnread()}`;
      }
      throw error;
    } finally {
      this.#waiters.delete(waiter);
    }
  }
}

/** Connects over TCP. */
export async function connectRaw(host: string, port: number, options: RawOptions = {}): Promise<RawClient> {
  const { localAddress } = options;
  const socket = createConnection({
    host,
    port,
    allowHalfOpen: true,
    ...(localAddress ? { localAddress } : {}),
  });
  socket.setNoDelay(true);
  return await adoptSocket(socket, 'connect', options);
}

/** A client on a socket of the caller's own. @param connected event after which it can be used */
export async function adoptSocket(
  socket: Socket,
  connected: 'connect' | 'secureConnect',
  options: RawOptions = {},
): Promise<RawClient> {
  const client = new RawClient(tcpWire(socket));
  socket.on('data', (bytes) => client.accept(bytes));
  socket.on('end', () => {
    client.finish({ how: 'eof', code: 0, reason: '' });
    socket.end();
  });
  const isConnected = new Promise<void>((resolve, reject) => {
    socket.once(connected, resolve);
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('closed before it was connected')));
  });
  socket.on('error', () => client.finish({ how: 'reset', code: 0, reason: '' }));
  socket.on('close', () => client.finish({ how: 'reset', code: 0, reason: '' }));
  return await ready(client, isConnected, options);
}

function tcpWire(socket: Socket): Wire {
  return {
    write: (data, done) => {
      socket.write(data, () => done?.());
    },
    pause: () => {
      socket.pause();
    },
    resume: () => {
      socket.resume();
    },
    end: () => {
      socket.end();
    },
    reset: () => {
      // While a shutdown is under way, libuv refuses a reset and the handle would never be closed.
      if (socket.writableEnded || socket instanceof TLSSocket) socket.destroy();
      else socket.resetAndDestroy();
    },
  };
}

/** Connects over WebSocket, `url` as `ws://host:port/path`. */
export async function connectRawWebSocket(
  url: string,
  options: RawWebSocketOptions = {},
): Promise<RawClient> {
  const socket = new WebSocket(url, options.protocols ?? [], {
    perMessageDeflate: options.compression ?? false,
    headers: options.headers ?? {},
    ...(options.ca !== undefined && { ca: options.ca }),
    ...(options.cert !== undefined && { cert: options.cert, key: options.key }),
  });
  const client = new RawClient(webSocketWire(socket, options.textFrames ?? false));
  socket.on('message', (data) => {
    const bytes = Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data as Buffer);
    client.messages.push(bytes);
    client.accept(bytes);
  });
  const connected = new Promise<void>((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', reject);
  });
  socket.on('error', () => {}); // `close` follows and tells how it ended
  socket.on('close', (code, reason) => {
    client.finish({ how: code === 1006 ? 'reset' : 'eof', code, reason: reason.toString() });
  });
  return await ready(client, connected, options);
}

function webSocketWire(socket: WebSocket, isText: boolean): Wire {
  return {
    write: (data, done) => socket.send(isText ? data.toString() : data, { binary: !isText }, () => done?.()),
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    end: () => socket.close(1000),
    reset: () => socket.terminate(),
  };
}

async function ready(client: RawClient, connected: Promise<void>, options: RawOptions): Promise<RawClient> {
  const limitMs = options.limitMs ?? DEFAULT_LIMIT_MS;
  try {
    await within(connected, limitMs, 'the connection');
    if (options.readInfo === false) return client;
    const line = await client.expect(/INFO [^\r\n]*\r\n/, limitMs);
    client.info = JSON.parse(Buffer.from(line.slice(5), 'latin1').toString()) as Record<string, unknown>;
    return client;
  } catch (error) {
    client.reset();
    throw error;
  }
}
