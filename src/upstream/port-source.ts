/** Where clients get their ports from: what the two modes have in common. */
import type { UpstreamIdentity, UpstreamListener, UpstreamPort, UpstreamUsage } from '../session/ports.ts';

/** Sum of what several pairs hold. */
export function sumUsage(usages: Iterable<UpstreamUsage>): UpstreamUsage {
  const sum = { clients: 0, sessions: 0, filters: 0, unacknowledged: 0, waiting: 0 };
  for (const one of usages) {
    sum.clients += one.clients;
    sum.sessions += one.sessions;
    sum.filters += one.filters;
    sum.unacknowledged += one.unacknowledged;
    sum.waiting += one.waiting;
  }
  return sum;
}

/** See the head of the file. */
export interface PortSource {
  readonly usage: UpstreamUsage;
  /** No session with the broker is left. */
  readonly isEmpty: boolean;
  /** @param identify the client's MQTT identity; called, and may throw, only where it is needed */
  open(identify: () => UpstreamIdentity, listener: UpstreamListener): UpstreamPort;
  /** Ends all ports and sessions once the broker has acknowledged what they have sent. */
  end(): void;
  /** Ends everything at once. */
  abort(): void;
}
