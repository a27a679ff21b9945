/** A TCP proxy that changes bytes on their way to the client, on command. Knows no protocol. */
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { LOOPBACK, listenOnFreePort } from './free-port.ts';

/** The proxy. Start it with {@link SpoilingProxy.start}. */
export class SpoilingProxy {
  /** Changes what the target says, in place; null leaves it. */
  spoil: ((bytes: Buffer) => void) | null = null;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #port = 0;

  private constructor(targetPort: number) {
    this.#server = createServer((client) => this.#join(client, targetPort));
  }

  /** Starts a proxy on a free loopback port. */
  static async start(targetPort: number): Promise<SpoilingProxy> {
    const proxy = new SpoilingProxy(targetPort);
    proxy.#port = await listenOnFreePort(proxy.#server);
    return proxy;
  }

  get port(): number {
    return this.#port;
  }

  /** Idempotent. */
  stop(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #join(client: Socket, targetPort: number): void {
    const target = createConnection({ host: LOOPBACK, port: targetPort, noDelay: true });
    client.setNoDelay(true);
    for (const [socket, other] of [
      [client, target],
      [target, client],
    ] as const) {
      this.#sockets.add(socket);
      // An error is followed by the end, which is passed on.
      socket.on('error', () => other.destroy());
      socket.on('close', () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
    }
    client.on('data', (bytes) => target.write(bytes));
    target.on('data', (bytes: Buffer) => {
      this.spoil?.(bytes);
      client.write(bytes);
    });
  }
}

/** Changes a third of the bytes. */
export function spoilEveryThirdByte(bytes: Buffer): void {
  for (let i = 0; i < bytes.length; i += 3) bytes[i] = (bytes[i] ?? 0) ^ 0x5a;
}
