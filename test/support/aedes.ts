/**
 * aedes 2 as anybody would run it, in the process of the test: default settings, Nagle's algorithm on. The broker behind
 * `embedded:` is the same library, guarded and tuned.
 */
import { createServer, type Socket } from 'node:net';
import { Aedes } from 'aedes';
import { LOOPBACK, listenOnFreePort } from './free-port.ts';

/** A running aedes. MQTT 3.1.1 and 5, anybody may connect. */
export interface AedesBroker {
  /** `mqtt://127.0.0.1:port` */
  readonly url: string;
  readonly port: number;
  stop(): Promise<void>;
}

/** Starts aedes on a free loopback port. */
export async function startAedes(): Promise<AedesBroker> {
  const broker = await Aedes.createBroker();
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    broker.handle(socket);
  });
  const port = await listenOnFreePort(server);
  return {
    url: `mqtt://${LOOPBACK}:${port}`,
    port,
    async stop() {
      const isClosed = new Promise((resolve) => server.close(resolve));
      await new Promise<void>((resolve) => broker.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await isClosed;
    },
  };
}
