/** What the sessions with the broker hold. Knows neither sessions nor brokers. */

/** At one moment; of one session pair, of one process, or of all. */
export interface UpstreamUsage {
  /** NATS clients with a way to the broker. */
  readonly clients: number;
  /** MQTT sessions that are connected. */
  readonly sessions: number;
  /** Topic filters, each counted once per session. */
  readonly filters: number;
  /** Publications that wait for their PUBACK. */
  readonly unacknowledged: number;
  /** Clients and changes that wait for a barrier, or in line for their turn to publish. */
  readonly waiting: number;
}

/** Where there are no sessions. */
export const NO_USAGE: UpstreamUsage = { clients: 0, sessions: 0, filters: 0, unacknowledged: 0, waiting: 0 };

/** The sums. */
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
