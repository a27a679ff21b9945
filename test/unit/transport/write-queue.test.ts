import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ByteStream } from '../../../src/transport/byte-stream.ts';
import { WriteQueue } from '../../../src/transport/write-queue.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const MIB = 1024 * 1024;

/** A stream that takes a write when the test says so. */
class SlowStream implements ByteStream {
  readonly bufferedBytes = 0;
  received = 0;
  #done: (() => void) | null = null;

  get isWriting(): boolean {
    return this.#done !== null;
  }

  write(chunks: readonly Buffer[], done: () => void): void {
    assert.equal(this.#done, null, 'one write at a time');
    for (const chunk of chunks) this.received += chunk.length;
    this.#done = done;
  }

  /** The kernel has taken the write that is under way. */
  take(): void {
    const done = this.#done;
    this.#done = null;
    done?.();
  }

  attach(): void {}
  pause(): void {}
  resume(): void {}
  end(): void {}
  destroy(): void {}
}

function queueOver(stream: ByteStream): WriteQueue {
  const owner = { onWritten: () => {}, onWriteStalled: () => assert.fail('no write is late') };
  return new WriteQueue(stream, { writeDeadlineMs: 10_000 }, new FakeClock(), owner);
}

test('write queue: what is flushed behind more than one write of backlog goes out without another flush', () => {
  const stream = new SlowStream();
  const queue = queueOver(stream);
  for (let i = 0; i < 3; i++) queue.output.appendBytes(Buffer.alloc(MIB), 0, MIB);
  queue.flush();
  queue.output.appendText('the last words');
  queue.flush();
  for (let writes = 0; writes < 10 && stream.isWriting; writes++) stream.take();
  assert.equal(stream.received, 3 * MIB + 14);
  assert.equal(queue.pendingBytes, 0);
  assert.ok(queue.isIdle);
});

test('write queue: output that nobody has flushed stays, whatever was written before it', () => {
  const stream = new SlowStream();
  const queue = queueOver(stream);
  queue.output.appendText('first');
  queue.flush();
  queue.output.appendText('second');
  stream.take();
  assert.equal(stream.received, 5);
  assert.equal(queue.pendingBytes, 6);
  queue.flush();
  stream.take();
  assert.equal(stream.received, 11);
});

test('write queue: the last flush takes everything, and nothing after it', () => {
  const stream = new SlowStream();
  const queue = queueOver(stream);
  queue.output.appendBytes(Buffer.alloc(MIB), 0, MIB);
  queue.output.appendBytes(Buffer.alloc(MIB), 0, MIB);
  queue.flush();
  queue.output.appendText('bye');
  queue.finish();
  queue.output.appendText('too late');
  for (let writes = 0; writes < 10 && stream.isWriting; writes++) stream.take();
  assert.equal(stream.received, 2 * MIB + 3);
});
