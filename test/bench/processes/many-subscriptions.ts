/**
 * Generator: one NATS client with very many subscriptions, each on a subject of its own.
 */
import { serveCommands } from './commands.ts';
import { NatsConnection } from './nats-connection.ts';
import { Receiver } from './receiver.ts';

/** A run of subjects `<prefix><number>`. */
export interface SubjectRange {
  readonly prefix: string;
  readonly from: number;
  readonly count: number;
}

const BATCH = 1_000;
const receiver = new Receiver();
const check = receiver.audience.join();
let connection: NatsConnection | null = null;

/** Sends one operation per subject; settles when all of them have taken effect. */
async function forEach(
  range: SubjectRange,
  operation: (subject: string, sid: number) => string,
): Promise<void> {
  const end = range.from + range.count;
  for (let start = range.from; start < end; start += BATCH) {
    let text = '';
    for (let number = start; number < Math.min(start + BATCH, end); number++) {
      text += operation(`${range.prefix}${number}`, number + 1);
    }
    connection?.write(text);
  }
  await connection?.roundTrip('');
}

const commands = {
  ...receiver.commands,
  async connect({ port }: { port: number }) {
    connection = await NatsConnection.open({
      port,
      onMessage: (buffer, start, end) => check.take(buffer, start, end),
      onRead: () => receiver.onRead(check),
    });
  },
  subscribe: (range: SubjectRange) => forEach(range, (subject, sid) => `SUB ${subject} ${sid}\r\n`),
  unsubscribe: (range: SubjectRange) => forEach(range, (_, sid) => `UNSUB ${sid}\r\n`),
};

/** Commands of this process. */
export type ManySubscriptionsCommands = typeof commands;

serveCommands(commands);
