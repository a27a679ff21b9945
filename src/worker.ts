/**
 * Entry of the processes that `workers` asks for. Started by the program itself, never by hand; what it serves comes
 * from its primary.
 */
import cluster from 'node:cluster';

/**
 * Whoever signals a whole process group or control group means the program, and the program is the primary: it tells
 * its workers to stop. When it dies, the channel to it ends, and Node.js ends the worker.
 */
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR2'] as const) process.on(signal, () => {});

if (!cluster.isWorker) {
  process.stderr.write('this file is started by nats-mqtt-gateway itself; see the setting "workers"\n');
  process.exit(2);
}

// Only now: until the signals are taken care of, nothing may take long.
const [{ createGateway }, { Worker }, { createLogger }] = await Promise.all([
  import('./gateway.ts'),
  import('./cluster/worker.ts'),
  import('./util/logger.ts'),
]);
new Worker({
  events: process,
  send: (message, onSent) => {
    // Without the primary the process ends by itself; what it still says reaches nobody.
    if (process.connected) process.send?.(message, undefined, undefined, () => onSent());
  },
  createGateway,
  createLogger,
  exit: (code) => process.exit(code),
}).run();
