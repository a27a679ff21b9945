/** Who has changed what: every attempt is logged, and the last ones are kept to be shown. */
import type { Logger } from '../util/logger.ts';
import type { AuditBody } from './api-types.ts';

/** One attempt. */
export type AuditEntry = AuditBody['entries'][number];

/** How many are kept. */
const MAX_ENTRIES = 1000;

/** See the head of this file. */
export class AuditTrail {
  readonly #logger: Logger;
  /** The newest last. */
  #entries: AuditEntry[] = [];

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Notes one attempt, whatever came of it. */
  record(entry: Omit<AuditEntry, 'atMs'>): void {
    this.#entries.push({ atMs: Date.now(), ...entry });
    if (this.#entries.length > MAX_ENTRIES * 2) this.#entries = this.#entries.slice(-MAX_ENTRIES);
    const { by, address, action, target, outcome } = entry;
    this.#logger.info({ event: 'admin.change', by, address, action, target, outcome }, `${by}: ${action}`);
  }

  /** The newest first. */
  page(offset: number, limit: number): AuditBody {
    const kept = this.#entries.slice(-MAX_ENTRIES).reverse();
    return { total: kept.length, entries: kept.slice(offset, offset + limit) };
  }
}
