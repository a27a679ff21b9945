/**
 * Puts a measured system between the two ends of a path. One function per system, the same paths for all.
 */
import { startNatsServer } from '../../support/nats-server.ts';
import { Unavailable } from '../cell.ts';
import type { NaiveBridgeCommands } from '../processes/naive-bridge.ts';
import type { StubBrokerCommands } from '../processes/stub-broker.ts';
import type { Fault } from '../stub/faults.ts';
import type { MessageShape } from '../wire/templates.ts';
import type { Cleanup } from './cleanup.ts';
import { natsSink, natsSource, type Sink, type Source, sinkOf, startWorker, stubSource } from './ends.ts';
import { startGateway, type UpstreamSettings } from './gateway.ts';

/** Way of the messages: NATS to MQTT, MQTT to NATS, or NATS to MQTT to NATS. */
export type Direction = 'ingress' | 'egress' | 'roundtrip';

/** What is sent and which way. */
export interface Path {
  readonly direction: Direction;
  readonly shape: MessageShape;
  /** NATS clients that receive each message; not for ingress. */
  readonly receivers: number;
  readonly fault: Fault | null;
}

/** A system with a path through it. */
export interface Rig {
  /** The process whose cost is the result. */
  readonly measuredPid: number;
  /** A server that the measured system cannot do without. */
  readonly besidePid: number | null;
  readonly source: Source;
  readonly sink: Sink;
  /** Bytes that may be under way; see `performance` of each system. */
  readonly windowBytes: number;
}

/** Opens a rig; the parts end with the cleanup. */
export type OpenRig = (path: Path, cleanup: Cleanup) => Promise<Rig>;

/** Limited by TCP alone in practice; below the 64 MB at which a gateway or nats-server cuts a slow client. */
const WIDE_WINDOW = 32 * 1024 * 1024;
/** MQTT.js and nats.js queue without a limit: more would measure their memory and not their speed. */
const NAIVE_WINDOW = 2 * 1024 * 1024;

/** Subject and topic of each path; naive-bridge.ts and the stub broker know the first levels. */
const NAMES = { ingress: 'sink', egress: 'source', roundtrip: 'loop' } as const;

/** The gateway with these settings of `upstream`. */
export const gatewayRig =
  (settings: UpstreamSettings): OpenRig =>
  async (path, cleanup) => {
    const stub = await startStub(path, cleanup);
    const gateway = cleanup.add(await startGateway(stub.port, settings), (one) => one.stop());
    const ends = await openEnds(path, cleanup, { natsPort: gateway.port, stub: stub.worker, prefix: '' });
    return { measuredPid: gateway.pid, besidePid: null, windowBytes: WIDE_WINDOW, ...ends };
  };

/** The naive bridge next to a nats-server. */
export const naiveRig: OpenRig = async (path, cleanup) => {
  const stub = await startStub(path, cleanup);
  const nats = await startNats(cleanup);
  const bridge = await startWorker<NaiveBridgeCommands>(cleanup, 'naive-bridge');
  await bridge.run('connect', { natsPort: nats.port, mqttPort: stub.port });
  const ends = await openEnds(path, cleanup, { natsPort: nats.port, stub: stub.worker, prefix: 'back.' });
  return { measuredPid: bridge.pid, besidePid: nats.pid, windowBytes: NAIVE_WINDOW, ...ends };
};

/** nats-server alone, from NATS to NATS. */
export const natsServerRig: OpenRig = async ({ shape, receivers }, cleanup) => {
  const { port, pid } = await startNats(cleanup);
  const sink = await natsSink(cleanup, { port, subject: 'm', connections: receivers });
  const source = await natsSource(cleanup, { port, subject: 'm', shape });
  return { measuredPid: pid, besidePid: null, windowBytes: WIDE_WINDOW, source, sink };
};

/** Starts nats-server, or says that it is not installed. */
async function startNats(cleanup: Cleanup): Promise<{ port: number; pid: number }> {
  return cleanup.add(await available(startNatsServer), (server) => server.stop());
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

async function startStub({ fault }: Path, cleanup: Cleanup) {
  const worker = await startWorker<StubBrokerCommands>(cleanup, 'stub-broker');
  return { worker, port: await worker.run('listen', { fault }) };
}

interface Middle {
  readonly natsPort: number;
  readonly stub: Awaited<ReturnType<typeof startStub>>['worker'];
  /** In front of what comes from MQTT. */
  readonly prefix: string;
}

/** Opens the receiving end first, so that the sending one finds it. */
async function openEnds(
  { direction, shape, receivers }: Path,
  cleanup: Cleanup,
  { natsPort: port, stub, prefix }: Middle,
): Promise<{ source: Source; sink: Sink }> {
  const name = NAMES[direction];
  const sink =
    direction === 'ingress'
      ? sinkOf(stub)
      : await natsSink(cleanup, { port, subject: `${prefix}${name}.m`, connections: receivers });
  const source =
    direction === 'egress'
      ? stubSource(stub, { topics: [`${name}/m`], shape })
      : await natsSource(cleanup, { port, subject: `${name}.m`, shape });
  return { source, sink };
}
