/**
 * Brings the clients of one upstream back together after the broker was away: nobody publishes before everybody's
 * subscriptions are back, or the first messages would meet no subscriber.
 */

/** A client as its recovery sees it. */
export interface RecoveringPort {
  /** The broker answers again: no need to wait for the next attempt's turn. @param spreadMs for all who hurry */
  hurry(spreadMs: number): void;
  /** Everybody who was away is back: publications go on. */
  resume(): void;
}

/** How long those who are back wait for the others. */
const PATIENCE_MS = 5_000;
/** All who come back do so over at least this time, or half a millisecond each. */
const MIN_SPREAD_MS = 250;
const SPREAD_PER_PORT_MS = 0.5;

/** The outages of one upstream. */
export class Recovery {
  /** Away, or back without their subscriptions. */
  #away = new Set<RecoveringPort>();
  /** Back, and waiting for the others. */
  #back = new Set<RecoveringPort>();
  #timer: NodeJS.Timeout | null = null;

  /** A client has lost the broker. */
  lost(port: RecoveringPort): void {
    this.#back.delete(port);
    this.#away.add(port);
  }

  /** One of a client's sessions is connected again: the others may come, too. */
  answered(): void {
    const spreadMs = Math.max(MIN_SPREAD_MS, this.#away.size * SPREAD_PER_PORT_MS);
    for (const port of this.#away) port.hurry(spreadMs);
  }

  /** All sessions and subscriptions of a client are back; `resume` follows, perhaps at once. */
  restored(port: RecoveringPort): void {
    this.#away.delete(port);
    this.#back.add(port);
    if (this.#away.size === 0) this.#resume();
    else this.#timer ??= setTimeout(() => this.#resume(), PATIENCE_MS);
  }

  /** A client is gone for good. */
  forget(port: RecoveringPort): void {
    this.#back.delete(port);
    if (this.#away.delete(port) && this.#away.size === 0) this.#resume();
  }

  #resume(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const ports = [...this.#back];
    this.#back.clear();
    for (const port of ports) port.resume();
  }
}
