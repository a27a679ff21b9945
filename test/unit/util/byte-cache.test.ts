import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ByteCache } from '../../../src/util/byte-cache.ts';

const LIMITS = { maxEntries: 8, maxBytes: 1_000_000, hashSeed: 31 };

function put(cache: ByteCache<number>, key: string, value: number, extraBytes?: number): void {
  const bytes = Buffer.from(key);
  cache.set(bytes, 0, bytes.length, value, extraBytes);
}

function get(cache: ByteCache<number>, key: string): number | undefined {
  const bytes = Buffer.from(`<${key}>`);
  return cache.get(bytes, 1, bytes.length - 1);
}

test('name cache: finds values by the bytes of a range, wherever they are', () => {
  const cache = new ByteCache<number>(LIMITS);
  put(cache, 'a.b', 1);
  put(cache, 'a.é', 2);
  put(cache, '', 3);
  assert.deepEqual(
    ['a.b', 'a.é', '', 'a.e', 'a'].map((key) => get(cache, key)),
    [1, 2, 3, undefined, undefined],
  );
});

test('name cache: different bytes never share an entry, valid UTF-8 or not', () => {
  const cache = new ByteCache<number>(LIMITS);
  cache.set(Buffer.of(0xff), 0, 1, 1);
  cache.set(Buffer.from('ÿ'), 0, 2, 2);
  assert.equal(cache.get(Buffer.of(0xff), 0, 1), 1);
  assert.equal(cache.get(Buffer.of(0xfe), 0, 1), undefined);
  assert.equal(cache.get(Buffer.from('ÿ'), 0, 2), 2);
});

test('name cache: entries stay within the bound, and those in use survive', () => {
  const cache = new ByteCache<number>(LIMITS);
  put(cache, 'hot', 1);
  for (let i = 0; i < 1000; i++) {
    put(cache, `cold${i}`, i);
    assert.equal(get(cache, 'hot'), 1, `after ${i}`);
    assert.ok(cache.size <= 8, `${cache.size} entries`);
  }
  assert.equal(get(cache, 'cold0'), undefined);
  assert.equal(get(cache, 'cold999'), 999);
});

test('name cache: bytes stay within the bound', () => {
  const cache = new ByteCache<number>({ maxEntries: 1_000_000, maxBytes: 10_000, hashSeed: 31 });
  for (let i = 0; i < 1000; i++) {
    put(cache, `${i}${'x'.repeat(i)}`, i, i);
    assert.ok(cache.bytes <= 10_000, `${cache.bytes} bytes`);
  }
  put(cache, 'y'.repeat(10_000), 1);
  assert.equal(get(cache, 'y'.repeat(10_000)), undefined);
  assert.ok(cache.bytes > 0);
});

test('name cache: a value is replaced, and its size with it', () => {
  const cache = new ByteCache<number>(LIMITS);
  put(cache, 'a', 1, 500);
  const { bytes } = cache;
  put(cache, 'a', 2, 400);
  assert.equal(get(cache, 'a'), 2);
  assert.equal(cache.size, 1);
  assert.equal(cache.bytes, bytes - 100);
});

test('name cache: replacing an entry of the old generation leaves one copy', () => {
  const cache = new ByteCache<number>(LIMITS);
  for (let i = 0; i < 5; i++) put(cache, `k${i}`, i);
  put(cache, 'k0', 10);
  assert.equal(get(cache, 'k0'), 10);
  assert.equal(cache.size, 5);
});

test('name cache: an entry that moves to the young generation is counted once', () => {
  const cache = new ByteCache<number>(LIMITS);
  for (let i = 0; i < 5; i++) put(cache, `k${i}`, i);
  const { bytes } = cache;
  assert.equal(get(cache, 'k0'), 0);
  assert.deepEqual([cache.size, cache.bytes], [5, bytes]);
});

test('name cache: clear forgets everything', () => {
  const cache = new ByteCache<number>(LIMITS);
  for (let i = 0; i < 6; i++) put(cache, `k${i}`, i);
  cache.clear();
  assert.deepEqual([cache.size, cache.bytes, get(cache, 'k5')], [0, 0, undefined]);
});
