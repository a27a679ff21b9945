/**
 * What a client has published and what is known to have come back. Publications and subscriptions travel on different
 * MQTT sessions, so a SUB or the end of a subscription could overtake messages that were published before it.
 */
import type { TopicName } from '../mqtt/publication.ts';
import { filterMatches } from '../mqtt/topic.ts';
import type { UpstreamPort } from './ports.ts';

/** Topics remembered; a client that has published more since its last barrier waits for one. */
const REMEMBERED = 32;

/** What is needed to find out more. */
export interface OwnMessagesHost {
  readonly upstreamPort: UpstreamPort | null;
  /** Operations that were held may be offered again. */
  wake(): void;
}

/** Own messages of one client. Only asked by clients that hear themselves (`echo`). */
export class OwnMessages {
  readonly #host: OwnMessagesHost;
  #published = 0;
  #arrived = 0;
  #isAwaiting = false;
  /** Topics of the last publications, as a ring; made for the first one. */
  #topics: TopicName[] | null = null;

  constructor(host: OwnMessagesHost) {
    this.#host = host;
  }

  /** How many have been published. */
  get published(): number {
    return this.#published;
  }

  /** One more goes to the broker. */
  note(topic: TopicName): void {
    this.#topics ??= new Array<TopicName>(REMEMBERED).fill(topic);
    this.#topics[this.#published % REMEMBERED] = topic;
    this.#published++;
  }

  /** A barrier that was requested when `published` had been published has passed. */
  onBarrier(published: number): void {
    this.#arrived = Math.max(this.#arrived, published);
  }

  /**
   * Whether everything published since then has come back: nats-server would have delivered it at once.
   * @param since value of `published` at the time of the SUB
   * @returns false when the operation has to be held; the session is woken
   */
  haveArrivedSince(since: number): boolean {
    return this.#published <= Math.max(this.#arrived, since) || this.#isProven();
  }

  /**
   * Whether a new subscription to `filter` cannot get what was published before it.
   * @returns false when the operation has to be held; the session is woken
   */
  areClearOf(filter: string): boolean {
    const open = this.#published - this.#arrived;
    if (open === 0) return true;
    if (open <= REMEMBERED && !this.#anyMatches(filter, open)) return true;
    return this.#isProven();
  }

  #anyMatches(filter: string, open: number): boolean {
    for (let i = 1; i <= open; i++) {
      const topic = this.#topics?.[(this.#published - i) % REMEMBERED];
      if (topic !== undefined && filterMatches(filter, topic.text)) return true;
    }
    return false;
  }

  /** Asks for a barrier; true where nothing is under way and it has passed at once. */
  #isProven(): boolean {
    const port = this.#host.upstreamPort;
    if (port === null || this.#isAwaiting) return false;
    const published = this.#published;
    this.#isAwaiting = true;
    port.barrier(() => {
      this.#isAwaiting = false;
      this.onBarrier(published);
      this.#host.wake();
    });
    return !this.#isAwaiting;
  }
}
