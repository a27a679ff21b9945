/**
 * `pooled` mode: a few pairs of MQTT sessions under the gateway's own account serve all NATS clients. Opens pairs when
 * there are clients for them, and decides which client goes where; a client stays there for as long as it is connected.
 */
import { sumUsage, type UpstreamUsage } from '../metrics/upstream-usage.ts';
import type { UpstreamListener, UpstreamPort } from '../session/ports.ts';
import { DenyList } from './deny-list.ts';
import type { PairContext } from './pair-context.ts';
import { PooledPort, type PooledPortOptions } from './pooled-port.ts';
import type { PortSource } from './port-source.ts';
import {
  type PoolAccount,
  SharedPair,
  type SharedPairEvents,
  type SharedPairOptions,
} from './shared-pair.ts';

/** Settings of a pool. */
export interface PoolOptions {
  /** Most pairs. */
  readonly size: number;
  readonly account: PoolAccount;
  /** Called when no pair is left, which is only after `end`. */
  readonly onEmpty: () => void;
}

/** See the head of the file. */
export class SessionPool implements PortSource {
  #context: PairContext;
  #options: PoolOptions;
  #pairs: SharedPair[] = [];
  #ports = new Set<PooledPort>();
  #portOptions: PooledPortOptions;
  #pairOptions: SharedPairOptions;
  #pairEvents: SharedPairEvents = {
    onUnreachable: (pair) => this.#onUnreachable(pair),
    onClosed: (pair) => this.#onClosed(pair),
  };

  constructor(context: PairContext, options: PoolOptions) {
    this.#context = context;
    this.#options = options;
    this.#pairOptions = { account: options.account, denied: new DenyList() };
    this.#portOptions = {
      connectTimeoutMs: context.broker.connectTimeoutMs,
      hasUserProperties: context.broker.protocolVersion === 5,
      onEnded: (port) => this.#ports.delete(port),
    };
  }

  get usage(): UpstreamUsage {
    return sumUsage(this.#pairs.map((pair) => pair.usage));
  }

  get isEmpty(): boolean {
    return this.#pairs.length === 0;
  }

  /** The client's own identity is not needed: its sessions are the gateway's. */
  open(_identify: unknown, listener: UpstreamListener): UpstreamPort {
    const port = new PooledPort(this.#choose(), listener, this.#portOptions);
    this.#ports.add(port);
    return port;
  }

  onProbed(): void {
    for (const pair of this.#pairs) pair.onProbed();
  }

  end(): void {
    for (const port of [...this.#ports]) port.end();
    for (const pair of [...this.#pairs]) pair.end();
  }

  abort(): void {
    for (const port of [...this.#ports]) port.end();
    for (const pair of [...this.#pairs]) pair.abort();
  }

  #choose(): SharedPair {
    const promising = leastLoaded(this.#pairs.filter((pair) => pair.isPromising));
    if (promising?.load === 0) return promising;
    if (this.#pairs.length < this.#options.size) return this.#openPair();
    return promising ?? leastLoaded(this.#pairs) ?? this.#openPair();
  }

  #openPair(): SharedPair {
    const pair = new SharedPair(this.#context, this.#pairOptions, this.#pairEvents);
    this.#pairs.push(pair);
    return pair;
  }

  /** The broker may allow fewer sessions than the pool has. */
  #onUnreachable(pair: SharedPair): void {
    const other = leastLoaded(this.#pairs.filter((one) => one.isUp));
    if (other !== undefined) pair.surrenderTo(other);
  }

  #onClosed(pair: SharedPair): void {
    this.#pairs = this.#pairs.filter((one) => one !== pair);
    if (this.#pairs.length === 0) this.#options.onEmpty();
  }
}

function leastLoaded(pairs: readonly SharedPair[]): SharedPair | undefined {
  let found: SharedPair | undefined;
  for (const pair of pairs) if (found === undefined || pair.load < found.load) found = pair;
  return found;
}
