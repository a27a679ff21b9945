/**
 * One buffer for all reads of a process. Node's own reads allocate 64 KB each, whose memory is cold every time: that
 * costs a generator more than everything it does with a message.
 */
import { type OnReadOpts, Socket } from 'node:net';

const READ_BYTES = 64 * 1024;
const buffer = Buffer.allocUnsafeSlow(READ_BYTES);

/**
 * Option `onread` of a socket.
 * @param take must copy what it keeps: the next read of any socket overwrites it
 */
export function readInto(take: (chunk: Buffer) => void): OnReadOpts {
  return {
    buffer,
    callback: (length) => {
      take(buffer.subarray(0, length));
      return true;
    },
  };
}

/** What node's accepted sockets and constructor have besides their types. */
interface HandleHolder {
  _handle: unknown;
}

/**
 * Takes over an accepted connection (of a server with `pauseOnConnect`), because only sockets that one makes oneself can
 * read like this.
 */
export function adopt(accepted: Socket, take: (chunk: Buffer) => void): Socket {
  const holder = accepted as unknown as HandleHolder;
  const options = { handle: holder._handle, onread: readInto(take), readable: true, writable: true };
  holder._handle = null;
  const socket = new Socket(options);
  socket.resume();
  return socket;
}
