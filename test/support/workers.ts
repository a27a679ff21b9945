/**
 * What tests of several worker processes need: which worker a client is on, which processes there are. Knows the
 * rule for connection ids, nothing else of the gateway.
 */
import { readdirSync, readFileSync } from 'node:fs';
import type { ConnectionOptions, NatsConnection } from '@nats-io/transport-node';
import type { LogLine } from './gateway.ts';
import { connectNats } from './nats.ts';
import { connectRaw, type RawClient } from './raw-client.ts';

/** Round robin reaches every worker within as many attempts as there are workers, if nobody else connects. */
const ATTEMPTS = 20;

/** Number of the worker that a connection id comes from. */
export function workerOf(cid: unknown): number {
  return Math.floor(Number(cid) / 2 ** 32);
}

/** A client of this worker, with the official library. Those that got to others are closed again. */
export async function natsOnWorker(
  target: { readonly url: string },
  worker: number,
  options: ConnectionOptions = {},
): Promise<NatsConnection> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const connection = await connectNats(target, options);
    if (workerOf(connection.info?.client_id) === worker) return connection;
    await connection.close();
  }
  throw new Error(`no client of ${ATTEMPTS} got to worker ${worker}`);
}

/** A client of this worker without a library; has read INFO. */
export async function rawOnWorker(
  { host, port }: { readonly host: string; readonly port: number },
  worker: number,
): Promise<RawClient> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const client = await connectRaw(host, port);
    if (workerOf(client.info.client_id) === worker) return client;
    await client.close();
  }
  throw new Error(`no client of ${ATTEMPTS} got to worker ${worker}`);
}

/** Process ids of the workers that were started, by the log of their primary; the newest of each worker. */
export function workerPids(started: readonly LogLine[]): number[] {
  const newest = new Map(started.map(({ worker, pid }) => [Number(worker), Number(pid)]));
  return [...newest.entries()].sort(([a], [b]) => a - b).map(([, pid]) => pid);
}

/** Whether a process exists and is no zombie. */
export function isRunning(pid: number): boolean {
  return stateOf(pid) !== null && stateOf(pid) !== 'Z';
}

/** Processes that this one has started. */
export function childrenOf(parent: number): number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.map(Number).filter((pid) => Number(fieldsOf(pid)?.[1]) === parent && isRunning(pid));
}

function stateOf(pid: number): string | null {
  return fieldsOf(pid)?.[0] ?? null;
}

/** Fields of /proc/PID/stat from the state on; null when there is no such process. */
function fieldsOf(pid: number): string[] | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return null;
    throw error;
  }
}
