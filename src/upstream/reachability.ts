/**
 * Whether the broker can be reached, from what happens to all sessions of one process. Decides nothing; knows no client.
 */
import type { LinkEnd } from './mqtt-link.ts';

/** What is known. Times in milliseconds since 1970. */
export interface BrokerState {
  /** `unknown`: nobody has needed the broker yet. */
  readonly state: 'up' | 'down' | 'unknown';
  readonly sinceMs: number;
  /** Why it is down; empty when it is not. */
  readonly lastError: string;
}

/** See the head of the file. */
export class Reachability {
  #now: () => number;
  #state: BrokerState;
  /** Sessions that are connected. */
  #connected = 0;
  #heardMs = Number.NEGATIVE_INFINITY;

  /** @param now milliseconds since 1970 */
  constructor(now: () => number = Date.now) {
    this.#now = now;
    this.#state = { state: 'unknown', sinceMs: now(), lastError: '' };
  }

  get state(): BrokerState {
    return this.#state;
  }

  /** How long ago something was learnt; 0 while a session is connected. */
  get ageMs(): number {
    return this.#connected > 0 ? 0 : this.#now() - this.#heardMs;
  }

  /** A session is connected. */
  onConnected(): void {
    this.#connected += 1;
    this.#set('up', '');
  }

  /** A session that was connected is not any more, in order or not: whether the broker is there is open. */
  onDisconnected(): void {
    this.#connected -= 1;
    this.#heardMs = this.#now();
  }

  /** The broker has answered, if only to refuse somebody. */
  onAnswered(): void {
    this.#set('up', '');
  }

  /** An attempt has failed. With sessions that are connected it says nothing about the broker. */
  onFailed(end: LinkEnd): void {
    if (this.#connected === 0) this.#set('down', textOf(end));
  }

  #set(state: 'up' | 'down', lastError: string): void {
    this.#heardMs = this.#now();
    const isSame = this.#state.state === state;
    if (isSame && this.#state.lastError === lastError) return;
    this.#state = { state, sinceMs: isSame ? this.#state.sinceMs : this.#heardMs, lastError };
  }
}

function textOf(end: LinkEnd): string {
  if (end.kind === 'lost') return end.detail;
  return end.kind === 'refused' ? `refused (${end.code})` : `disconnected by the broker (${end.code})`;
}
