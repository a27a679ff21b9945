/**
 * Free loopback ports that stay usable for a restart. Knows nothing of the servers that listen on them.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Address that everything in the tests listens on. */
export const LOOPBACK = '127.0.0.1';

const LOWEST_PORT = 12_000;
const ATTEMPTS = 50;

/** A file for each port that a test process has taken: its process id. Of all checkouts, which share the ports. */
const RESERVATIONS = join(tmpdir(), `nmg-ports-${process.getuid?.()}`);
const reserved = new Set<number>();
mkdirSync(RESERVATIONS, { recursive: true });
process.once('exit', () => {
  for (const port of reserved) rmSync(join(RESERVATIONS, String(port)), { force: true });
});

/**
 * Upper end (exclusive) of the ports we take. Ports of outgoing connections lie above it: a broker that is down for
 * a moment would else lose its port to somebody's outgoing connection, or a client that keeps trying to reach it
 * would get that very port as its own and connect to itself.
 */
function firstEphemeralPort(): number {
  try {
    const range = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8');
    const lowest = Number.parseInt(range, 10);
    return lowest > LOWEST_PORT + 1_000 ? lowest : 32_768;
  } catch {
    return 32_768; // not Linux: the usual lower end
  }
}

const END_OF_PORTS = firstEphemeralPort();

function randomPort(): number {
  return LOWEST_PORT + Math.floor(Math.random() * (END_OF_PORTS - LOWEST_PORT));
}

/** @returns false when this test process or another one has taken it before */
function reserve(port: number): boolean {
  if (reserved.has(port)) return false;
  const file = join(RESERVATIONS, String(port));
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    // What a process left behind that was killed is free for the next one that asks.
    if (!isHeld(file)) rmSync(file, { force: true });
    return false;
  }
  reserved.add(port);
  return true;
}

function isHeld(file: string): boolean {
  try {
    process.kill(Number(readFileSync(file, 'utf8')), 0);
    return true;
  } catch {
    return false;
  }
}

/**
 * Makes a server listen on a free loopback port.
 * @returns the port
 * @throws {Error} when no free port was found, or on any error but a taken port
 */
export async function listenOnFreePort(server: Server): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const port = randomPort();
    if (reserve(port) && (await tryListen(server, port))) return port;
  }
  throw new Error(`no free port found in ${ATTEMPTS} attempts`);
}

/** A port that was free a moment ago, and that no other test is given as long as this process lives. */
export async function freePort(): Promise<number> {
  const probe = createServer();
  const port = await listenOnFreePort(probe);
  await new Promise((done) => probe.close(done));
  return port;
}

/**
 * @returns false when the port is taken
 * @throws {Error} on any other failure to listen
 */
export function tryListen(server: Server, port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException): void => {
      server.off('listening', onListening);
      if (error.code === 'EADDRINUSE') resolve(false);
      else reject(error);
    };
    const onListening = (): void => {
      server.off('error', onError);
      resolve(true);
    };
    server.once('error', onError);
    server.once('listening', onListening);
    server.listen(port, LOOPBACK);
  });
}
