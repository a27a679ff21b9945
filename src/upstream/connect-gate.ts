/**
 * Bounds how many CONNECTs of one process are under way: when a broker comes back, thousands of sessions must not open
 * their connections in one instant. Knows no sessions.
 */

/** Enough to hide the round trip, few enough for the backlog of any listening socket. */
const MAX_UNDER_WAY = 64;

/** A queue in front of the broker; who came first goes first. */
export class ConnectGate {
  #limit: number;
  #inside = new Set<() => void>();
  #waiting = new Set<() => void>();

  constructor(limit = MAX_UNDER_WAY) {
    this.#limit = limit;
  }

  /** Calls `go` at once, or when a place is free. It is also the name under which the place is given back. */
  enter(go: () => void): void {
    this.#waiting.add(go);
    this.#admit();
  }

  /** Gives a place back, or gives up waiting for one. Harmless for who has neither. */
  leave(go: () => void): void {
    this.#waiting.delete(go);
    if (this.#inside.delete(go)) this.#admit();
  }

  #admit(): void {
    for (const go of this.#waiting) {
      if (this.#inside.size >= this.#limit) return;
      this.#waiting.delete(go);
      this.#inside.add(go);
      go();
    }
  }
}
