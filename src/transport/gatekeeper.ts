/** Says at the door of one listener who may come in, by address and by how many come; counts and logs who may not. */
import type { ListenerCounters } from '../metrics/listener-counters.ts';
import type { Clock } from '../util/clock.ts';
import type { RepeatLimiter } from '../util/logger.ts';
import { TokenBucket } from '../util/token-bucket.ts';
import { AccessRules, forwardedAddress, Networks, plainAddress } from './networks.ts';

/** Settings of the door. */
export interface GatekeeperSettings {
  readonly name: string;
  /** Such as `allow 10.0.0.0/8`. */
  readonly accessRules: readonly string[];
  /** Whose `X-Forwarded-For` counts. */
  readonly trustedProxies: readonly string[];
  /** Connections per second; 0: any number. */
  readonly maxConnectionRate: number;
}

/** See the head of this file. */
export class Gatekeeper {
  readonly #name: string;
  readonly #rules: AccessRules;
  readonly #proxies: Networks;
  readonly #counters: ListenerCounters;
  readonly #log: RepeatLimiter;
  /** Null: no limit. */
  readonly #rate: TokenBucket | null;

  constructor(settings: GatekeeperSettings, counters: ListenerCounters, log: RepeatLimiter, clock: Clock) {
    this.#name = settings.name;
    this.#rules = new AccessRules(settings.accessRules);
    this.#proxies = new Networks(settings.trustedProxies);
    this.#counters = counters;
    this.#log = log;
    this.#rate = settings.maxConnectionRate > 0 ? new TokenBucket(settings.maxConnectionRate, clock) : null;
  }

  /** Whether one more may connect now; to be asked once for each connection that is admitted by address. */
  takesOneMore(address: string | undefined): boolean {
    if (this.#rate === null || this.#rate.take()) return true;
    this.#counters.reject('rate');
    const remote = plainAddress(address ?? '');
    const fields = { event: 'client.rate_limited', listener: this.#name, remote };
    this.#log.log('warn', fields, 'more clients connect than max_connection_rate allows');
    return false;
  }

  /** Whether whoever is at this address may connect. */
  admits(address: string | undefined): boolean {
    const remote = plainAddress(address ?? '');
    if (this.#rules.allows(remote)) return true;
    this.#counters.reject('acl');
    const fields = { event: 'client.access_denied', listener: this.#name, remote };
    this.#log.log('warn', fields, 'access_rules do not let an address connect');
    return false;
  }

  /** As {@link Gatekeeper.admits}, for the other end of a connection that may be a proxy: then its clients count, later. */
  admitsPeer(address: string | undefined): boolean {
    return this.#proxies.has(plainAddress(address ?? '')) || this.admits(address);
  }

  /** Who is behind the other end. @param forwarded `X-Forwarded-For`; undefined: there is none */
  clientBehind(address: string, forwarded: string | undefined): string {
    const peer = plainAddress(address);
    return forwarded === undefined ? peer : forwardedAddress(peer, forwarded, this.#proxies);
  }
}
