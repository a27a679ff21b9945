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

/** Other processes of the same gateway: their clients meet ours at the broker. */
export interface RecoveryPeers {
  /** Some of our clients are away, or none any more. Called at changes only. */
  announce(areAway: boolean): void;
  /** The broker answers again. Called once per outage. */
  answered(): void;
  /** Whom to tell about the others. Called once. */
  listen(listener: PeersListener): void;
}

/** What is told about other processes. */
export interface PeersListener {
  onOthers(areAway: boolean): void;
  onAnswered(): void;
}

/** How long those who are back wait for the others. */
const PATIENCE_MS = 5_000;
/** All who come back do so over at least this time, or half a millisecond each. */
const MIN_SPREAD_MS = 250;
const SPREAD_PER_PORT_MS = 0.5;

/** The outages of one upstream. */
export class Recovery {
  readonly #peers: RecoveryPeers | undefined;
  /** Away, or back without their subscriptions. */
  #away = new Set<RecoveringPort>();
  /** Back, and waiting for the others. */
  #back = new Set<RecoveringPort>();
  #areOthersAway = false;
  #hasAnswered = false;
  #timer: NodeJS.Timeout | null = null;

  /** @param peers left out: there is only this process */
  constructor(peers?: RecoveryPeers) {
    this.#peers = peers;
    peers?.listen({ onOthers: (areAway) => this.#onOthers(areAway), onAnswered: () => this.#hurry() });
  }

  /** A client has lost the broker. */
  lost(port: RecoveringPort): void {
    this.#back.delete(port);
    const isFirst = this.#away.size === 0;
    this.#away.add(port);
    if (!isFirst) return;
    this.#hasAnswered = false;
    this.#peers?.announce(true);
  }

  /** One of a client's sessions is connected again: the others may come, too. */
  answered(): void {
    this.#hurry();
    if (!this.#hasAnswered) this.#peers?.answered();
    this.#hasAnswered = true;
  }

  /** All sessions and subscriptions of a client are back; `resume` follows, perhaps at once. */
  restored(port: RecoveringPort): void {
    this.#back.add(port);
    this.#leaveAway(port);
    if (this.#back.size > 0) this.#timer ??= setTimeout(() => this.#resume(), PATIENCE_MS);
  }

  /** A client is gone for good. */
  forget(port: RecoveringPort): void {
    this.#back.delete(port);
    this.#leaveAway(port);
  }

  #leaveAway(port: RecoveringPort): void {
    if (this.#away.delete(port) && this.#away.size === 0) this.#peers?.announce(false);
    this.#resumeIfAllAreBack();
  }

  #onOthers(areAway: boolean): void {
    this.#areOthersAway = areAway;
    this.#resumeIfAllAreBack();
  }

  #hurry(): void {
    const spreadMs = Math.max(MIN_SPREAD_MS, this.#away.size * SPREAD_PER_PORT_MS);
    for (const port of this.#away) port.hurry(spreadMs);
  }

  #resumeIfAllAreBack(): void {
    if (this.#away.size === 0 && !this.#areOthersAway) this.#resume();
  }

  #resume(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const ports = [...this.#back];
    this.#back.clear();
    for (const port of ports) port.resume();
  }
}
