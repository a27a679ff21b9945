/**
 * Programs that the bench did not bring along. Where one is not installed, what needs it is left out.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, LOOPBACK } from '../../support/free-port.ts';
import { type Mosquitto, startMosquitto } from '../../support/mosquitto.ts';
import { type NatsServer, startNatsServer } from '../../support/nats-server.ts';
import { Unavailable } from '../cell.ts';
import type { Cleanup } from './cleanup.ts';

/** Starts nats-server. */
export async function natsServer(cleanup: Cleanup): Promise<NatsServer> {
  return cleanup.add(await available(() => startNatsServer()), (server) => server.stop());
}

/** Starts nats-server with its own MQTT listener, which needs JetStream. */
export async function natsServerWithMqtt(
  cleanup: Cleanup,
): Promise<{ server: NatsServer; mqttPort: number }> {
  const folder = cleanup.add(await mkdtemp(join(tmpdir(), 'nmg-bench-')), (path) =>
    rm(path, { recursive: true, force: true }),
  );
  const mqttPort = await freePort();
  const settings = {
    server_name: 'bench',
    jetstream: { store_dir: folder },
    mqtt: { host: LOOPBACK, port: mqttPort },
  };
  const server = await available(() => startNatsServer({ settings }));
  return { server: cleanup.add(server, (one) => one.stop()), mqttPort };
}

/** Starts Mosquitto as it comes, plus these lines of configuration. */
export async function mosquitto(cleanup: Cleanup, configuration: string): Promise<Mosquitto> {
  return cleanup.add(await available(() => startMosquitto({ configuration })), (broker) => broker.stop());
}

/** @throws {Unavailable} when the program is not installed */
async function available<T>(start: () => Promise<T>): Promise<T> {
  try {
    return await start();
  } catch (error) {
    if (error instanceof Error && error.message.includes('is not installed')) {
      throw new Unavailable(error.message);
    }
    throw error;
  }
}
