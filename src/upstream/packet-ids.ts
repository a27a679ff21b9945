/** Packet ids for MQTT.js: one of a range, never one that is still in use. */
import type { IClientOptions } from 'mqtt';

/** As MQTT.js asks for ids. */
export type PacketIdProvider = NonNullable<IClientOptions['messageIdProvider']>;

/** MQTT.js's default hands an id out again after 65,535 others, answered or not. */
export class PacketIds implements PacketIdProvider {
  readonly #first: number;
  readonly #last: number;
  readonly #used = new Set<number>();
  #latest: number;

  /** Ids from `first` to `last`, both included. */
  constructor(first: number, last: number) {
    this.#first = first;
    this.#last = last;
    this.#latest = last;
  }

  /** @returns null when all are in use */
  allocate(): number | null {
    if (this.#used.size > this.#last - this.#first) return null;
    do this.#latest = this.#latest >= this.#last ? this.#first : this.#latest + 1;
    while (this.#used.has(this.#latest));
    this.#used.add(this.#latest);
    return this.#latest;
  }

  getLastAllocated(): number | null {
    return this.#latest;
  }

  register(id: number): boolean {
    if (this.#used.has(id)) return false;
    this.#used.add(id);
    return true;
  }

  deallocate(id: number): void {
    this.#used.delete(id);
  }

  clear(): void {
    this.#used.clear();
  }
}
