/** The queue in front of a stream that takes its time: everything that was to be flushed is written, in order. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ByteStream } from '../../../src/transport/byte-stream.ts';
import { WriteQueue } from '../../../src/transport/write-queue.ts';
import { FakeClock } from '../../support/fake-clock.ts';

/** Takes a write at a time and finishes it when told. */
class SlowStream implements ByteStream {
  readonly bufferedBytes = 0;
  /** Total bytes of each write. */
  readonly writes: number[] = [];
  #done: (() => void) | null = null;

  attach(): void {}
  write(chunks: readonly Buffer[], done: () => void): void {
    assert.equal(this.#done, null, 'one write at a time');
    this.writes.push(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
    this.#done = done;
  }
  pause(): void {}
  resume(): void {}
  end(): void {}
  destroy(): void {}

  /** @returns whether there was a write to finish */
  finish(): boolean {
    const done = this.#done;
    this.#done = null;
    done?.();
    return done !== null;
  }
}

const CHUNK = Buffer.alloc(512 * 1024, 'x');

test('write queue: what is flushed while more than one write is outstanding is not forgotten', () => {
  const stream = new SlowStream();
  const queue = new WriteQueue(stream, 10_000, new FakeClock(), {
    onWritten: () => {},
    onWriteStalled: () => assert.fail('stalled'),
  });
  for (let count = 0; count < 3; count++) queue.output.appendBytes(CHUNK, 0, CHUNK.length);
  queue.flush();
  // Half of what was taken still waits for its turn when this is asked for.
  queue.output.appendText('tail');
  queue.flush();
  while (stream.finish());
  assert.deepEqual(stream.writes, [2 * CHUNK.length, CHUNK.length, 4]);
  assert.deepEqual([queue.pendingBytes, queue.isIdle], [0, true]);
});
