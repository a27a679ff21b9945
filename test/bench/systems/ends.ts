/**
 * The two ends of a measured path: where a stream of messages comes from and where it arrives, whichever protocol they
 * speak.
 */
import type { Arrival } from '../processes/commands.ts';
import type { NatsPublisherCommands } from '../processes/nats-publisher.ts';
import type { NatsSubscriberCommands } from '../processes/nats-subscriber.ts';
import type { StubBrokerCommands } from '../processes/stub-broker.ts';
import type { StreamOptions } from '../wire/batch-source.ts';
import type { MessageShape } from '../wire/templates.ts';
import { Worker } from '../worker.ts';
import type { Cleanup } from './cleanup.ts';

/** Where a stream comes from. */
export interface Source {
  readonly pid: number;
  start(options: StreamOptions): Promise<void>;
  /** How much of it has arrived. */
  credit(received: number): void;
  /** @returns how much was sent */
  stop(): Promise<number>;
}

/** Where a stream arrives. */
export interface Sink {
  readonly pid: number;
  /** @param step told by `onProgress` every so many messages */
  expect(options: { stream: number; step: number }): Promise<void>;
  arrival(): Promise<Arrival>;
  onProgress(listener: (received: number) => void): void;
}

/** A NATS client that publishes. */
export async function natsSource(
  cleanup: Cleanup,
  { port, subject, shape }: { port: number; subject: string; shape: MessageShape },
): Promise<Source> {
  const worker = await startWorker<NatsPublisherCommands>(cleanup, 'nats-publisher');
  await worker.run('connect', { port });
  return {
    pid: worker.pid,
    start: (options) => worker.run('start', { ...options, subject, shape }),
    credit: (received) => worker.tell('credit', received),
    stop: () => worker.run('stop', undefined),
  };
}

/** One or more NATS clients that each receive the whole stream. */
export async function natsSink(
  cleanup: Cleanup,
  options: { port: number; subject: string; connections: number },
): Promise<Sink> {
  const worker = await startWorker<NatsSubscriberCommands>(cleanup, 'nats-subscriber');
  await worker.run('subscribe', options);
  return sinkOf(worker);
}

/** The stub broker, flooding topics that somebody has subscribed to. */
export function stubSource(
  worker: Worker<StubBrokerCommands>,
  { topics, shape }: { topics: readonly string[]; shape: MessageShape },
): Source {
  return {
    pid: worker.pid,
    start: (options) => worker.run('start', { ...options, topics, shape }),
    credit: (received) => worker.tell('credit', received),
    stop: () => worker.run('stop', undefined),
  };
}

/** Commands that every receiving worker has. */
type SinkCommands = {
  expect(options: { stream: number; step: number }): void;
  arrival(argument: undefined): Arrival;
};

/** A receiving worker as a sink. */
export function sinkOf(worker: Worker<SinkCommands>): Sink {
  return {
    pid: worker.pid,
    expect: (options) => worker.run('expect', options),
    arrival: () => worker.run('arrival', undefined),
    onProgress: (listener) => {
      worker.onProgress = listener;
    },
  };
}

/** Starts a worker that ends with everything else. */
export async function startWorker<T extends { [name in keyof T]: (argument: never) => unknown }>(
  cleanup: Cleanup,
  name: string,
): Promise<Worker<T>> {
  return cleanup.add(await Worker.start<T>(name), (worker) => worker.end());
}
