/**
 * One raw NATS connection of a generator: connected without a library, and as cheap as can be.
 */
import { createConnection, type Socket } from 'node:net';
import { type MessageHandler, MessageReader } from '../wire/message-reader.ts';
import { readInto } from '../wire/read-buffer.ts';

/** Options of {@link NatsConnection.open}. */
export interface NatsConnectionOptions {
  readonly port: number;
  readonly verbose?: boolean;
  readonly onMessage?: MessageHandler['onMessage'];
  /** Something was read and handled. */
  onRead?(): void;
}

/** See the head of the file. Fails the process when the server ends it or sends -ERR. */
export class NatsConnection {
  readonly reader: MessageReader;
  readonly #socket: Socket;
  #isClosing = false;
  #onPong: (() => void)[] = [];

  private constructor(socket: Socket, reader: MessageReader) {
    this.#socket = socket;
    this.reader = reader;
    socket.on('error', (error) => this.#fail(error.message));
    socket.on('close', () => this.#fail('closed by the server'));
  }

  /** Connects; settles at the first PONG. */
  static async open(options: NatsConnectionOptions): Promise<NatsConnection> {
    const reader = new MessageReader({
      onMessage: options.onMessage ?? (() => {}),
      onLine: (line) => connection.#onLine(line),
    });
    const onread = readInto((chunk) => {
      reader.push(chunk);
      options.onRead?.();
    });
    const socket = createConnection({ host: '127.0.0.1', port: options.port, noDelay: true, onread });
    const connection: NatsConnection = new NatsConnection(socket, reader);
    const settings = {
      verbose: options.verbose ?? false,
      pedantic: false,
      headers: true,
      no_responders: true,
    };
    await connection.roundTrip(`CONNECT ${JSON.stringify({ ...settings, protocol: 1, lang: 'bench' })}\r\n`);
    reader.confirmed = 0;
    return connection;
  }

  /** Sends text and a PING; settles at its PONG. */
  async roundTrip(text: string): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#onPong.push(resolve);
      this.#socket.write(`${text}PING\r\n`);
    });
  }

  write(bytes: Buffer | string, done?: () => void): void {
    this.#socket.write(bytes, done);
  }

  close(): void {
    this.#isClosing = true;
    this.#socket.destroy();
  }

  #onLine(line: string): void {
    if (line === 'PONG') this.#onPong.shift()?.();
    else if (line === 'PING') this.#socket.write('PONG\r\n');
    else if (line.startsWith('-ERR')) this.#fail(line);
  }

  #fail(what: string): void {
    if (!this.#isClosing) throw new Error(`NATS connection: ${what}`);
  }
}
