import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { OutputBuffer } from '../../../src/util/output-buffer.ts';

/** Bytes that differ from their neighbours. */
function pattern(size: number, seed = 0): Buffer {
  return Buffer.from(Array.from({ length: size }, (_, i) => (i * 7 + seed) & 0xff));
}

test('output-buffer: has no memory before the first byte', () => {
  const out = new OutputBuffer();
  assert.deepEqual([out.buf.length, out.length, out.take()], [0, 0, []]);
});

test('output-buffer: starts small', () => {
  const out = new OutputBuffer();
  out.appendText('PONG\r\n');
  assert.equal(out.buf.length, 512);
});

test('output-buffer: gives back what was appended, in order, and is empty then', () => {
  const out = new OutputBuffer();
  out.appendText('é ');
  out.appendBytes(pattern(1000), 10, 900);
  out.ensure(3);
  out.buf[out.pos++] = 0x61;
  assert.equal(out.length, 3 + 890 + 1);
  const expected = Buffer.concat([Buffer.from('é '), pattern(1000).subarray(10, 900), Buffer.from('a')]);
  assert.deepEqual(Buffer.concat(out.take()), expected);
  assert.deepEqual([out.length, out.take()], [0, []]);
});

test('output-buffer: ensure gives contiguous room, more than a slab too', () => {
  const out = new OutputBuffer();
  for (const size of [1, 500, 512, 513, 70_000, 3]) {
    out.ensure(size);
    assert.ok(out.buf.length - out.pos >= size);
    out.buf.fill(size & 0xff, out.pos, out.pos + size);
    out.pos += size;
  }
  assert.equal(Buffer.concat(out.take()).length, 1 + 500 + 512 + 513 + 70_000 + 3);
});

test('output-buffer: large ranges are kept by reference, smaller ones are copied', () => {
  for (const [size, isReference] of [
    [32_767, false],
    [32_768, true],
  ] as const) {
    const out = new OutputBuffer();
    const source = pattern(size + 2);
    out.appendText('head');
    out.appendBytes(source, 1, size + 1);
    out.appendText('tail');
    const chunks = out.take();
    assert.equal(
      chunks.some((chunk) => chunk.buffer === source.buffer && chunk.length === size),
      isReference,
    );
    const expected = Buffer.concat([Buffer.from('head'), source.subarray(1, size + 1), Buffer.from('tail')]);
    assert.deepEqual(Buffer.concat(chunks), expected);
  }
});

test('output-buffer: what was taken is not written to before it is released', () => {
  const out = new OutputBuffer();
  const taken: Buffer[] = [];
  const copies: Buffer[] = [];
  for (let i = 0; i < 500; i++) {
    out.appendBytes(pattern(i % 90, i), 0, i % 90);
    const chunks = out.take();
    taken.push(...chunks);
    copies.push(...chunks.map((chunk) => Buffer.from(chunk)));
  }
  assert.deepEqual(taken, copies);
});

test('output-buffer: a slab is used up across flushes, and slabs are handed over full', () => {
  const out = new OutputBuffer();
  const stores = new Set<ArrayBufferLike>();
  for (let i = 0; i < 50; i++) {
    out.appendBytes(pattern(1000), 0, 1000);
    for (const chunk of out.take()) stores.add(chunk.buffer);
  }
  assert.ok(stores.size < 50, String(stores.size));
  const busy = new OutputBuffer();
  for (let i = 0; i < 1000; i++) busy.appendBytes(pattern(300), 0, 300);
  const chunks = busy.take();
  assert.ok(chunks.length <= 12, `${chunks.length} chunks of 300,000 bytes`);
});

test('output-buffer: what was released is used again, however the release is cut', () => {
  const out = new OutputBuffer();
  const stores = new Set<ArrayBufferLike>();
  let lent: Buffer[] = [];
  let expected: Buffer = Buffer.alloc(0);
  for (let turn = 0; turn < 200; turn++) {
    const piece = pattern(1000, turn);
    for (let i = 0; i < 100; i++) out.appendBytes(piece, 0, piece.length);
    const chunks = out.take();
    for (const chunk of chunks) stores.add(chunk.buffer);
    // Those of the turn before have not been released: nothing of this turn was written over them.
    assert.ok(Buffer.concat(lent).equals(expected), `turn ${turn}`);
    expected = Buffer.concat(chunks);
    if (lent.length > 0) for (const part of [1, 39_999, 60_000]) out.release(part);
    lent = chunks;
  }
  assert.ok(stores.size < 15, `${stores.size} slabs for 20 MB`);
});

