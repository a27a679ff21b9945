/**
 * Puts a measured system between the two ends of a path. One function per system, the same paths for all.
 */
import type { NaiveBridgeCommands } from '../processes/naive-bridge.ts';
import type { Fault } from '../stub/faults.ts';
import type { MessageShape } from '../wire/templates.ts';
import { type Broker, type BrokerKind, type BrokerProcess, openBroker } from './brokers.ts';
import type { Cleanup } from './cleanup.ts';
import { mqttSink, mqttSource, natsSink, natsSource, type Sink, type Source, startWorker } from './ends.ts';
import { startGateway, type UpstreamSettings } from './gateway.ts';
import { natsServer, natsServerWithMqtt } from './programs.ts';

/** Way of the messages: NATS to MQTT, MQTT to NATS, or NATS to MQTT to NATS. */
export type Direction = 'ingress' | 'egress' | 'roundtrip';

/** What is sent and which way. */
export interface Path {
  readonly direction: Direction;
  readonly broker: BrokerKind;
  readonly shape: MessageShape;
  /** Clients that receive each message; more than one only on the NATS side. */
  readonly receivers: number;
  /** The publisher waits for `+OK`: QoS 1. */
  readonly verbose: boolean;
  /** What the stub broker does wrong. */
  readonly fault: Fault | null;
}

/** 128 bytes, QoS 0, one receiver: what most cells differ from in one thing. */
export const PLAIN_PATH: Path = {
  direction: 'ingress',
  broker: 'stub',
  shape: { payloadBytes: 128, headers: 0 },
  receivers: 1,
  verbose: false,
  fault: null,
};

/** A system with a path through it. */
export interface Rig {
  /** The process whose cost is the result. */
  readonly measuredPid: number;
  /** A nats-server that the measured system cannot do without. */
  readonly serverPid: number | null;
  /** The broker, where it is not itself source or sink. */
  readonly broker: BrokerProcess | null;
  readonly source: Source;
  readonly sink: Sink;
  /** Bytes that may be under way. */
  readonly windowBytes: number;
}

/** Opens a rig; the parts end with the cleanup. */
export type OpenRig = (path: Path, cleanup: Cleanup) => Promise<Rig>;

/** Limited by TCP alone in practice; below the 64 MB at which a gateway or nats-server cuts a slow client. */
export const WIDE_WINDOW = 32 * 1024 * 1024;
/** MQTT.js and nats.js queue without a limit: more would measure their memory and not their speed. */
const NAIVE_WINDOW = 2 * 1024 * 1024;
/** `+OK` that may be missing: more than the gateway has in flight. */
const VERBOSE_MESSAGES = 2_000;

/** Subject and topic of each path; naive-bridge.ts and the stub broker know the first levels. */
const NAMES = { ingress: 'sink', egress: 'source', roundtrip: 'loop' } as const;

/** The gateway with these settings of `upstream`. */
export const gatewayRig =
  (settings: UpstreamSettings): OpenRig =>
  async (path, cleanup) => {
    const broker = await openBroker(path.broker, path.fault, cleanup);
    const gateway = cleanup.add(await startGateway(broker.port, settings), (one) => one.stop());
    const ends = await openEnds(path, cleanup, { natsPort: gateway.port, broker, prefix: '' });
    const wide = path.verbose ? VERBOSE_MESSAGES * path.shape.payloadBytes : WIDE_WINDOW;
    const windowBytes = Math.min(wide, broker.windowBytes);
    return { measuredPid: gateway.pid, serverPid: null, windowBytes, ...ends };
  };

/** The naive bridge next to a nats-server. */
export const naiveRig: OpenRig = async (path, cleanup) => {
  const broker = await openBroker(path.broker, path.fault, cleanup);
  const nats = await natsServer(cleanup);
  const bridge = await startWorker<NaiveBridgeCommands>(cleanup, 'naive-bridge');
  await bridge.run('connect', { natsPort: nats.port, mqttPort: broker.port });
  const ends = await openEnds(path, cleanup, { natsPort: nats.port, broker, prefix: 'back.' });
  return { measuredPid: bridge.pid, serverPid: nats.pid, windowBytes: NAIVE_WINDOW, ...ends };
};

/** nats-server alone, from NATS to NATS. */
export const natsServerRig: OpenRig = async ({ shape, receivers }, cleanup) => {
  const { port, pid } = await natsServer(cleanup);
  const sink = await natsSink(cleanup, { port, subject: 'm', connections: receivers });
  const source = await natsSource(cleanup, { port, subject: 'm', shape, verbose: false });
  return { measuredPid: pid, serverPid: null, broker: null, windowBytes: WIDE_WINDOW, source, sink };
};

/** nats-server's own MQTT listener, which speaks MQTT 3.1.1, in the place of gateway and broker. */
export const natsServerMqttRig: OpenRig = async ({ direction, shape, receivers }, cleanup) => {
  const { server, mqttPort } = await natsServerWithMqtt(cleanup);
  const mqtt = { port: mqttPort, protocolVersion: 4, topic: 'a/m' } as const;
  const nats = { port: server.port, subject: 'a.m' };
  const sink =
    direction === 'egress'
      ? await natsSink(cleanup, { ...nats, connections: receivers })
      : await mqttSink(cleanup, { ...mqtt, connections: receivers });
  const source =
    direction === 'ingress'
      ? await natsSource(cleanup, { ...nats, shape, verbose: false })
      : await mqttSource(cleanup, { ...mqtt, shape });
  return { measuredPid: server.pid, serverPid: null, broker: null, windowBytes: NAIVE_WINDOW, source, sink };
};

interface Middle {
  readonly natsPort: number;
  readonly broker: Broker;
  /** In front of what comes from MQTT. */
  readonly prefix: string;
}

/** Opens the receiving end first, so that the sending one finds it. */
async function openEnds(
  { direction, shape, receivers, verbose }: Path,
  cleanup: Cleanup,
  { natsPort: port, broker, prefix }: Middle,
): Promise<Pick<Rig, 'source' | 'sink' | 'broker'>> {
  const name = NAMES[direction];
  const sink =
    direction === 'ingress'
      ? await broker.sink(`${name}/m`)
      : await natsSink(cleanup, { port, subject: `${prefix}${name}.m`, connections: receivers });
  const source =
    direction === 'egress'
      ? await broker.source(`${name}/m`, shape)
      : await natsSource(cleanup, { port, subject: `${name}.m`, shape, verbose });
  const isAnEnd = broker.pid === source.pid || broker.pid === sink.pid;
  return { source, sink, broker: isAnEnd ? null : broker };
}
