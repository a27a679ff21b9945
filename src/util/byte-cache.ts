/**
 * A bounded cache from the bytes of a name to whatever was worked out for it.
 * Two generations: cheaper per lookup than a list in order of use, and what is in use survives.
 */
import { latin1 } from './latin1.ts';

/** Charged per entry besides its key: the map slot and a small value object. */
const ENTRY_OVERHEAD_BYTES = 160;

/** Places for names that are in use right now: found by their bytes, without making a string of them. */
const NEAR_PLACES = 256;
/** Longer names take the other way. */
const NEAR_KEY_BYTES = 64;

/** Bounds of a {@link ByteCache}. */
export interface ByteCacheLimits {
  readonly maxEntries: number;
  /** Estimated memory: key bytes, a flat charge per entry, and what {@link ByteCache.set} is told. */
  readonly maxBytes: number;
}

/** Maps byte ranges to values; forgets those that have not been used for a while. Never returns a wrong value. */
export class ByteCache<T> {
  readonly #maxEntries: number;
  readonly #maxBytes: number;
  #young = new Map<string, Entry<T>>();
  #old = new Map<string, Entry<T>>();
  #youngBytes = 0;
  #oldBytes = 0;
  /** Made for the first name: many clients never need theirs. */
  #near: (NearEntry<T> | undefined)[] = [];

  constructor(limits: ByteCacheLimits) {
    this.#maxEntries = Math.max(1, Math.floor(limits.maxEntries / 2));
    this.#maxBytes = limits.maxBytes / 2;
  }

  /** Entries held at present. */
  get size(): number {
    return this.#young.size + this.#old.size;
  }

  /** Estimated bytes held at present. */
  get bytes(): number {
    return this.#youngBytes + this.#oldBytes;
  }

  /** The value kept for these bytes. */
  get(buffer: Buffer, start: number, end: number): T | undefined {
    if (end - start > NEAR_KEY_BYTES) return this.#getFar(buffer, start, end);
    const place = placeOf(buffer, start, end);
    const near = this.#near[place];
    if (near !== undefined && isEqual(near.key, buffer, start, end)) return near.value;
    const value = this.#getFar(buffer, start, end);
    if (value !== undefined) this.#setNear(place, buffer, start, end, value);
    return value;
  }

  #setNear(place: number, buffer: Buffer, start: number, end: number, value: T): void {
    if (this.#near.length === 0)
      this.#near = new Array<NearEntry<T> | undefined>(NEAR_PLACES).fill(undefined);
    this.#near[place] = { key: Uint8Array.prototype.slice.call(buffer, start, end), value };
  }

  #getFar(buffer: Buffer, start: number, end: number): T | undefined {
    const key = latin1(buffer, start, end);
    const young = this.#young.get(key);
    if (young !== undefined) return young.value;
    const old = this.#old.get(key);
    if (old === undefined) return undefined;
    this.#old.delete(key);
    this.#oldBytes -= old.bytes;
    this.#add(key, old);
    return old.value;
  }

  /**
   * Keeps a value; replaces the one that is there.
   * @param extraBytes memory of the value beyond a small object
   */
  set(buffer: Buffer, start: number, end: number, value: T, extraBytes = 0): void {
    const key = latin1(buffer, start, end);
    this.#remove(key);
    if (this.#near.length > 0) this.#near[placeOf(buffer, start, end)] = undefined;
    const bytes = key.length + ENTRY_OVERHEAD_BYTES + extraBytes;
    if (bytes <= this.#maxBytes) this.#add(key, { value, bytes });
  }

  /** Forgets everything, for when the rules have changed. */
  clear(): void {
    this.#young = new Map();
    this.#old = new Map();
    this.#youngBytes = 0;
    this.#oldBytes = 0;
    this.#near = [];
  }

  #add(key: string, entry: Entry<T>): void {
    if (this.#young.size >= this.#maxEntries || this.#youngBytes + entry.bytes > this.#maxBytes) {
      this.#old = this.#young;
      this.#oldBytes = this.#youngBytes;
      this.#young = new Map();
      this.#youngBytes = 0;
      // What is in use shows itself to the new generation again.
      this.#near = [];
    }
    this.#young.set(key, entry);
    this.#youngBytes += entry.bytes;
  }

  #remove(key: string): void {
    const young = this.#young.get(key);
    if (young !== undefined) {
      this.#young.delete(key);
      this.#youngBytes -= young.bytes;
    }
    const old = this.#old.get(key);
    if (old !== undefined) {
      this.#old.delete(key);
      this.#oldBytes -= old.bytes;
    }
  }
}

interface NearEntry<T> {
  readonly key: Uint8Array;
  readonly value: T;
}

function placeOf(buffer: Buffer, start: number, end: number): number {
  let hash = end - start;
  for (let i = start; i < end; i++) hash = (Math.imul(hash, 31) + (buffer[i] ?? 0)) | 0;
  return (hash ^ (hash >>> 8) ^ (hash >>> 16)) & (NEAR_PLACES - 1);
}

function isEqual(key: Uint8Array, buffer: Buffer, start: number, end: number): boolean {
  const size = end - start;
  if (key.length !== size) return false;
  for (let i = 0; i < size; i++) if (key[i] !== buffer[start + i]) return false;
  return true;
}

interface Entry<T> {
  readonly value: T;
  readonly bytes: number;
}
