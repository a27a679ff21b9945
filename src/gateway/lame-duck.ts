/**
 * The end of a gateway that gives its clients time: nobody new comes in, those who are there are told to go elsewhere, and
 * are closed one by one, as nats-server does on SIGUSR2. Must not know what clients do.
 */
import type { CloseReason } from '../close-reason.ts';
import type { Clock, TimerHandle } from '../util/clock.ts';
import type { Logger } from '../util/logger.ts';

/** Who is connected. */
export interface LameDuckClients {
  readonly size: number;
  live(): Iterable<{ close(reason: CloseReason): void }>;
  /** Resolves when nothing is left of any of them. */
  untilEmpty(): Promise<void>;
}

/** What a {@link LameDuck} works on. */
export interface LameDuckParts {
  readonly registry: LameDuckClients;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** How long it takes. Times in milliseconds. */
export interface LameDuckTimes {
  /** Before the first client is closed. */
  readonly graceMs: number;
  /** Until the last one is closed, the grace included. */
  readonly durationMs: number;
}

/** No need to spread a few clients over minutes. */
const MAX_STEP_MS = 1_000;

/** See the head of this file. */
export class LameDuck {
  /** Settles when no client is left. */
  readonly over: Promise<void>;
  readonly #parts: LameDuckParts;
  #onOver: () => void = () => {};
  #isActive = false;
  #timer: TimerHandle | undefined;

  constructor(parts: LameDuckParts) {
    this.#parts = parts;
    this.over = new Promise((resolve) => {
      this.#onOver = resolve;
    });
  }

  get isActive(): boolean {
    return this.#isActive;
  }

  /** Once: a second call does nothing. Listeners are closed already. @param tell sends clients INFO */
  begin({ graceMs, durationMs }: LameDuckTimes, tell: () => void): void {
    if (this.#isActive) return;
    this.#isActive = true;
    const { registry, logger } = this.#parts;
    const clients = registry.size;
    const fields = { event: 'gateway.lame_duck', clients, grace_ms: graceMs, duration_ms: durationMs };
    logger.info(fields, 'Lame duck: no new clients, those who are here are closed one by one');
    tell();
    void registry.untilEmpty().then(() => this.#end());
    if (clients > 0) this.#wait(graceMs, () => this.#closeAll(Math.max(0, durationMs - graceMs)));
  }

  /** The clients that are left are somebody else's business. Idempotent. */
  stop(): void {
    this.#parts.clock.clearTimeout(this.#timer);
  }

  #closeAll(withinMs: number): void {
    const { registry } = this.#parts;
    const stepMs = Math.min(MAX_STEP_MS, withinMs / Math.max(1, registry.size));
    // Timers are not finer than a millisecond.
    const atATime = withinMs === 0 ? registry.size : Math.ceil(1 / Math.max(stepMs, 1e-6));
    const next = (): void => {
      const some = first(registry.live(), atATime);
      for (const connection of some) connection.close('Server Shutdown');
      // At random, so that several gateways that end together do not send their clients away in step.
      if (some.length > 0) this.#wait(stepMs * atATime * (0.5 + Math.random() / 2), next);
    };
    next();
  }

  #wait(delayMs: number, action: () => void): void {
    this.#timer = this.#parts.clock.setTimeout(action, delayMs);
  }

  #end(): void {
    this.stop();
    this.#onOver();
  }
}

/** The first ones of what may be many. */
function first<T>(all: Iterable<T>, count: number): T[] {
  const some: T[] = [];
  for (const one of all) {
    if (some.length >= count) break;
    some.push(one);
  }
  return some;
}
