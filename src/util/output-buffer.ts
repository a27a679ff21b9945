/**
 * Bytes on their way to a socket: appended piece by piece, taken as a few chunks per flush.
 * Must not know what the bytes mean, nor when and where they are written.
 */

/** First slab: enough for INFO and the first answers of a connection that then falls silent. */
const MIN_SLAB_BYTES = 512;
const MAX_SLAB_BYTES = 65_536;

/** Below this a loop in JavaScript beats the call into `copy`. */
const LOOP_BYTES = 40;

/** From here on a range is queued as it is: copying would cost more than another element of the vectored write. */
const BY_REFERENCE_BYTES = 32_768;

const EMPTY = Buffer.alloc(0);

/** Full-sized slabs kept for the next turn; more are given to the garbage collector. */
const MAX_SPARES = 4;

/** The same for small ones, of all buffers together. */
const MAX_SMALL_SPARES = 256;

/** A slab and how many pieces of it have been taken and not been released. */
interface Slab {
  readonly buffer: Buffer;
  lent: number;
}

/**
 * Small slabs between two uses, of all buffers: a connection that says little needs one from its first byte of a turn to
 * the moment the kernel has them, and thousands of silent ones need none.
 */
const smallSpares: Slab[] = [];

/** A piece that was taken; null for bytes that are no slab's. */
interface LentPiece {
  readonly slab: Slab | null;
  readonly bytes: number;
}

/** Copies `source[start, end)` to `target` at `at`. @returns position behind the copy */
export function copyBytes(source: Buffer, start: number, end: number, target: Buffer, at: number): number {
  const size = end - start;
  if (size < LOOP_BYTES) for (let i = 0; i < size; i++) target[at + i] = source[start + i] ?? 0;
  else source.copy(target, at, start, end);
  return at + size;
}

/**
 * Queue of bytes in slabs. Callers that know how much they write call {@link ensure}, store at `buf[pos]` and
 * advance `pos`; nothing else may change the two fields.
 */
export class OutputBuffer {
  /** Current slab. */
  buf: Buffer = EMPTY;
  /** Where the next byte goes in `buf`. */
  pos = 0;
  /** First byte of `buf` that is not yet part of `#sealed`, nor taken. */
  #start = 0;
  #sealed: Buffer[] = [];
  #slab: Slab | null = null;
  /** Of the sealed pieces and those taken, in order. */
  #lent: LentPiece[] = [];
  /** Bytes of the first lent piece that have been released. */
  #released = 0;
  #spares: Slab[] = [];
  /** Where bytes came from last, with its memory: many pieces of one chunk follow each other… */
  #source: Buffer = EMPTY;
  #memory: ArrayBufferLike = EMPTY.buffer;
  #memoryOffset = 0;
  /** … in turns with pieces of a second one, such as header blocks. */
  #otherSource: Buffer = EMPTY;
  #otherMemory: ArrayBufferLike = EMPTY.buffer;
  #otherOffset = 0;
  #sealedBytes = 0;
  #slabBytes = MIN_SLAB_BYTES;

  /** Bytes appended and not yet taken. */
  get length(): number {
    return this.#sealedBytes + this.pos - this.#start;
  }

  /** Guarantees `byteCount` contiguous free bytes in `buf` at `pos`; both may be others afterwards. */
  ensure(byteCount: number): void {
    if (this.buf.length - this.pos < byteCount) this.#newSlab(byteCount);
  }

  /** Appends `source[start, end)`. Large ranges are kept by reference: the source must never change again. */
  appendBytes(source: Buffer, start: number, end: number): void {
    const size = end - start;
    if (size >= BY_REFERENCE_BYTES) {
      this.#seal();
      this.#push(source.subarray(start, end), null);
      return;
    }
    this.appendCopy(source, start, end);
  }

  /** Appends `source[start, end)`, which may change afterwards. */
  appendCopy(source: Buffer, start: number, end: number): void {
    const size = end - start;
    const free = this.buf.length - this.pos;
    if (size <= free) {
      this.#copy(source, start, end);
      return;
    }
    // Split, so that slabs are handed over full: what is pending for a slow client is what it costs.
    this.#copy(source, start, start + free);
    this.#newSlab(size - free);
    this.#copy(source, start + free, end);
  }

  /** Appends a text in UTF-8. */
  appendText(text: string): void {
    const size = Buffer.byteLength(text);
    this.ensure(size);
    this.buf.write(text, this.pos, size, 'utf8');
    this.pos += size;
  }

