/**
 * A WebSocket as a byte stream: message boundaries carry no meaning in either direction.
 * Must not know about NATS, sessions or how the WebSocket came about.
 */
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import type { CloseReason } from '../close-reason.ts';
import { type ByteStream, type ByteStreamHandlers, reasonOfSocketError } from './byte-stream.ts';
import { WEBSOCKET_CLOSE_CODES } from './websocket-close-code.ts';

/** Close codes that may not stand in a close frame. @see RFC 6455 §7.4.1 */
const TLS_HANDSHAKE = 1015;

/**
 * See {@link ByteStream}. A close frame ends both directions, so there is no half-close: `onEnd` is never called,
 * and everything received before the close frame has been delivered when `onClosed` is.
 */
export class WebSocketStream implements ByteStream {
  readonly #webSocket: WebSocket;
  readonly #socket: Duplex;
  #reason: CloseReason = 'Client Closed';
  #bufferedBytes = 0;
  #hasDelivered = false;

  /** @param socket the transport below `webSocket`, only watched for the number of bytes that arrive */
  constructor(webSocket: WebSocket, socket: Duplex) {
    this.#webSocket = webSocket;
    this.#socket = socket;
  }

  /** An estimate: exact for a message that fills whole reads, else at most one read too low. */
  get bufferedBytes(): number {
    return this.#bufferedBytes;
  }

  attach(handlers: ByteStreamHandlers): void {
    this.#webSocket
      .on('error', (error: NodeJS.ErrnoException) => {
        const violation = violationOf(error);
        if (violation === null) this.#reason = reasonOfSocketError(error);
        else handlers.onViolation(violation);
      })
      .on('close', () => handlers.onClosed(this.#reason))
      .on('message', (data) => {
        this.#hasDelivered = true;
        this.#bufferedBytes = 0;
        // The default binaryType delivers Buffers, text messages included.
        if (Buffer.isBuffer(data) && data.length > 0) handlers.onData(data);
      });
    // The library shows a message only when it is complete. Without this count, clients that never finish a
    // message could fill the memory behind the back of the input limit.
    this.#socket.on('data', (chunk: Buffer) => {
      this.#bufferedBytes = this.#hasDelivered ? 0 : this.#bufferedBytes + chunk.length;
      this.#hasDelivered = false;
      handlers.onBuffered();
    });
  }

  write(chunks: readonly Buffer[], done: () => void): void {
    const [first] = chunks;
    if (first === undefined) return;
    const message = chunks.length === 1 ? first : Buffer.concat(chunks);
    // In the closing state the library refuses the message and still calls back.
    this.#webSocket.send(message, { binary: true }, done);
  }

  pause(): void {
    this.#webSocket.pause();
  }

  resume(): void {
    this.#webSocket.resume();
  }

  end(reason: CloseReason): void {
    const code = WEBSOCKET_CLOSE_CODES[reason];
    if (code === TLS_HANDSHAKE) this.#webSocket.terminate();
    else this.#webSocket.close(code, reason);
  }

  destroy(): void {
    this.#webSocket.terminate();
  }
}

/** What a framing error of the library means; null for errors of the socket below. */
function violationOf(error: NodeJS.ErrnoException): CloseReason | null {
  const code = error.code ?? '';
  if (code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH') return 'Maximum Message Payload Exceeded';
  // Z_…: compressed data that does not inflate.
  return code.startsWith('WS_ERR_') || code.startsWith('Z_') ? 'Protocol Violation' : null;
}
