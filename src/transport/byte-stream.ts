/**
 * What a connection needs from the thing that carries its bytes, so that TCP sockets and WebSockets look alike.
 * Must not know about NATS, sessions or configuration.
 */
import type { CloseReason } from '../close-reason.ts';

/** What a byte stream tells its user. */
export interface ByteStreamHandlers {
  /** The buffer belongs to the receiver and is never written to again. */
  onData(chunk: Buffer): void;
  /** {@link ByteStream.bufferedBytes} has changed without any data for the receiver. */
  onBuffered(): void;
  /** The peer has closed its writing side; writing is still possible. */
  onEnd(): void;
  /** The peer broke the framing around the bytes. Nothing more will be read; what is written may not arrive. */
  onViolation(reason: CloseReason): void;
  /** The stream is gone. Called exactly once, after everything else. */
  onClosed(reason: CloseReason): void;
}

/** A two-way stream of bytes to one client. */
export interface ByteStream {
  /** Bytes received but held back by the stream, such as an unfinished WebSocket message. */
  readonly bufferedBytes: number;
  /** Starts the flow of events; called once. */
  attach(handlers: ByteStreamHandlers): void;
  /**
   * Writes all chunks in one go. The chunks must not change afterwards.
   * @param done called later, once, when the kernel has taken the last byte or the stream has given up on it
   */
  write(chunks: readonly Buffer[], done: () => void): void;
  /** Stops reading; a few chunks that were already on their way may still arrive. */
  pause(): void;
  resume(): void;
  /** Closes the writing side after everything written so far; input goes on until the peer closes too. */
  end(reason: CloseReason): void;
  /** Gives the stream up at once; what was written may be lost. */
  destroy(): void;
}

/** Errors that only say that the peer left without a farewell. */
const PEER_LEFT = new Set(['ECONNRESET', 'EPIPE', 'ECONNABORTED']);

/** The reason to record for a socket that failed. */
export function reasonOfSocketError(error: NodeJS.ErrnoException): CloseReason {
  if (error.code !== undefined && PEER_LEFT.has(error.code)) return 'Client Closed';
  return error.syscall === 'write' ? 'Write Error' : 'Read Error';
}
