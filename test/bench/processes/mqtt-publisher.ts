/**
 * Generator: publishes one stream of numbered messages over one MQTT connection.
 */
import { BatchSource, type StreamOptions } from '../wire/batch-source.ts';
import { type MessageShape, mqttPublish } from '../wire/templates.ts';
import { serveCommands } from './commands.ts';
import { MqttConnection } from './mqtt-connection.ts';

/** Argument of `start`. */
export interface MqttStream extends StreamOptions {
  readonly topic: string;
  readonly shape: MessageShape;
}

let connection: MqttConnection | null = null;
let protocolVersion: 4 | 5 = 5;

const source = new BatchSource((bytes, done) => {
  if (connection === null) throw new Error('not connected');
  connection.write(bytes, done);
});

const commands = {
  async connect(options: { port: number; protocolVersion: 4 | 5 }) {
    protocolVersion = options.protocolVersion;
    connection = await MqttConnection.open({ ...options, clientId: 'bench-publisher' });
  },
  start({ topic, shape, ...options }: MqttStream) {
    source.start([mqttPublish({ topic, protocolVersion, identifiers: [] }, shape)], options);
  },
  credit: (received: number) => source.credit(received),
  stop: () => source.stop(),
};

/** Commands of this process. */
export type MqttPublisherCommands = typeof commands;

serveCommands(commands);
