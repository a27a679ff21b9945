/**
 * Asks for `/status` all the time, keeps the last minutes, and notices when the gateway is gone: then it tries again
 * after pauses that grow.
 */
import type { StatusBody } from '../../admin/api-types.ts';
import type { ApiClient } from '../api/client.ts';
import { UnreachableError } from '../api/errors.ts';
import { type Sample, sampleOf } from './rates.ts';

const INTERVAL_MS = 2000;
const LONGEST_PAUSE_MS = 15_000;
/** Ten minutes. */
const MAX_SAMPLES = 300;

/** What is known now; a new object with every change. */
export interface FeedState {
  readonly status: StatusBody | null;
  readonly samples: readonly Sample[];
  readonly isReachable: boolean;
  /** Why the gateway has refused the last question; null when it has not. */
  readonly error: unknown;
  /** While it cannot be reached: when it is tried again, in milliseconds since 1970. */
  readonly retryAtMs: number;
}

/** See the head of the file. */
export class StatusFeed {
  readonly #api: ApiClient;
  readonly #listeners = new Set<(state: FeedState) => void>();
  #state: FeedState = { status: null, samples: [], isReachable: true, error: null, retryAtMs: 0 };
  #failures = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isRunning = false;
  #isAsking = false;

  constructor(api: ApiClient) {
    this.#api = api;
  }

  get state(): FeedState {
    return this.#state;
  }

  /** @returns how to stop being told */
  subscribe(listener: (state: FeedState) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  start(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    document.addEventListener('visibilitychange', this.#onVisibility);
    this.refresh();
  }

  stop(): void {
    this.#isRunning = false;
    document.removeEventListener('visibilitychange', this.#onVisibility);
    clearTimeout(this.#timer);
  }

  /** Nobody looks: no questions, and the log-in may end by itself. */
  readonly #onVisibility = (): void => {
    if (document.hidden) clearTimeout(this.#timer);
    else this.refresh();
  };

  /** Asks now instead of at the end of the pause. */
  refresh(): void {
    if (!this.#isRunning || this.#isAsking) return;
    clearTimeout(this.#timer);
    // #ask handles its failures itself.
    void this.#ask();
  }

  async #ask(): Promise<void> {
    this.#isAsking = true;
    try {
      this.#take(await this.#api.status());
    } catch (error) {
      if (error instanceof UnreachableError) this.#miss();
      else this.#refused(error);
    } finally {
      this.#isAsking = false;
    }
    if (this.#isRunning && !document.hidden) this.#timer = setTimeout(() => this.refresh(), this.#pauseMs());
  }

  #take(status: StatusBody): void {
    this.#failures = 0;
    const sample = sampleOf(this.#state.status, status);
    const samples = [...this.#state.samples, sample].slice(-MAX_SAMPLES);
    this.#tell({ status, samples, isReachable: true, error: null, retryAtMs: 0 });
  }

  /** The gateway is there, but does not say how it is. */
  #refused(error: unknown): void {
    this.#failures = 0;
    this.#tell({ ...this.#state, isReachable: true, error, retryAtMs: 0 });
  }

  #miss(): void {
    this.#failures += 1;
    this.#tell({ ...this.#state, isReachable: false, retryAtMs: Date.now() + this.#pauseMs() });
  }

  #pauseMs(): number {
    if (this.#failures === 0) return INTERVAL_MS;
    return Math.min(1000 * 2 ** (this.#failures - 1), LONGEST_PAUSE_MS);
  }

  #tell(state: FeedState): void {
    this.#state = state;
    for (const listener of this.#listeners) listener(state);
  }
}