test('output-buffer: a silent one has no memory, and small slabs go from one to the next', () => {
  const stores = new Set<ArrayBufferLike>();
  const out = Array.from({ length: 100 }, () => new OutputBuffer());
  for (let turn = 0; turn < 100; turn++) {
    for (const one of out) {
      one.appendText('PONG\r\n');
      const chunks = one.take();
      for (const { buffer } of chunks) stores.add(buffer);
      one.release(3);
      assert.equal(one.buf.length, 512, 'half of it is still to be written');
      one.release(3);
      assert.equal(one.buf.length, 0);
    }
  }
  assert.ok(stores.size < 5, String(stores.size));
});

test('output-buffer: what is not released stays as it is, whatever others do', () => {
  const turn = fc.record({
    which: fc.nat({ max: 3 }),
    size: fc.integer({ min: 1, max: 600 }),
    /** Bytes of what is out that are released then. */
    released: fc.nat({ max: 1000 }),
  });
  fc.assert(
    fc.property(fc.array(turn, { minLength: 10, maxLength: 60 }), (turns) => {
      const all = Array.from({ length: 4 }, () => ({
        out: new OutputBuffer(),
        held: Buffer.alloc(0),
        is: [] as Buffer[],
      }));
      for (const [index, { which, size, released }] of turns.entries()) {
        const one = all[which];
        assert.ok(one);
        one.out.appendBytes(pattern(size, index), 0, size);
        one.is.push(...one.out.take());
        one.held = Buffer.concat([one.held, pattern(size, index)]);
        for (const { held, is } of all) assert.ok(Buffer.concat(is).equals(held));
        const count = Math.min(released, one.held.length);
        one.out.release(count);
        one.held = one.held.subarray(count);
        // What is left of the pieces, the first of which may be cut.
        let left = count;
        while (left > 0) {
          const [first] = one.is;
          assert.ok(first);
          if (first.length > left) one.is[0] = first.subarray(left);
          else one.is.shift();
          left -= Math.min(left, first.length);
        }
      }
    }),
  );
});

test('output-buffer: discard forgets what was taken, and its memory is not used again', () => {
  const out = new OutputBuffer();
  for (let i = 0; i < 100; i++) out.appendBytes(pattern(1000, 1), 0, 1000);
  const taken = out.take();
  const copy = Buffer.concat(taken);
  out.appendText('rest');
  out.discard();
  assert.equal(out.length, 0);
  for (let i = 0; i < 100; i++) out.appendBytes(pattern(1000, 2), 0, 1000);
  out.release(Buffer.concat(out.take()).length);
  for (let i = 0; i < 100; i++) out.appendBytes(pattern(1000, 3), 0, 1000);
  assert.deepEqual(Buffer.concat(taken), copy);
});

test('output-buffer: slabs grow up to 64 KiB under load and shrink again when there is little to say', () => {
  const out = new OutputBuffer();
  for (let i = 0; i < 1000; i++) out.appendBytes(pattern(1000), 0, 1000);
  assert.equal(out.buf.length, 65_536);
  out.take();
  for (let i = 0; i < 4; i++) {
    out.appendText('PING\r\n');
    out.take();
  }
  assert.ok(out.buf.length <= 4096, String(out.buf.length));
});

test('output-buffer: any sequence of calls gives the bytes of a plain concatenation', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('bytes' as const), size: fc.integer({ min: 0, max: 700 }) }),
    fc.record({ kind: fc.constant('bytes' as const), size: fc.integer({ min: 32_700, max: 33_000 }) }),
    fc.record({ kind: fc.constant('text' as const), size: fc.integer({ min: 0, max: 200 }) }),
    fc.record({ kind: fc.constant('ensure' as const), size: fc.integer({ min: 0, max: 3000 }) }),
    fc.record({ kind: fc.constant('take' as const), size: fc.constant(0) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const out = new OutputBuffer();
      const taken: Buffer[] = [];
      const expected: Buffer[] = [];
      for (const { kind, size } of steps) {
        const bytes = kind === 'text' ? Buffer.from('ü'.repeat(size)) : pattern(size, size);
        if (kind === 'take') taken.push(...out.take());
        else if (kind === 'text') out.appendText('ü'.repeat(size));
        else if (kind === 'bytes') out.appendBytes(bytes, 0, size);
        else {
          out.ensure(size);
          bytes.copy(out.buf, out.pos);
          out.pos += size;
        }
        expected.push(bytes);
        const lengths = [...taken, { length: out.length }].reduce((sum, { length }) => sum + length, 0);
        assert.equal(
          lengths,
          expected.reduce((sum, { length }) => sum + length, 0),
        );
      }
      taken.push(...out.take());
      assert.ok(Buffer.concat(taken).equals(Buffer.concat(expected)));
    }),
    { numRuns: 200 },
  );
});
