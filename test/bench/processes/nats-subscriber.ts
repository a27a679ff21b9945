/**
 * Generator: receives one stream on one or more NATS connections and checks that each gets all of it in order.
 */
import { serveCommands } from './commands.ts';
import { NatsConnection } from './nats-connection.ts';
import { Receiver } from './receiver.ts';

const receiver = new Receiver();

async function open(port: number, subject: string): Promise<void> {
  const check = receiver.audience.join();
  const connection = await NatsConnection.open({
    port,
    onMessage: (buffer, start, end) => check.take(buffer, start, end),
    onRead: () => receiver.onRead(check),
  });
  await connection.roundTrip(`SUB ${subject} 1\r\n`);
}

const commands = {
  ...receiver.commands,
  async subscribe({ port, subject, connections }: { port: number; subject: string; connections: number }) {
    for (let index = 0; index < connections; index++) await open(port, subject);
  },
};

/** Commands of this process. */
export type NatsSubscriberCommands = typeof commands;

serveCommands(commands);
