/** The configuration of one worker, made from that of the gateway. Pure. */
import type { Config } from '../config/config.ts';

/** What is known only once the gateway runs. */
export interface WorkerSurroundings {
  /** Ports of the listeners, in their order; null: those of the configuration. */
  readonly ports: readonly number[] | null;
  /** The embedded broker of the primary: to a worker it is a broker like any other. */
  readonly broker: { readonly url: string; readonly maxLevels: number } | null;
}

/**
 * Gives a worker an equal part of what is limited in sum. Limits of connections stay whole: the primary counts.
 * @returns a configuration that stands for one process
 */
export function partOf(config: Config, { ports, broker }: WorkerSurroundings): Config {
  const { workers, upstream, mapping, http } = config;
  const share = (bytes: number): number => Math.max(1, Math.floor(bytes / workers));
  return {
    ...config,
    maxTotalPendingBytes: share(config.maxTotalPendingBytes),
    maxTotalInputBytes: share(config.maxTotalInputBytes),
    // The primary serves it, and nobody else needs to know its secrets.
    http: { ...http, address: null, users: [], tokens: [], tls: null },
    listeners: config.listeners.map((listener, index) => ({
      ...listener,
      maxConnectionRate: listener.maxConnectionRate / workers,
      port: ports?.[index] ?? listener.port,
    })),
    ...(broker !== null && {
      upstream: { ...upstream, url: broker.url, isEmbedded: false },
      mapping: { ...mapping, maxLevels: Math.min(mapping.maxLevels, broker.maxLevels) },
    }),
  };
}
