/**
 * Answers whether the broker can be reached, also when no client is there to show it: then it asks the broker itself, but
 * only when somebody wants to know, and not too often.
 */
import { isCredentialRefusal } from '../mqtt/reason-codes.ts';
import { askBroker } from './ask-broker.ts';
import type { BrokerOptions } from './connect-options.ts';
import type { LinkEnd } from './mqtt-link.ts';
import type { ServiceAccount } from './probe/probe.ts';
import { type BrokerState, Reachability } from './reachability.ts';

/** Settings of a {@link BrokerWatch}. */
export interface WatchOptions {
  readonly broker: BrokerOptions;
  /** The gateway's own account, asked for each time; null: there is none. */
  readonly service: () => ServiceAccount | null;
  /** All clients depend on that account. */
  readonly needsService: boolean;
}

/** What is older is asked again. */
const STALE_MS = 10_000;
/** How long whoever wants to know waits; what comes later is there the next time. */
const PATIENCE_MS = 1_000;

/** See the head of the file. */
export class BrokerWatch {
  readonly reach = new Reachability();
  #options: WatchOptions;
  #asking: Promise<void> | null = null;
  #stop = new AbortController();

  constructor(options: WatchOptions) {
    this.#options = options;
  }

  /** As of now, after asking if need be. Takes a second at most. */
  async look(): Promise<BrokerState> {
    if (this.reach.ageMs < STALE_MS || this.#stop.signal.aborted) return this.reach.state;
    this.#asking ??= this.#ask();
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, PATIENCE_MS);
    });
    await Promise.race([this.#asking, patience]);
    clearTimeout(timer);
    return this.reach.state;
  }

  /** An attempt to get a session has ended, for whomever. @param end why there is none, or null */
  judge(end: LinkEnd | null): void {
    const { broker, needsService } = this.#options;
    const isAnswer =
      end === null ||
      (end.kind === 'refused' && !needsService && isCredentialRefusal(end.code, broker.protocolVersion));
    if (isAnswer) this.reach.onAnswered();
    else this.reach.onFailed(end);
  }

  /** Asks no more; settles when nothing is under way. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#asking;
  }

  async #ask(): Promise<void> {
    const { broker, service } = this.#options;
    const end = await askBroker(broker, service(), this.#stop.signal);
    this.#asking = null;
    if (!this.#stop.signal.aborted) this.judge(end);
  }
}
