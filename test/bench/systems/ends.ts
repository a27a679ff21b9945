/**
 * The two ends of a measured path: where a stream of messages comes from and where it arrives, whichever protocol they
 * speak.
 */
import type { Commands } from '../processes/commands.ts';
import type { MqttPublisherCommands } from '../processes/mqtt-publisher.ts';
import type { MqttSubscriberCommands } from '../processes/mqtt-subscriber.ts';
import type { NatsPublisherCommands } from '../processes/nats-publisher.ts';
import type { NatsSubscriberCommands } from '../processes/nats-subscriber.ts';
import type { Expectation, Receiver } from '../processes/receiver.ts';
import type { StubBrokerCommands } from '../processes/stub-broker.ts';
import type { Arrival } from '../wire/audience.ts';
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
  expect(expectation: Expectation): Promise<void>;
  arrival(): Promise<Arrival>;
  onProgress(listener: (received: number) => void): void;
}

/** Starts a worker that ends with everything else. */
export async function startWorker<T extends Commands<T>>(cleanup: Cleanup, name: string): Promise<Worker<T>> {
  return cleanup.add(await Worker.start<T>(name), (worker) => worker.end());
}

/** A NATS client that publishes. */
export async function natsSource(
  cleanup: Cleanup,
  options: { port: number; subject: string; shape: MessageShape; verbose: boolean },
): Promise<Source> {
  const { port, subject, shape, verbose } = options;
  const worker = await startWorker<NatsPublisherCommands>(cleanup, 'nats-publisher');
  await worker.run('connect', { port, verbose });
  return sourceOf(worker, (stream) => worker.run('start', { ...stream, subject, shape }));
}

/** An MQTT client that publishes. */
export async function mqttSource(
  cleanup: Cleanup,
  options: { port: number; protocolVersion: 4 | 5; topic: string; shape: MessageShape },
): Promise<Source> {
  const { port, protocolVersion, topic, shape } = options;
  const worker = await startWorker<MqttPublisherCommands>(cleanup, 'mqtt-publisher');
  await worker.run('connect', { port, protocolVersion });
  return sourceOf(worker, (stream) => worker.run('start', { ...stream, topic, shape }));
}

/** The stub broker, flooding topics that somebody has subscribed to. */
export function stubSource(
  worker: Worker<StubBrokerCommands>,
  { topics, shape }: { topics: readonly string[]; shape: MessageShape },
): Source {
  return sourceOf(worker, (stream) => worker.run('start', { ...stream, topics, shape }));
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

/** One or more MQTT clients that each receive the whole stream. */
export async function mqttSink(
  cleanup: Cleanup,
  options: { port: number; protocolVersion: 4 | 5; topic: string; connections: number },
): Promise<Sink> {
  const worker = await startWorker<MqttSubscriberCommands>(cleanup, 'mqtt-subscriber');
  await worker.run('subscribe', options);
  return sinkOf(worker);
}

/** A receiving worker as a sink. */
export function sinkOf(worker: Worker<Receiver['commands']>): Sink {
  return {
    pid: worker.pid,
    expect: (expectation) => worker.run('expect', expectation),
    arrival: () => worker.run('arrival', undefined),
    onProgress: (listener) => {
      worker.onProgress = listener;
    },
  };
}

/** Commands of every sending worker besides `start`, whose argument depends on the protocol. */
type SenderCommands = {
  credit(received: number): void;
  stop(argument: undefined): number | Promise<number>;
};

function sourceOf(worker: Worker<SenderCommands>, start: Source['start']): Source {
  return {
    pid: worker.pid,
    start,
    credit: (received) => worker.tell('credit', received),
    stop: () => worker.run('stop', undefined),
  };
}
