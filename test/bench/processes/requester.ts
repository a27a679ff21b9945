/**
 * Generator: sends one request after the other over one NATS connection and measures how long each answer takes.
 */
import { percentile } from '../measure/statistics.ts';
import { serveCommands } from './commands.ts';
import { NatsConnection } from './nats-connection.ts';

/** Argument of `measure`. */
export interface LatencyOptions {
  readonly subject: string;
  /** Requests that are not measured. */
  readonly warmUp: number;
  readonly milliseconds: number;
}

/** Times in milliseconds. */
export interface Latency {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  readonly requests: number;
}

const INBOX = '_INBOX.bench';
const ANSWER_LIMIT_MS = 5_000;
const BODY_BYTES = 16;

let connection: NatsConnection | null = null;
let number = 0;
let onAnswer: (body: string) => void = () => {};

async function request(subject: string): Promise<void> {
  const body = String(++number).padStart(BODY_BYTES, '0');
  await new Promise<void>((resolve, reject) => {
    const late = (): void => reject(new Error(`request ${number} was not answered`));
    const timer = setTimeout(late, ANSWER_LIMIT_MS);
    onAnswer = (answer) => {
      clearTimeout(timer);
      if (answer === body) resolve();
      else reject(new Error(`the answer to request ${number} was "${answer}"`));
    };
    connection?.write(`PUB ${subject} ${INBOX}.${number} ${BODY_BYTES}\r\n${body}\r\n`);
  });
}

const commands = {
  async connect({ port }: { port: number }) {
    const onMessage = (buffer: Buffer, start: number, end: number): void =>
      onAnswer(buffer.toString('latin1', start, end));
    connection = await NatsConnection.open({ port, onMessage });
    await connection.roundTrip(`SUB ${INBOX}.* 1\r\n`);
  },
  async measure({ subject, warmUp, milliseconds }: LatencyOptions): Promise<Latency> {
    for (let index = 0; index < warmUp; index++) await request(subject);
    const times: number[] = [];
    for (const end = performance.now() + milliseconds; performance.now() < end; ) {
      const start = performance.now();
      await request(subject);
      times.push(performance.now() - start);
    }
    const at = (share: number): number => percentile(times, share);
    return { p50: at(0.5), p99: at(0.99), max: at(1), requests: times.length };
  },
};

/** Commands of this process. */
export type RequesterCommands = typeof commands;

serveCommands(commands);
