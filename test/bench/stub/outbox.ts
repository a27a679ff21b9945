/**
 * What the stub broker has to say to one client: collected in a slab and written once per read of anybody.
 */
import type { Socket } from 'node:net';

const SLAB_BYTES = 256 * 1024;

/** See the head of the file. */
export class Outbox {
  readonly #socket: Socket;
  #slab = Buffer.allocUnsafe(SLAB_BYTES);
  #start = 0;
  #end = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** The socket has more than it takes; it emits 'drain' later. */
  get isFull(): boolean {
    // Large writes ask for 'drain' even when the kernel has already taken them.
    return this.#socket.writableNeedDrain && this.#socket.writableLength > 0;
  }

  /** Appends a copy of some bytes. */
  append(bytes: Buffer): void {
    bytes.copy(this.reserve(bytes.length), this.#end);
    this.#end += bytes.length;
  }

  /**
   * Room for `length` bytes, to be filled from {@link Outbox.position} on and then counted with
   * {@link Outbox.advance}.
   */
  reserve(length: number): Buffer {
    if (this.#end + length > this.#slab.length) this.flush();
    if (this.#end + length > this.#slab.length) {
      // The socket may still hold parts of the old one.
      this.#slab = Buffer.allocUnsafeSlow(Math.max(SLAB_BYTES, length));
      this.#start = 0;
      this.#end = 0;
    }
    return this.#slab;
  }

  /** Where to fill in the slab. */
  get position(): number {
    return this.#end;
  }

  /** Counts bytes that were filled in; `end` is the position behind them. */
  advance(end: number): void {
    this.#end = end;
  }

  /** Writes everything in one piece. */
  flush(): void {
    if (this.#end === this.#start) return;
    this.#socket.write(this.#slab.subarray(this.#start, this.#end));
    // What the kernel has taken may be overwritten, and stays in the processor's cache.
    if (this.#socket.writableLength === 0) this.#end = 0;
    this.#start = this.#end;
  }
}
