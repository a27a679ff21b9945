/**
 * Generator: a NATS service that sends every request back as the answer.
 */
import { serveCommands } from './commands.ts';
import { NatsConnection } from './nats-connection.ts';

const commands = {
  async connect({ port, subject }: { port: number; subject: string }) {
    const connection: NatsConnection = await NatsConnection.open({
      port,
      onMessage: (buffer, start, end, lineStart) => {
        // Of `MSG subject sid reply size` and `HMSG subject sid reply header-size size`, the fourth word.
        const reply = buffer.toString('latin1', lineStart, start).split(' ', 4)[3];
        connection.write(`PUB ${reply} ${end - start}\r\n${buffer.toString('latin1', start, end)}\r\n`);
      },
    });
    await connection.roundTrip(`SUB ${subject} 1\r\n`);
  },
};

/** Commands of this process. */
export type ResponderCommands = typeof commands;

serveCommands(commands);
