/**
 * Generator: receives one stream on one or more NATS connections and checks that each gets all of it in order.
 */
import { SequenceCheck } from '../wire/sequence.ts';
import { type Arrival, ProgressReport, serveCommands } from './commands.ts';
import { NatsConnection } from './nats-connection.ts';

const checks: SequenceCheck[] = [];
const progress = new ProgressReport();

/** What every connection has received. */
function received(): number {
  let least = Number.POSITIVE_INFINITY;
  for (const check of checks) least = Math.min(least, check.received);
  return least;
}

async function open(port: number, subject: string): Promise<void> {
  const check = new SequenceCheck();
  const isFirst = checks.push(check) === 1;
  const connection = await NatsConnection.open({
    port,
    onMessage: (buffer, start, end) => check.take(buffer, start, end),
    ...(isFirst && { onRead: () => progress.update(checks.length === 1 ? check.received : received()) }),
  });
  await connection.roundTrip(`SUB ${subject} 1\r\n`);
}

const commands = {
  async subscribe({ port, subject, connections }: { port: number; subject: string; connections: number }) {
    for (let index = 0; index < connections; index++) await open(port, subject);
  },
  expect({ stream, step }: { stream: number; step: number }) {
    for (const check of checks) check.expect(stream);
    progress.restart(step);
  },
  arrival: (): Arrival => ({
    received: received(),
    deliveries: checks.reduce((sum, check) => sum + check.received, 0),
    fault: checks.find((check) => check.fault !== null)?.fault ?? null,
  }),
};

/** Commands of this process. */
export type NatsSubscriberCommands = typeof commands;

serveCommands(commands);
