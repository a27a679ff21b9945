/** What a gateway of several processes does once, before its workers are there. */
import type { Config } from '../config/config.ts';
import type { EmbeddedBroker } from '../upstream/embedded-broker.ts';
import type { Logger } from '../util/logger.ts';

/** The embedded broker, one for all workers, if that is what the configuration wants; else null. */
export async function startClusterBroker(config: Config, logger: Logger): Promise<EmbeddedBroker | null> {
  if (!config.upstream.isEmbedded) return null;
  const { startEmbeddedBroker } = await import('../upstream/embedded-broker.ts');
  const { embeddedHost: host, embeddedPort: port } = config.upstream;
  const broker = await startEmbeddedBroker({ host, port, logger });
  // It has neither $share nor 0x10; what makes up for that works within one process only.
  logger.warn(
    { event: 'cluster.embedded_broker' },
    'with several workers on the embedded broker, queue groups are formed within each worker, and requests that nobody answers time out',
  );
  return broker;
}

/** Says so when limits of memory become smaller by being divided. */
export function warnOfSmallShare(config: Config, logger: Logger): void {
  const shareBytes = Math.floor(config.maxTotalPendingBytes / config.workers);
  if (shareBytes >= config.maxPendingBytes) return;
  const fields = { event: 'cluster.small_share', shareBytes, maxPendingBytes: config.maxPendingBytes };
  logger.warn(fields, "a worker's part of max_total_pending is less than max_pending: it counts instead");
}
