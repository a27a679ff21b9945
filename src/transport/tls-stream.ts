/**
 * A socket that becomes an encrypted one within the connection, as a byte stream: INFO in clear text, if it is to be,
 * then the handshake, then everything else. Must not know about NATS or sessions, nor how certificates are checked.
 */
import type { Socket } from 'node:net';
import type { CloseReason } from '../close-reason.ts';
import { type ByteStream, type ByteStreamHandlers, reasonOfSocketError } from './byte-stream.ts';
import { SocketStream } from './socket-stream.ts';
import { type ConnectionTls, HANDSHAKE_RECORD, type TlsHandshakes } from './tls-handshakes.ts';

interface HeldWrite {
  readonly chunks: readonly Buffer[];
  readonly done: () => void;
}

/**
 * `greeting`: nothing written yet. `clear`: clear text may be written (only where TLS is optional). `awaiting`: the
 * next byte of the client has to start a handshake, and nothing may be written. `handshake`: it is under way.
 * `open`: `#inner` carries everything. `over`: input is discarded until the end.
 */
type State = 'greeting' | 'clear' | 'awaiting' | 'handshake' | 'open' | 'over';

/** See {@link ByteStream}. The socket must have been created with `allowHalfOpen`. */
export class TlsStream implements ByteStream {
  readonly bufferedBytes = 0;
  readonly #socket: Socket;
  readonly #handshakes: TlsHandshakes;
  readonly #tls: ConnectionTls;
  #state: State = 'greeting';
  #handlers: ByteStreamHandlers | null = null;
  /** Takes over when it is settled whether there is TLS. */
  #inner: SocketStream | null = null;
  /** A connection has one write under way at most. */
  #held: HeldWrite | null = null;
  #isWritingClear = false;
  /** The handshake has been asked for, but clear text is still on its way to the kernel. */
  #wantsHandshake = false;
  #isPaused = false;
  #reason: CloseReason = 'Client Closed';
  #infoTimer: NodeJS.Timeout | undefined;
  #timer: NodeJS.Timeout | undefined;
  readonly #onFirst = (chunk: Buffer): void => this.#takeFirst(chunk);

  /** @param tls its session is set before the first byte of the client is passed on */
  constructor(socket: Socket, handshakes: TlsHandshakes, tls: ConnectionTls) {
    this.#socket = socket;
    this.#handshakes = handshakes;
    this.#tls = tls;
  }

  attach(handlers: ByteStreamHandlers): void {
    this.#handlers = handlers;
    const { isOptional, infoDelayMs } = this.#handshakes.policy;
    this.#socket
      .on('error', (error) => {
        if (this.#state !== 'handshake') this.#reason = reasonOfSocketError(error);
      })
      .on('close', () => this.#onSocketClosed())
      .on('end', () => this.#onSocketEnd())
      .on('data', this.#onFirst);
    if (isOptional) {
      this.#state = 'clear';
      return;
    }
    this.#startTimer();
    if (infoDelayMs === Number.POSITIVE_INFINITY) this.#state = 'awaiting';
    else if (infoDelayMs > 0) this.#infoTimer = setTimeout(() => this.#endInfoDelay(), infoDelayMs);
  }

  write(chunks: readonly Buffer[], done: () => void): void {
    if (this.#inner !== null) this.#inner.write(chunks, done);
    else if (this.#state === 'over') setImmediate(done);
    else if (this.#state === 'clear') this.#writeClear(chunks, done);
    else if (this.#state === 'greeting' && this.#infoTimer === undefined) this.#greet(chunks, done);
    else this.#held = { chunks, done };
  }

  pause(): void {
    this.#isPaused = true;
    this.#inner?.pause();
  }

  resume(): void {
    this.#isPaused = false;
    this.#inner?.resume();
  }

  end(): void {
    if (this.#inner !== null) {
      this.#inner.end();
      return;
    }
    // Half a handshake cannot be ended in order, and anything in clear text would be noise in it.
    if (this.#state === 'handshake') {
      this.#socket.destroy();
      return;
    }
    this.#state = 'over';
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** The first write is INFO; everything after it belongs into TLS. */
  #greet(chunks: readonly Buffer[], done: () => void): void {
    this.#state = 'awaiting';
    this.#writeClear(chunks, done);
  }

  #writeClear(chunks: readonly Buffer[], done: () => void): void {
    this.#isWritingClear = true;
    this.#socket.write(Buffer.concat(chunks), () => {
      this.#isWritingClear = false;
      done();
      if (this.#wantsHandshake) this.#beginHandshake();
    });
  }

  /** The client has not started a handshake by itself: it waits for INFO. */
  #endInfoDelay(): void {
    this.#infoTimer = undefined;
    const held = this.#held;
    if (this.#state !== 'greeting' || held === null) return;
    this.#held = null;
    this.#greet(held.chunks, held.done);
  }

  #takeFirst(chunk: Buffer): void {
    if (this.#state === 'over') return;
    clearTimeout(this.#infoTimer);
    this.#infoTimer = undefined;
    if (chunk[0] === HANDSHAKE_RECORD) {
      this.#startHandshake(chunk);
    } else if (this.#state === 'clear') {
      this.#goOnInClear(chunk);
    } else {
      // Silently, as nats-server does: the client speaks no TLS, and there is no other language here.
      const held = this.#held;
      this.#state = 'over';
      this.#held = null;
      this.#handlers?.onViolation('TLS Handshake Failure');
      held?.done();
    }
  }

  /** Whoever has said "pause" meanwhile gets the first bytes later, as all others. */
  #goOnInClear(chunk: Buffer): void {
    this.#socket.pause();
    this.#socket.unshift(chunk);
    const inner = new SocketStream(this.#socket);
    this.#open(inner);
    if (!this.#isPaused) inner.resume();
  }

  #startHandshake(chunk: Buffer): void {
    this.#state = 'handshake';
    this.#reason = 'TLS Handshake Failure';
    if (this.#timer === undefined) this.#startTimer();
    this.#socket.off('data', this.#onFirst);
    this.#socket.pause();
    this.#socket.unshift(chunk);
    // Clear text and records must not mix.
    if (this.#isWritingClear) this.#wantsHandshake = true;
    else this.#beginHandshake();
  }

  #beginHandshake(): void {
    this.#wantsHandshake = false;
    if (this.#socket.destroyed) return;
    this.#handshakes.begin(this.#socket, (socket, session) => {
      clearTimeout(this.#timer);
      this.#tls.session = session;
      this.#reason = 'Client Closed';
      this.#open(new SocketStream(socket));
    });
  }

  #open(inner: SocketStream): void {
    const held = this.#held;
    this.#state = 'open';
    this.#inner = inner;
    this.#held = null;
    this.#socket.off('data', this.#onFirst);
    if (this.#handlers !== null) inner.attach(this.#handlers);
    if (this.#isPaused) inner.pause();
    if (held !== null) inner.write(held.chunks, held.done);
  }

  #startTimer(): void {
    this.#timer = setTimeout(() => {
      this.#reason = 'TLS Handshake Failure';
      this.#socket.destroy();
    }, this.#handshakes.policy.timeoutMs);
  }

  /** Nothing more will come, so there will be no handshake. */
  #onSocketEnd(): void {
    if (this.#state === 'clear') {
      this.#open(new SocketStream(this.#socket));
      this.#handlers?.onEnd();
    } else if (this.#inner === null) {
      this.#socket.destroy();
    }
  }

  #onSocketClosed(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#infoTimer);
    // From there on the stream inside tells.
    if (this.#inner === null) this.#handlers?.onClosed(this.#reason);
  }
}
