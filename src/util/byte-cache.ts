/**
 * A bounded cache from the bytes of a name to whatever was worked out for it. Found by hash and comparison of the bytes: a
 * string per look-up would cost more than the rest. Two generations: cheaper than a list in order of use, and what is in
 * use survives.
 */
import { latin1 } from './latin1.ts';

/** Charged per entry besides its key: the entry, its place, and a small value object. */
const ENTRY_OVERHEAD_BYTES = 160;
/** Places of a new generation; many clients never need more. */
const FIRST_PLACES = 16;

/** Bounds of a {@link ByteCache}. */
export interface ByteCacheLimits {
  readonly maxEntries: number;
  /** Estimated memory: key bytes, a flat charge per entry, and what {@link ByteCache.set} is told. */
  readonly maxBytes: number;
  /**
   * Makes the hashes. To be chosen at random where names come from strangers: names that all have one hash would make
   * every look-up a walk along all of them.
   */
  readonly hashSeed: number;
}

interface Entry<T> {
  readonly hash: number;
  /** One character per byte. */
  readonly key: string;
  readonly value: T;
  readonly bytes: number;
  next: Entry<T> | null;
}

/** One generation: chains of entries whose hashes end alike. */
class Generation<T> {
  size = 0;
  bytes = 0;
  #places: (Entry<T> | null)[] = [];

  find(hash: number, buffer: Buffer, start: number, end: number): Entry<T> | null {
    if (this.size === 0) return null;
    for (let entry = this.#first(hash); entry !== null; entry = entry.next) {
      if (entry.hash === hash && isKey(entry.key, buffer, start, end)) return entry;
    }
    return null;
  }

  add(entry: Entry<T>): void {
    if (this.size >= this.#places.length) this.#grow();
    const place = entry.hash & (this.#places.length - 1);
    entry.next = this.#places[place] ?? null;
    this.#places[place] = entry;
    this.size++;
    this.bytes += entry.bytes;
  }

  remove(entry: Entry<T>): void {
    const place = entry.hash & (this.#places.length - 1);
    let before: Entry<T> | null = null;
    for (let one = this.#first(entry.hash); one !== null && one !== entry; one = one.next) before = one;
    if (before === null) this.#places[place] = entry.next;
    else before.next = entry.next;
    this.size--;
    this.bytes -= entry.bytes;
  }

  #first(hash: number): Entry<T> | null {
    return this.#places[hash & (this.#places.length - 1)] ?? null;
  }

  #grow(): void {
    const former = this.#places;
    const length = Math.max(FIRST_PLACES, former.length * 2);
    this.#places = new Array<Entry<T> | null>(length).fill(null);
    for (const first of former) {
      for (let entry = first; entry !== null; ) {
        const { next } = entry;
        const place = entry.hash & (length - 1);
        entry.next = this.#places[place] ?? null;
        this.#places[place] = entry;
        entry = next;
      }
    }
  }
}

/** Maps byte ranges to values; forgets those that have not been used for a while. Never returns a wrong value. */
export class ByteCache<T> {
  readonly #maxEntries: number;
  readonly #maxBytes: number;
  /** Odd: an even one would shift the first bytes of a name out. */
  readonly #multiplier: number;
  #young = new Generation<T>();
  #old = new Generation<T>();
  /** Publishers keep to a subject for a while: no hash for it. */
  #last: Entry<T> | null = null;

  constructor(limits: ByteCacheLimits) {
    this.#maxEntries = Math.max(1, Math.floor(limits.maxEntries / 2));
    this.#maxBytes = limits.maxBytes / 2;
    this.#multiplier = limits.hashSeed | 1;
  }

  /** Entries held at present. */
  get size(): number {
    return this.#young.size + this.#old.size;
  }

  /** Estimated bytes held at present. */
  get bytes(): number {
    return this.#young.bytes + this.#old.bytes;
  }

  /** The value kept for these bytes. */
  get(buffer: Buffer, start: number, end: number): T | undefined {
    const last = this.#last;
    if (last !== null && isKey(last.key, buffer, start, end)) return last.value;
    const hash = hashOf(buffer, start, end, this.#multiplier);
    const young = this.#young.find(hash, buffer, start, end);
    if (young !== null) {
      this.#last = young;
      return young.value;
    }
    const old = this.#old.find(hash, buffer, start, end);
    if (old === null) return undefined;
    this.#old.remove(old);
    this.#add(old);
    return old.value;
  }

  /**
   * Keeps a value; replaces the one that is there.
   * @param extraBytes memory of the value beyond a small object
   */
  set(buffer: Buffer, start: number, end: number, value: T, extraBytes = 0): void {
    this.#last = null;
    const hash = hashOf(buffer, start, end, this.#multiplier);
    for (const generation of [this.#young, this.#old]) {
      const held = generation.find(hash, buffer, start, end);
      if (held !== null) generation.remove(held);
    }
    const bytes = end - start + ENTRY_OVERHEAD_BYTES + extraBytes;
    if (bytes > this.#maxBytes) return;
    this.#add({ hash, key: latin1(buffer, start, end), value, bytes, next: null });
  }

  /** Forgets everything, for when the rules have changed. */
  clear(): void {
    this.#young = new Generation();
    this.#old = new Generation();
    this.#last = null;
  }

  #add(entry: Entry<T>): void {
    if (this.#young.size >= this.#maxEntries || this.#young.bytes + entry.bytes > this.#maxBytes) {
      this.#old = this.#young;
      this.#young = new Generation();
      // What is in use shows itself to the new generation again.
      this.#last = null;
    }
    this.#young.add(entry);
  }
}

/** The upper bits of a product are the mixed ones; they are folded down to where places are taken from. */
function hashOf(buffer: Buffer, start: number, end: number, multiplier: number): number {
  let hash = end - start;
  for (let i = start; i < end; i++) hash = (Math.imul(hash, multiplier) + (buffer[i] ?? 0)) | 0;
  return hash ^ (hash >>> 15);
}

function isKey(key: string, buffer: Buffer, start: number, end: number): boolean {
  const size = end - start;
  if (key.length !== size) return false;
  for (let i = 0; i < size; i++) if (key.charCodeAt(i) !== buffer[start + i]) return false;
  return true;
}
