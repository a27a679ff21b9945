/**
 * The sum of all bytes queued for clients, and its limit. Must not know what a connection is beyond that.
 */

/** One connection's part of the account. */
export interface PendingHolder {
  readonly pendingBytes: number;
  /** Discards what is queued and ends the connection. */
  cutSlowConsumer(): void;
}

/** Memory bound over all output queues (`max_total_pending`). */
export class PendingAccount {
  /** The limit; a lower one takes effect when something more is queued. */
  maxBytes: number;
  readonly #holders = new Set<PendingHolder>();
  #totalBytes = 0;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  get totalBytes(): number {
    return this.#totalBytes;
  }

  join(holder: PendingHolder): void {
    this.#holders.add(holder);
  }

  /** @param bytes what the holder has reported and not taken back */
  leave(holder: PendingHolder, bytes: number): void {
    if (this.#holders.delete(holder)) this.#totalBytes -= bytes;
  }

  /**
   * Reports growth or shrinkage. Above the limit the connections with most pending are cut, which may be the
   * caller's own.
   */
  change(deltaBytes: number): void {
    this.#totalBytes += deltaBytes;
    while (deltaBytes > 0 && this.#totalBytes > this.maxBytes) {
      const largest = this.#largest();
      if (largest === null) return;
      largest.cutSlowConsumer();
      // Not left: an error of the holder must not become an endless loop here.
      if (this.#holders.has(largest)) return;
    }
  }

  #largest(): PendingHolder | null {
    let largest: PendingHolder | null = null;
    for (const holder of this.#holders) {
      if (largest === null || holder.pendingBytes > largest.pendingBytes) largest = holder;
    }
    return largest;
  }
}
