/**
 * Generator: many NATS clients that connect and then do nothing.
 */
import { createConnection, type Socket } from 'node:net';
import { serveCommands } from './commands.ts';

/** Argument of `open`. */
export interface CrowdOptions {
  readonly port: number;
  readonly clients: number;
  /** Connecting at the same time. */
  readonly atOnce: number;
}

const CONNECT =
  'CONNECT {"verbose":false,"pedantic":false,"headers":true,"no_responders":true,"protocol":1}\r\nPING\r\n';
const PONG = 'PONG\r\n';

let sockets: Socket[] = [];

/** Settles at PONG; the connection stays and answers the server's PINGs. */
function connectOne(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ host: '127.0.0.1', port, noDelay: true });
    sockets.push(socket);
    socket.write(CONNECT);
    socket.on('data', (chunk) => {
      const text = chunk.toString('latin1');
      if (text.includes(PONG)) resolve();
      if (text.includes('PING\r\n')) socket.write(PONG);
    });
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('closed before PONG')));
  });
}

const commands = {
  /** @returns how many milliseconds it took */
  async open({ port, clients, atOnce }: CrowdOptions): Promise<number> {
    const start = performance.now();
    let left = clients;
    const connectInTurn = async (): Promise<void> => {
      while (left > 0) {
        left--;
        await connectOne(port);
      }
    };
    await Promise.all(Array.from({ length: atOnce }, connectInTurn));
    return performance.now() - start;
  },
  close() {
    for (const socket of sockets) socket.destroy();
    sockets = [];
  },
};

/** Commands of this process. */
export type IdleClientsCommands = typeof commands;

serveCommands(commands);
