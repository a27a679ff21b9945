/**
 * One raw MQTT connection of a generator, QoS 0 only: connected without a library, and as cheap as can be.
 */
import { createConnection, type Socket } from 'node:net';
import mqttPacket, { type Packet } from 'mqtt-packet';
import { FrameSplitter, type PublishFrame } from '../wire/frame-splitter.ts';
import { readInto } from '../wire/read-buffer.ts';

/** Options of {@link MqttConnection.open}. */
export interface MqttConnectionOptions {
  readonly port: number;
  readonly protocolVersion: 4 | 5;
  readonly clientId: string;
  readonly onPublish?: (frame: PublishFrame) => void;
  /** Something was read and handled. */
  readonly onRead?: () => void;
}

const CONNACK = 2;
const SUBACK = 9;

/** See the head of the file. Fails the process when the broker ends it. */
export class MqttConnection {
  readonly #socket: Socket;
  readonly #protocolVersion: 4 | 5;
  #onAnswer: (type: number) => void = () => {};

  private constructor(options: MqttConnectionOptions) {
    this.#protocolVersion = options.protocolVersion;
    const splitter = new FrameSplitter({
      onPublish: options.onPublish ?? (() => {}),
      onPacket: (buffer, start) => this.#onAnswer((buffer[start] ?? 0) >> 4),
    });
    splitter.protocolVersion = options.protocolVersion;
    const onread = readInto((chunk) => {
      splitter.push(chunk);
      options.onRead?.();
    });
    this.#socket = createConnection({ host: '127.0.0.1', port: options.port, noDelay: true, onread });
    this.#socket.on('error', (error) => fail(error.message));
    this.#socket.on('close', () => fail('closed by the broker'));
  }

  /** Connects; settles at CONNACK. */
  static async open(options: MqttConnectionOptions): Promise<MqttConnection> {
    const connection = new MqttConnection(options);
    const { clientId, protocolVersion } = options;
    await connection.#ask({ cmd: 'connect', clientId, protocolVersion, clean: true, keepalive: 0 }, CONNACK);
    return connection;
  }

  /** Subscribes with QoS 0; settles at SUBACK. */
  async subscribe(topic: string): Promise<void> {
    await this.#ask({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic, qos: 0 }] }, SUBACK);
  }

  write(bytes: Buffer, done: () => void): void {
    this.#socket.write(bytes, () => done());
  }

  async #ask(packet: Packet, answer: number): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#onAnswer = (type) => {
        if (type === answer) resolve();
      };
      this.#socket.write(mqttPacket.generate(packet, { protocolVersion: this.#protocolVersion }));
    });
  }
}

function fail(what: string): never {
  throw new Error(`MQTT connection: ${what}`);
}
