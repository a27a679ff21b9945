/**
 * Asks authentication methods in order until one knows the client. The end of the chain denies, and so does every
 * failure on the way: a method that should have been asked and could not be must not be passed by.
 */
import type { AuthCounters } from '../metrics/auth-counters.ts';
import type { Clock } from '../util/clock.ts';
import type { Logger } from '../util/logger.ts';
import { RepeatLimiter } from '../util/logger.ts';
import type { Authenticator, Credentials, Identity, Verdict } from './authenticator.ts';
import { ConcurrencyGate, GateFullError } from './concurrency-gate.ts';
import { ResultCache } from './result-cache.ts';

/** One method and how it is used. Times in milliseconds. */
export interface ChainLink {
  readonly authenticator: Authenticator;
  /** Longest wait for its answer, queueing included. */
  readonly timeoutMs: number;
  /** How long an acceptance is remembered; 0: not at all. */
  readonly cacheMs: number;
  readonly maxConcurrent: number;
  /** Clients that may wait for their turn; more are denied. */
  readonly maxWaiting: number;
}

/** What a chain needs besides its methods. */
export interface ChainServices {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly counters: AuthCounters;
  /** Milliseconds since 1970. */
  readonly wallClock: () => number;
}

/** Who is asking, for the log. */
export interface ClientOrigin {
  readonly cid: number;
  readonly listener: string;
  /** Address and port. */
  readonly remote: string;
}

/**
 * What a chain says. `reject`: a method knows the client and refuses it. `unknown`: no method knows it. `failed`: a method
 * could not be asked.
 */
export type Decision =
  | { readonly kind: 'accept'; readonly identity: Identity }
  | { readonly kind: 'reject' | 'unknown' | 'failed' };

class TimeoutError extends Error {
  override readonly name = 'TimeoutError';
}

/** The configured methods, in order. */
export class AuthenticationChain {
  readonly needsNonce: boolean;
  readonly #links: readonly Member[];
  readonly #services: ChainServices;
  readonly #onIdle: (() => void)[] = [];
  #asking = 0;

  constructor(links: readonly ChainLink[], services: ChainServices) {
    this.#services = services;
    const failures = new RepeatLimiter(services.logger, services.clock);
    this.#links = links.map((link) => new Member(link, services, failures));
    this.needsNonce = links.some(({ authenticator }) => authenticator.needsNonce);
  }

  /**
   * Never throws: whatever goes wrong is a denial.
   * @param signal aborts when the client is gone
   */
  async authenticate(credentials: Credentials, origin: ClientOrigin, signal: AbortSignal): Promise<Decision> {
    this.#asking++;
    try {
      return await this.#decide(credentials, origin, signal);
    } finally {
      this.#asking--;
      if (this.#asking === 0) for (const resolve of this.#onIdle.splice(0)) resolve();
    }
  }

  async #decide(credentials: Credentials, origin: ClientOrigin, signal: AbortSignal): Promise<Decision> {
    const { logger, counters } = this.#services;
    for (const link of this.#links) {
      const verdict = await link.ask(credentials, origin, signal);
      if (verdict.kind === 'skip') continue;
      if (verdict.kind === 'accept') {
        const { name, method } = verdict.identity;
        logger.debug({ event: 'auth.accepted', ...origin, method, identity: name }, 'client accepted');
        return verdict;
      }
      counters.denied++;
      if (verdict.kind === 'failed') return { kind: 'failed' };
      const { detail } = verdict;
      logger.info({ event: 'auth.rejected', ...origin, method: link.method, detail }, 'client refused');
      return { kind: 'reject' };
    }
    counters.denied++;
    const detail = 'no method knows these credentials';
    logger.info({ event: 'auth.rejected', ...origin, method: null, detail }, 'client refused');
    return { kind: 'unknown' };
  }

