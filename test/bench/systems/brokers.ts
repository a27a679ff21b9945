/**
 * The MQTT side of a path: the stub broker, which is itself the far end, or Mosquitto with raw clients around it.
 */
import type { StubBrokerCommands } from '../processes/stub-broker.ts';
import type { Fault } from '../stub/faults.ts';
import type { MessageShape } from '../wire/templates.ts';
import type { Cleanup } from './cleanup.ts';
import { mqttSink, mqttSource, type Sink, type Source, sinkOf, startWorker, stubSource } from './ends.ts';
import { mosquitto } from './programs.ts';

/** Which broker is behind the measured system. */
export type BrokerKind = 'stub' | 'mosquitto';

/** The process of a broker. */
export interface BrokerProcess {
  readonly pid: number;
  /** It is part of the bench: if it is too busy, nothing else was measured. */
  readonly isGenerator: boolean;
}

/** A running broker with the ends of a path. */
export interface Broker extends BrokerProcess {
  readonly port: number;
  /** Bytes that may be under way without being dropped. */
  readonly windowBytes: number;
  source(topic: string, shape: MessageShape): Promise<Source>;
  sink(topic: string): Promise<Sink>;
}

/** By default Mosquitto drops what a subscriber has not read beyond 1,000 messages. */
const NOTHING_DROPPED = 'max_queued_messages 0';
const MOSQUITTO_WINDOW = 2 * 1024 * 1024;

/** Starts a broker. */
export function openBroker(kind: BrokerKind, fault: Fault | null, cleanup: Cleanup): Promise<Broker> {
  return kind === 'stub' ? openStub(fault, cleanup) : openMosquitto(cleanup);
}

async function openStub(fault: Fault | null, cleanup: Cleanup): Promise<Broker> {
  const worker = await startWorker<StubBrokerCommands>(cleanup, 'stub-broker');
  return {
    port: await worker.run('listen', { fault }),
    pid: worker.pid,
    isGenerator: true,
    windowBytes: Number.POSITIVE_INFINITY,
    source: async (topic, shape) => stubSource(worker, { topics: [topic], shape }),
    sink: async () => sinkOf(worker),
  };
}

async function openMosquitto(cleanup: Cleanup): Promise<Broker> {
  const { port, pid } = await mosquitto(cleanup, NOTHING_DROPPED);
  const common = { port, protocolVersion: 5 } as const;
  return {
    port,
    pid,
    isGenerator: false,
    windowBytes: MOSQUITTO_WINDOW,
    source: (topic, shape) => mqttSource(cleanup, { ...common, topic, shape }),
    sink: (topic) => mqttSink(cleanup, { ...common, topic, connections: 1 }),
  };
}
