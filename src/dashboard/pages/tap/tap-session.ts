/** One look at the messages: starts a tap, collects what it shows, ends it. Knows no page. */
import type { TapEvent, TapMessage, TapRequest } from '../../../control/tap.ts';
import type { ApiClient } from '../../api/client.ts';

/** More are forgotten, the oldest first. */
const MAX_EVENTS = 500;

/** How a tap has ended. */
export type TapEnd = 'time' | 'closed' | 'shutdown' | 'lost';

/** What there is to see; a new object with every change. */
export interface TapState {
  readonly events: readonly NumberedEvent[];
  /** All that were shown, also those that are forgotten. */
  readonly shown: number;
  readonly skipped: number;
  readonly endsAtMs: number;
  /** Null while it goes on. */
  readonly end: TapEnd | null;
}

/** Newest first in {@link TapState}. */
export interface NumberedEvent extends TapEvent {
  readonly number: number;
}

/** See the head of the file. */
export class TapSession {
  readonly #api: ApiClient;
  readonly #id: string;
  readonly #source: EventSource;
  readonly #onChange: (state: TapState) => void;
  #state: TapState;
  #frame: number | undefined;

  /**
   * Begins to look.
   * @throws {ApiError} when the gateway refuses
   */
  static async start(
    api: ApiClient,
    request: TapRequest,
    onChange: (state: TapState) => void,
  ): Promise<TapSession> {
    const { id } = await api.startTap(request);
    return new TapSession(api, id, Date.now() + request.durationMs, onChange);
  }

  private constructor(api: ApiClient, id: string, endsAtMs: number, onChange: (state: TapState) => void) {
    this.#api = api;
    this.#id = id;
    this.#onChange = onChange;
    this.#state = { events: [], shown: 0, skipped: 0, endsAtMs, end: null };
    this.#source = new EventSource(api.tapEventsUrl(id));
    this.#source.onmessage = ({ data }) => this.#take(JSON.parse(String(data)) as TapMessage);
    // A stream that breaks is not continued: what passed meanwhile would be missing without a word.
    this.#source.onerror = () => this.#finish('lost');
    onChange(this.#state);
  }

  /** Idempotent. @throws {UnreachableError} the gateway ends the tap by itself when its time is over */
  async stop(): Promise<void> {
    if (this.#state.end !== null) return;
    this.#finish('closed');
    await this.#api.stopTap(this.#id);
  }

  #take(message: TapMessage): void {
    switch (message.type) {
      case 'event': {
        const shown = this.#state.shown + 1;
        const events = [{ ...message.event, number: shown }, ...this.#state.events].slice(0, MAX_EVENTS);
        this.#change({ ...this.#state, events, shown });
        return;
      }
      case 'skipped':
        this.#change({ ...this.#state, skipped: this.#state.skipped + message.count });
        return;
      case 'ended':
        this.#finish(message.reason);
    }
  }

  #finish(end: TapEnd): void {
    if (this.#state.end !== null) return;
    this.#source.close();
    this.#change({ ...this.#state, end });
  }

  /** At most once per picture of the screen. */
  #change(state: TapState): void {
    this.#state = state;
    this.#frame ??= requestAnimationFrame(() => {
      this.#frame = undefined;
      this.#onChange(this.#state);
    });
  }
}
