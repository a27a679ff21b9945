/**
 * When the gateway sends PING, and when silence means that the client is gone. Reads no bytes and writes none.
 */
import type { Clock, TimerHandle } from '../util/clock.ts';

/** Times in milliseconds, looked up for each PING: they may change. */
export interface KeepaliveOptions {
  readonly intervalMs: number;
  readonly timeoutMs: number;
}

/** What a keepalive asks of its session. */
export interface KeepaliveActions {
  /** Sends PING; `onWritten` when its bytes have left for the kernel. */
  sendPing(onWritten: () => void): void;
  onStale(): void;
  /** We are not reading from the client: it cannot be blamed for silence. */
  isReadingPaused(): boolean;
}

/** First PING after the first PONG, for the round-trip time: 2.0 to 2.4 s, as nats-server does. */
const FIRST_PING_MS = 2_000;
const FIRST_PING_SPREAD_MS = 400;

/** Heartbeat of one client. */
export class Keepalive {
  #options: KeepaliveOptions;
  #actions: KeepaliveActions;
  #clock: Clock;
  #timer: TimerHandle | undefined;
  #timeout: TimerHandle | undefined;
  #isActive = false;
  #isAwaiting = false;
  /** When the last PING left; null: none is unanswered. */
  #pingedAtMs: number | null = null;
  #rttMs: number | null = null;

  constructor(options: KeepaliveOptions, actions: KeepaliveActions, clock: Clock) {
    this.#options = options;
    this.#actions = actions;
    this.#clock = clock;
  }

  /** Time from the last answered PING to its PONG; null before the first. */
  get rttMs(): number | null {
    return this.#rttMs;
  }

  /** The session is open; a client that never asks for a PONG gets its first PING after a whole interval. */
  start(): void {
    this.#arm(this.#options.intervalMs, () => this.#tick());
  }

  /** The first PONG has been sent: a PING follows soon, whether the client is active or not. */
  onFirstPong(): void {
    const soon = FIRST_PING_MS + Math.random() * FIRST_PING_SPREAD_MS;
    this.#arm(Math.min(soon, this.#options.intervalMs), () => this.#ping());
  }

  /** Bytes have come from the client: it lives. */
  onActivity(): void {
    this.#isActive = true;
    if (!this.#isAwaiting) return;
    this.#isAwaiting = false;
    this.#clock.clearTimeout(this.#timeout);
    this.#timeout = undefined;
  }

  /** PONGs that nobody has asked for count for nothing. */
  onPong(): void {
    if (this.#pingedAtMs === null) return;
    this.#rttMs = this.#clock.now() - this.#pingedAtMs;
    this.#pingedAtMs = null;
  }

  stop(): void {
    this.#clock.clearTimeout(this.#timer);
    this.#clock.clearTimeout(this.#timeout);
    this.#timer = undefined;
    this.#timeout = undefined;
    this.#isAwaiting = false;
  }

  #arm(delayMs: number, action: () => void): void {
    this.#clock.clearTimeout(this.#timer);
    this.#timer = this.#clock.setTimeout(action, delayMs);
  }

  #tick(): void {
    const isActive = this.#isActive || this.#isAwaiting || this.#actions.isReadingPaused();
    this.#isActive = false;
    if (isActive) this.#arm(this.#options.intervalMs, () => this.#tick());
    else this.#ping();
  }

  #ping(): void {
    this.#arm(this.#options.intervalMs, () => this.#tick());
    this.#isActive = false;
    this.#isAwaiting = true;
    // Should its bytes have to wait for others, the time they leave counts.
    this.#pingedAtMs = this.#clock.now();
    this.#actions.sendPing(() => {
      if (this.#pingedAtMs !== null) this.#pingedAtMs = this.#clock.now();
      if (this.#isAwaiting && this.#timer !== undefined) this.#awaitPong();
    });
  }

  #awaitPong(): void {
    this.#clock.clearTimeout(this.#timeout);
    this.#timeout = this.#clock.setTimeout(() => {
      if (this.#actions.isReadingPaused()) this.#awaitPong();
      else this.#actions.onStale();
    }, this.#options.timeoutMs);
  }
}