  /** Empties the queue. The chunks, in order, are not written to before they are released. */
  take(): Buffer[] {
    const taken = this.length;
    if (taken === 0) return [];
    this.#seal();
    this.#forgetSources();
    const chunks = this.#sealed;
    this.#sealed = [];
    this.#sealedBytes = 0;
    if (taken * 8 < this.#slabBytes) {
      // Less to say than before: thousands of connections must not keep the slabs of their busiest moment.
      this.#slabBytes = Math.max(MIN_SLAB_BYTES, this.#slabBytes >> 2);
      if (this.buf.length > this.#slabBytes * 4) this.#drop();
    }
    return chunks;
  }

  /**
   * The kernel has the next bytes of what was taken: their memory may be used again. Never called for chunks that
   * somebody still holds.
   */
  release(byteCount: number): void {
    let left = this.#released + byteCount;
    let count = 0;
    for (const { slab, bytes } of this.#lent) {
      if (bytes > left) break;
      left -= bytes;
      count++;
      if (slab !== null) this.#giveBack(slab);
    }
    this.#released = left;
    if (count > 0) this.#lent.splice(0, count);
    if (this.#lent.length === 0 && this.buf.length === MIN_SLAB_BYTES) this.#putAside();
  }

  /** Empties the queue; what was taken is never released. */
  discard(): void {
    this.#drop();
    this.#sealed = [];
    this.#sealedBytes = 0;
    this.#lent = [];
    this.#released = 0;
  }

  /** Leaves a small slab that nobody needs any more to whoever comes next. */
  #putAside(): void {
    if (this.#slab === null || this.pos !== this.#start) return;
    if (smallSpares.length < MAX_SMALL_SPARES) smallSpares.push(this.#slab);
    this.buf = EMPTY;
    this.#slab = null;
    this.pos = 0;
    this.#start = 0;
  }

  #giveBack(slab: Slab): void {
    slab.lent--;
    const isReusable = slab.lent === 0 && slab !== this.#slab && slab.buffer.length === MAX_SLAB_BYTES;
    if (isReusable && this.#slabBytes === MAX_SLAB_BYTES && this.#spares.length < MAX_SPARES)
      this.#spares.push(slab);
  }

  #push(chunk: Buffer, slab: Slab | null): void {
    this.#sealed.push(chunk);
    this.#sealedBytes += chunk.length;
    this.#lent.push({ slab, bytes: chunk.length });
    if (slab !== null) slab.lent++;
  }

  /** As {@link copyBytes}; without what `Buffer.copy` does before it copies, which costs as much as the copy. */
  #copy(source: Buffer, start: number, end: number): void {
    const size = end - start;
    if (size < LOOP_BYTES) {
      this.pos = copyBytes(source, start, end, this.buf, this.pos);
      return;
    }
    if (source !== this.#source) this.#switchSource(source);
    this.buf.set(new Uint8Array(this.#memory, this.#memoryOffset + start, size), this.pos);
    this.pos += size;
  }

  #switchSource(source: Buffer): void {
    const former = this.#source;
    const memory = this.#memory;
    const offset = this.#memoryOffset;
    if (source === this.#otherSource) {
      this.#memory = this.#otherMemory;
      this.#memoryOffset = this.#otherOffset;
    } else {
      this.#memory = source.buffer;
      this.#memoryOffset = source.byteOffset;
    }
    this.#source = source;
    this.#otherSource = former;
    this.#otherMemory = memory;
    this.#otherOffset = offset;
  }

  #forgetSources(): void {
    this.#source = EMPTY;
    this.#memory = EMPTY.buffer;
    this.#otherSource = EMPTY;
    this.#otherMemory = EMPTY.buffer;
  }

  /** Moves what is in the slab to the sealed chunks; the slab goes on being used behind it. */
  #seal(): void {
    if (this.pos === this.#start) return;
    this.#push(this.buf.subarray(this.#start, this.pos), this.#slab);
    this.#start = this.pos;
  }

  #newSlab(byteCount: number): void {
    // A whole slab within one flush: this connection is under load.
    const isFilled = this.#start === 0 && this.buf.length >= this.#slabBytes;
    if (isFilled) this.#slabBytes = Math.min(MAX_SLAB_BYTES, this.#slabBytes * 4);
    this.#seal();
    const size = Math.max(this.#slabBytes, byteCount);
    this.#slab = this.#spareOf(size) ?? { buffer: Buffer.allocUnsafe(size), lent: 0 };
    this.buf = this.#slab.buffer;
    this.pos = 0;
    this.#start = 0;
  }

  #spareOf(size: number): Slab | undefined {
    if (size === MIN_SLAB_BYTES) return smallSpares.pop();
    return size === MAX_SLAB_BYTES ? this.#spares.pop() : undefined;
  }

  #drop(): void {
    this.buf = EMPTY;
    this.#slab = null;
    this.#spares = [];
    this.pos = 0;
    this.#start = 0;
  }
}
