/**
 * The stub broker as a process: receiver of ingress, router of round trips, and generator of egress.
 */
import { StubBroker } from '../stub/broker.ts';
import { type Fault, faultyIntake } from '../stub/faults.ts';
import { BatchSource, type StreamOptions } from '../wire/batch-source.ts';
import { type MessageShape, mqttPublish, type Template } from '../wire/templates.ts';
import { serveCommands } from './commands.ts';
import { Receiver } from './receiver.ts';

/** Argument of `start`: topics to flood, by turns, for whoever has subscribed to the first. */
export interface FloodStream extends StreamOptions {
  readonly topics: readonly string[];
  readonly shape: MessageShape;
}

const receiver = new Receiver();
const check = receiver.audience.join();
const broker = new StubBroker({
  take: (buffer, start, end) => check.take(buffer, start, end),
  onRead: () => receiver.onRead(check),
});

let source: BatchSource | null = null;

function encode(topic: string, shape: MessageShape): Template {
  const [target] = broker.route(topic).targets;
  if (target === undefined) throw new Error(`nobody has subscribed to ${topic}`);
  const { protocolVersion } = target.client;
  return mqttPublish({ topic, protocolVersion, identifiers: target.identifiers }, shape);
}

const commands = {
  ...receiver.commands,
  async listen({ fault }: { fault: Fault | null }): Promise<number> {
    if (fault !== null) broker.intake = faultyIntake(fault, (from, frame) => broker.take(from, frame));
    return await broker.listen();
  },
  connections: () => broker.connections,
  start({ topics, shape, ...options }: FloodStream) {
    const [receiver] = broker.route(topics[0] ?? '').targets;
    if (receiver === undefined) throw new Error(`nobody has subscribed to ${topics[0]}`);
    const { socket } = receiver.client;
    source = new BatchSource((bytes, done) => socket.write(bytes, () => done()));
    source.start(
      topics.map((topic) => encode(topic, shape)),
      options,
    );
  },
  credit: (received: number) => source?.credit(received),
  stop: () => source?.stop() ?? 0,
};

/** Commands of this process. */
export type StubBrokerCommands = typeof commands;

serveCommands(commands);
