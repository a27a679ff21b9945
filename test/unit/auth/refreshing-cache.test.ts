import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CacheOptions, RefreshingCache } from '../../../src/auth/refreshing-cache.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const { signal } = new AbortController();
const settle = async (): Promise<void> => await new Promise((resolve) => setImmediate(resolve));

/** A cache whose source answers with `value`, fails with `error`, or waits for `release`. */
class Scene {
  readonly clock = new FakeClock();
  readonly loads: string[] = [];
  readonly stale: unknown[] = [];
  value: string | null = 'one';
  error: Error | null = null;
  isHeld = false;
  readonly #held: (() => void)[] = [];
  readonly cache: RefreshingCache<string>;

  constructor(options: Partial<CacheOptions<string>> = {}) {
    this.cache = new RefreshingCache<string>({
      clock: this.clock,
      refreshMs: 1000,
      retryMs: 100,
      timeoutMs: 10_000,
      maxEntries: 3,
      maxLoads: 2,
      onStale: (error) => this.stale.push(error),
      load: async (key) => {
        this.loads.push(key);
        if (this.isHeld) await new Promise<void>((resolve) => this.#held.push(resolve));
        if (this.error !== null) throw this.error;
        return this.value;
      },
      ...options,
    });
  }

  get(key = 'k'): Promise<string | null> {
    return this.cache.get(key, signal);
  }

  release(): void {
    this.isHeld = false;
    for (const resume of this.#held.splice(0)) resume();
  }
}

test('refreshing cache: loads a document once', async () => {
  const scene = new Scene();
  assert.deepEqual([await scene.get(), await scene.get()], ['one', 'one']);
  assert.equal(scene.loads.length, 1);
});

test('refreshing cache: many who ask at a time share one attempt', async () => {
  const scene = new Scene();
  assert.deepEqual(await Promise.all([scene.get(), scene.get(), scene.get()]), ['one', 'one', 'one']);
  assert.equal(scene.loads.length, 1);
});

test('refreshing cache: an old document is used while a new one is loaded', async () => {
  const scene = new Scene();
  await scene.get();
  scene.clock.advance(999);
  await scene.get();
  assert.equal(scene.loads.length, 1);
  scene.clock.advance(1);
  scene.value = 'two';
  assert.equal(await scene.get(), 'one');
  await settle();
  assert.equal(await scene.get(), 'two');
  assert.equal(scene.loads.length, 2);
});

test('refreshing cache: a document outlives its source, which is asked now and then', async () => {
  const scene = new Scene();
  await scene.get();
  scene.error = new Error('down');
  scene.clock.advance(1000);
  for (let i = 0; i < 5; i++) {
    assert.equal(await scene.get(), 'one');
    await settle();
  }
  assert.equal(scene.loads.length, 2);
  assert.deepEqual(scene.stale, [scene.error]);
  scene.clock.advance(100);
  assert.equal(await scene.get(), 'one');
  await settle();
  assert.equal(scene.loads.length, 3);
});

test('refreshing cache: without a document a failure is one, and not repeated at once', async () => {
  const scene = new Scene();
  scene.error = new Error('down');
  await assert.rejects(scene.get(), scene.error);
  await assert.rejects(scene.get(), scene.error);
  assert.equal(scene.loads.length, 1);
  scene.clock.advance(100);
  scene.error = null;
  assert.equal(await scene.get(), 'one');
});

test('refreshing cache: what does not exist is remembered for a while only', async () => {
  const scene = new Scene();
  scene.value = null;
  assert.deepEqual([await scene.get(), await scene.get()], [null, null]);
  assert.equal(scene.loads.length, 1);
  scene.clock.advance(100);
  scene.value = 'one';
  assert.equal(await scene.get(), 'one');
});

test('refreshing cache: a document that its source has no more is gone', async () => {
  const scene = new Scene();
  await scene.get();
  scene.clock.advance(1000);
  scene.value = null;
  await scene.get();
  await settle();
  assert.equal(await scene.get(), null);
});

test('refreshing cache: keeps no more documents than it may, those used last', async () => {
  const scene = new Scene();
  for (const key of ['a', 'b', 'c']) await scene.get(key);
  await scene.get('a');
  await scene.get('d');
  scene.loads.length = 0;
  for (const key of ['a', 'c', 'd']) await scene.get(key);
  assert.deepEqual(scene.loads, []);
  await scene.get('b');
  assert.deepEqual(scene.loads, ['b']);
});

test('refreshing cache: asking for much that does not exist pushes nothing out', async () => {
  const scene = new Scene();
  await scene.get('real');
  scene.value = null;
  for (let i = 0; i < 20; i++) await scene.get(`no-${i}`);
  scene.loads.length = 0;
  assert.equal(await scene.get('real'), 'one');
  assert.deepEqual(scene.loads, []);
});

test('refreshing cache: refuses beyond as many attempts as there may be', async () => {
  const scene = new Scene();
  scene.isHeld = true;
  const running = [scene.get('a'), scene.get('b')];
  await assert.rejects(scene.get('c'), /too many requests/);
  scene.release();
  assert.deepEqual(await Promise.all(running), ['one', 'one']);
  assert.equal(await scene.get('c'), 'one');
});

test('refreshing cache: who gives up does not wait, and takes nothing from the others', async () => {
  const scene = new Scene();
  scene.isHeld = true;
  const caller = new AbortController();
  const gone = scene.cache.get('k', caller.signal);
  const other = scene.get();
  caller.abort(new Error('gone'));
  await assert.rejects(gone, /gone/);
  scene.release();
  assert.equal(await other, 'one');
});

test('refreshing cache: an attempt that takes too long fails, and leaves no timer', async () => {
  const scene = new Scene();
  scene.isHeld = true;
  const running = scene.get();
  scene.clock.advance(10_000);
  await assert.rejects(running, /no answer in time/);
  assert.equal(scene.clock.pendingTimers, 0);
});

test('refreshing cache: closing ends attempts', async () => {
  const scene = new Scene();
  scene.isHeld = true;
  const running = scene.get();
  scene.cache.close();
  await assert.rejects(running, /closed/);
  await assert.rejects(scene.get('other'), /too many requests/);
});

test('refreshing cache: renewing loads anew, but not twice in a short time', async () => {
  const scene = new Scene();
  assert.equal(await scene.cache.renewed('k', signal), 'one');
  scene.value = 'two';
  assert.equal(await scene.cache.renewed('k', signal), 'one');
  scene.clock.advance(100);
  assert.equal(await scene.cache.renewed('k', signal), 'two');
  scene.error = new Error('down');
  scene.clock.advance(100);
  assert.equal(await scene.cache.renewed('k', signal), 'two');
  assert.equal(await scene.cache.renewed('k', signal), 'two');
  assert.equal(scene.loads.length, 3);
});
