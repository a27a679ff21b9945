/**
 * The byte stream between MQTT.js and the broker's socket. PUBLISH and PUBACK bypass MQTT.js in both directions:
 * outbound they are written into one buffer with MQTT.js's own packets and leave once per turn of the event loop,
 * inbound they are lifted out of the stream. Knows frames, not what they mean to anybody.
 */
import { Duplex } from 'node:stream';
import type { InboundPublication, OutboundPublication } from '../mqtt/publication.ts';
import { PublishDecoder } from '../mqtt/publish-decoder.ts';
import { writePuback, writePublish } from '../mqtt/publish-encoder.ts';
import { OutputBuffer } from '../util/output-buffer.ts';
import { FrameSplitter } from './frame-splitter.ts';
import { ReadModeration } from './read-moderation.ts';

/** What a tap tells its owner. */
export interface TapEvents {
  /** A PUBLISH of QoS 0 or 1. Valid until the return; with QoS 1 its PUBACK is queued then. Must not throw. */
  onPublish(message: InboundPublication, identifiers: readonly number[]): void;
  /** The broker has acknowledged a publication of ours. */
  onPuback(packetId: number, code: number): void;
  /** The kernel has taken everything that was written until then. */
  onWritten(): void;
  /** The broker speaks rubbish: the stream must be given up. */
  onMalformed(detail: string): void;
}

/** Packet ids from here on are those of our own publications; MQTT.js has the lower ones. */
export const FIRST_TAP_PACKET_ID = 1024;

const PUBLISH = 3;
const PUBACK = 4;

/** Up to here copying the chunks together is cheaper than a vectored write. */
const JOIN_BELOW_BYTES = 16 * 1024;

/** See the head of this file. */
export class Tap extends Duplex {
  readonly #socket: Duplex;
  readonly #events: TapEvents;
  readonly #protocolVersion: 4 | 5;
  readonly #out = new OutputBuffer();
  readonly #decoder: PublishDecoder;
  readonly #splitter: FrameSplitter;
  readonly #moderation: ReadModeration;
  #isFlushScheduled = false;
  /** Bytes handed to the socket and not yet taken by the kernel. */
  #writingBytes = 0;
  #isOpen = false;
  readonly #flushNow = (): void => this.#flush();

  constructor(socket: Duplex, protocolVersion: 4 | 5, events: TapEvents) {
    super({ allowHalfOpen: false });
    this.#socket = socket;
    this.#events = events;
    this.#protocolVersion = protocolVersion;
    this.#decoder = new PublishDecoder(protocolVersion);
    this.#splitter = new FrameSplitter({
      onFrame: (buffer, start, bodyStart, end) => this.#takeFrame(buffer, start, bodyStart, end),
      onPassed: (bytes) => {
        if (!this.destroyed) this.push(bytes);
      },
      onMalformed: (detail) => events.onMalformed(detail),
    });
    this.#moderation = new ReadModeration(socket);
    socket
      .on('data', (chunk: Buffer) => this.#read(chunk))
      .on('end', () => this.push(null))
      .on('error', (error) => this.destroy(error))
      .on('close', () => this.destroy());
  }

  /** Bytes that the kernel has not taken yet. */
  get pendingBytes(): number {
    return this.#out.length + this.#writingBytes;
  }

  /** CONNACK has come: from now on PUBLISH and PUBACK are ours. */
  open(): void {
    this.#isOpen = true;
  }

  /** Writes a PUBLISH. Precondition: `open`. @param packetId from {@link FIRST_TAP_PACKET_ID} on; 0 with QoS 0 */
  publish(publication: OutboundPublication, packetId: number): void {
    writePublish(this.#out, publication, packetId, this.#protocolVersion);
    this.#flushSoon();
  }

  override _read(): void {
    // Frames come when the socket has them; MQTT.js gets few and small ones, which may wait for it here.
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#out.appendBytes(chunk, 0, chunk.length);
    this.#flushSoon();
    done();
  }

  override _writev(
    chunks: { readonly chunk: Buffer; readonly encoding: BufferEncoding }[],
    done: (error?: Error | null) => void,
  ): void {
    for (const { chunk } of chunks) this.#out.appendBytes(chunk, 0, chunk.length);
    this.#flushSoon();
    done();
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#flush();
    this.#socket.end();
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#isOpen = false;
    this.#moderation.stop();
    this.#out.discard();
    this.#socket.destroy();
    done(error);
  }

  #flushSoon(): void {
    if (this.#isFlushScheduled) return;
    this.#isFlushScheduled = true;
    setImmediate(this.#flushNow);
  }

  #flush(): void {
    this.#isFlushScheduled = false;
    const size = this.#out.length;
    if (size === 0 || this.destroyed) return;
    const chunks = this.#out.take();
    this.#writingBytes += size;
    const done = (): void => {
      this.#writingBytes -= size;
      if (this.destroyed) return;
      this.#out.release(size);
      this.#events.onWritten();
    };
    writeAll(this.#socket, chunks, size, done);
  }

  #read(chunk: Buffer): void {
    if (this.destroyed) return;
    this.#moderation.onChunk(chunk.length);
    this.#splitter.push(chunk);
    this.#decoder.release();
  }

  /** @returns whether the frame was ours */
  #takeFrame(buffer: Buffer, start: number, bodyStart: number, end: number): boolean {
    if (!this.#isOpen) return false;
    const first = buffer[start] ?? 0;
    const type = first >> 4;
    if (type === PUBLISH && (first & 4) === 0) {
      this.#takePublish(buffer, first, bodyStart, end);
      return true;
    }
    return type === PUBACK && this.#takePuback(buffer, bodyStart, end);
  }

  #takePublish(buffer: Buffer, first: number, bodyStart: number, end: number): void {
    const decoder = this.#decoder;
    const message = decoder.decode(buffer, first, bodyStart, end);
    if (message === null) {
      this.#events.onMalformed('malformed PUBLISH');
      return;
    }
    const { packetId } = decoder;
    this.#events.onPublish(message, decoder.identifiers);
    if (packetId === 0) return;
    writePuback(this.#out, packetId);
    this.#flushSoon();
  }

  #takePuback(buffer: Buffer, bodyStart: number, end: number): boolean {
    if (end - bodyStart < 2) return false;
    const packetId = buffer.readUInt16BE(bodyStart);
    if (packetId < FIRST_TAP_PACKET_ID) return false;
    this.#events.onPuback(packetId, end - bodyStart > 2 ? (buffer[bodyStart + 2] ?? 0) : 0);
    return true;
  }
}

function writeAll(socket: Duplex, chunks: readonly Buffer[], size: number, done: () => void): void {
  const [first] = chunks;
  if (first === undefined) return;
  if (chunks.length === 1 || size <= JOIN_BELOW_BYTES) {
    socket.write(chunks.length === 1 ? first : Buffer.concat(chunks), done);
    return;
  }
  const last = chunks.length - 1;
  socket.cork();
  for (const [index, chunk] of chunks.entries()) {
    if (index === last) socket.write(chunk, done);
    else socket.write(chunk);
  }
  socket.uncork();
}
