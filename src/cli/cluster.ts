/** Puts a gateway of several processes together: what of this process its workers get, and what not. */
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ClusterGateway } from '../cluster/primary.ts';
import { createSpawn } from '../cluster/spawn.ts';
import type { Config } from '../config/config.ts';
import { ENV_PREFIX } from '../config/key.ts';
import { systemClock } from '../util/clock.ts';
import type { LogOutput } from '../util/logger.ts';

/** Next to main.ts as well as to main.js. */
const WORKER_FILE = fileURLToPath(new URL(`../worker${extname(import.meta.url)}`, import.meta.url));

/**
 * Makes what `serve` runs when `workers` is more than 1.
 * @param output where the lines of all processes go
 */
export function createCluster({ logger, passOn }: LogOutput): (config: Config) => ClusterGateway {
  return (config) => {
    // Settings, secrets among them, reach workers as messages only.
    const hiddenVariables = Object.keys(process.env).filter((name) => name.startsWith(ENV_PREFIX));
    const listeners = (): number => gateway.config.listeners.length;
    const spawn = createSpawn({ file: WORKER_FILE, hiddenVariables, listeners, onLines: passOn });
    const gateway = new ClusterGateway({ config, logger, clock: systemClock, spawn });
    return gateway;
  };
}
