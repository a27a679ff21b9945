/**
 * A TCP socket as a byte stream. Must not know about NATS or sessions.
 */
import type { Socket } from 'node:net';
import type { CloseReason } from '../close-reason.ts';
import { type ByteStream, type ByteStreamHandlers, reasonOfSocketError } from './byte-stream.ts';

/** Up to here copying the chunks together is cheaper than a vectored write. */
const JOIN_BELOW_BYTES = 16 * 1024;

/** See {@link ByteStream}. The socket must have been created with `allowHalfOpen`. */
export class SocketStream implements ByteStream {
  readonly bufferedBytes = 0;
  readonly #socket: Socket;
  #reason: CloseReason = 'Client Closed';

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  attach(handlers: ByteStreamHandlers): void {
    this.#socket
      .on('error', (error) => {
        this.#reason = reasonOfSocketError(error);
      })
      .on('close', () => handlers.onClosed(this.#reason))
      .on('end', () => handlers.onEnd())
      .on('data', (chunk: Buffer) => handlers.onData(chunk));
  }

  write(chunks: readonly Buffer[], done: () => void): void {
    const socket = this.#socket;
    const last = chunks.length - 1;
    if (last > 0 && totalBytes(chunks) > JOIN_BELOW_BYTES) {
      socket.cork();
      chunks.forEach((chunk, index) => {
        if (index === last) socket.write(chunk, done);
        else socket.write(chunk);
      });
      socket.uncork();
      return;
    }
    const first = chunks[0];
    if (first !== undefined) socket.write(last === 0 ? first : Buffer.concat(chunks), done);
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}

function totalBytes(chunks: readonly Buffer[]): number {
  let total = 0;
  for (const chunk of chunks) total += chunk.length;
  return total;
}