  /** Waits for the clients that are being asked about, which the methods' time-outs bound; then closes. Idempotent. */
  async retire(): Promise<void> {
    if (this.#asking > 0) await new Promise<void>((resolve) => this.#onIdle.push(resolve));
    await this.close();
  }

  /** Idempotent; every method is closed even if closing another one fails. */
  async close(): Promise<void> {
    const results = await Promise.allSettled(this.#links.map((link) => link.close()));
    const failure = results.find((result) => result.status === 'rejected');
    if (failure !== undefined) throw failure.reason;
  }
}

type LinkVerdict = Verdict | { readonly kind: 'failed' };

const FAILED: LinkVerdict = { kind: 'failed' };

/** One method with its bounds, its memory and its counters. */
class Member {
  readonly #link: ChainLink;
  readonly #services: ChainServices;
  readonly #failures: RepeatLimiter;
  readonly #gate: ConcurrencyGate;
  readonly #cache: ResultCache;

  constructor(link: ChainLink, services: ChainServices, failures: RepeatLimiter) {
    this.#link = link;
    this.#services = services;
    this.#failures = failures;
    this.#gate = new ConcurrencyGate(link.maxConcurrent, link.maxWaiting);
    this.#cache = new ResultCache(link.cacheMs, link.authenticator.needsNonce, services.clock);
  }

  get method(): string {
    return this.#link.authenticator.method;
  }

  async ask(credentials: Credentials, origin: ClientOrigin, signal: AbortSignal): Promise<LinkVerdict> {
    const key = this.#cache.isOff ? null : this.#cache.keyOf(credentials);
    const remembered = key === null ? undefined : this.#cache.get(key);
    const counters = this.#services.counters.of(this.method);
    let verdict: Verdict;
    if (remembered === undefined) {
      try {
        verdict = await this.#askBackend(credentials, signal);
      } catch (error) {
        // Where the client has left, nothing has failed.
        if (!signal.aborted) this.#onFailure(error, origin);
        return FAILED;
      }
    } else {
      counters.cached++;
      verdict = remembered;
    }
    verdict = this.#unlessExpired(verdict);
    const counted = { accept: 'accepted', reject: 'rejected', skip: 'skipped' } as const;
    counters[counted[verdict.kind]]++;
    if (key !== null && remembered === undefined && verdict.kind !== 'skip')
      this.#cache.set(key, verdict, this.#services.wallClock());
    return verdict;
  }

  close(): Promise<void> {
    this.#cache.clear();
    return this.#link.authenticator.close();
  }

  async #askBackend(credentials: Credentials, outer: AbortSignal): Promise<Verdict> {
    const { clock, counters } = this.#services;
    const startMs = clock.now();
    const controller = new AbortController();
    const timer = clock.setTimeout(
      () => controller.abort(new TimeoutError('no answer in time')),
      this.#link.timeoutMs,
    );
    const onOuterAbort = (): void => controller.abort(outer.reason);
    if (outer.aborted) onOuterAbort();
    outer.addEventListener('abort', onOuterAbort, { once: true });
    try {
      const release = await this.#gate.enter(controller.signal);
      // The place is held until the method is really done, although nobody waits longer than the time-out.
      const answer = this.#authenticate(credentials, controller.signal).finally(release);
      return await unlessAborted(answer, controller.signal);
    } finally {
      counters.of(this.method).duration.observe(clock.now() - startMs);
      clock.clearTimeout(timer);
      outer.removeEventListener('abort', onOuterAbort);
    }
  }

  /** A method that throws instead of rejecting must not keep its place for ever. */
  async #authenticate(credentials: Credentials, signal: AbortSignal): Promise<Verdict> {
    return await this.#link.authenticator.authenticate(credentials, signal);
  }

  #unlessExpired(verdict: Verdict): Verdict {
    if (verdict.kind !== 'accept') return verdict;
    const { expiresAtMs } = verdict.identity;
    if (expiresAtMs === null || expiresAtMs > this.#services.wallClock()) return verdict;
    return { kind: 'reject', detail: 'expired' };
  }

  /** Only name, code and text of the error: drivers hang queries and connection settings on theirs. */
  #onFailure(error: unknown, origin: ClientOrigin): void {
    const counters = this.#services.counters.of(this.method);
    if (error instanceof GateFullError) counters.busy++;
    else if (error instanceof TimeoutError) counters.timedOut++;
    else counters.failed++;
    const { name, message, code } = describe(error);
    this.#failures.log(
      'error',
      { event: 'auth.backend_failed', ...origin, method: this.method, error: name, code, detail: message },
      'an authentication method could not be asked: client refused',
    );
  }
}

/** Rejects as soon as the signal aborts, although the method may take no notice of it. */
function unlessAborted<T>(answer: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    answer.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

function describe(error: unknown): { name: string; message: string; code: string | undefined } {
  if (!(error instanceof Error)) return { name: typeof error, message: '', code: undefined };
  const { code } = error as NodeJS.ErrnoException;
  return { name: error.name, message: error.message, code: typeof code === 'string' ? code : undefined };
}
