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

/** Argument of `connect`. */
export interface PublisherOptions {
  readonly port: number;
  /** Every message is confirmed by `+OK`: the window counts what is not, and the stream ends with the last `+OK`. */
  readonly verbose: boolean;
}

let connection: NatsConnection | null = null;
let isVerbose = false;
let onConfirmed: () => void = () => {};

function connected(): NatsConnection {
  if (connection === null) throw new Error('not connected');
  return connection;
}

const source = new BatchSource((bytes, done) => connected().write(bytes, done));

function onRead(): void {
  source.credit(connected().reader.confirmed);
  onConfirmed();
}

/** Settles when every message has its `+OK`. */
async function confirmed(): Promise<void> {
  await new Promise<void>((resolve) => {
    onConfirmed = () => {
      if (connected().reader.confirmed >= source.sent) resolve();
    };
    onConfirmed();
  });
}

const commands = {
  async connect({ port, verbose }: PublisherOptions) {
    isVerbose = verbose;
    const options = { port, verbose, ...(verbose && { onRead: () => connection !== null && onRead() }) };
    connection = await NatsConnection.open(options);
  },
  start({ subject, shape, ...options }: NatsStream) {
    connected().reader.confirmed = 0;
    source.start([natsPublish(subject, shape)], options);
  },
  credit(received: number) {
    if (!isVerbose) source.credit(received);
  },
  async stop(): Promise<number> {
    const sent = await source.stop();
    if (isVerbose) await confirmed();
    return sent;
  },
};

/** Commands of this process. */
export type NatsPublisherCommands = typeof commands;

serveCommands(commands);
