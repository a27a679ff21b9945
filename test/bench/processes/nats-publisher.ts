/**
 * Generator: publishes one stream of numbered messages over one NATS connection.
 */
import { BatchSource, type StreamOptions } from '../wire/batch-source.ts';
import { type MessageShape, natsPublish } from '../wire/templates.ts';
import { serveCommands } from './commands.ts';
import { NatsConnection } from './nats-connection.ts';

/** Argument of `start`. */
export interface NatsStream extends StreamOptions {
  readonly subject: string;
  readonly shape: MessageShape;
}

let connection: NatsConnection | null = null;

function connected(): NatsConnection {
  if (connection === null) throw new Error('not connected');
  return connection;
}

const source = new BatchSource((bytes, done) => connected().write(bytes, done));

const commands = {
  async connect(options: { port: number }) {
    connection = await NatsConnection.open(options);
  },
  start({ subject, shape, ...options }: NatsStream) {
    source.start([natsPublish(subject, shape)], options);
  },
  credit: (received: number) => source.credit(received),
  stop: () => source.stop(),
};

/** Commands of this process. */
export type NatsPublisherCommands = typeof commands;

serveCommands(commands);
