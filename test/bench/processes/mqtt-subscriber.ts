/**
 * Generator: receives one stream on one or more MQTT connections and checks that each gets all of it in order.
 */
import { serveCommands } from './commands.ts';
import { MqttConnection } from './mqtt-connection.ts';
import { Receiver } from './receiver.ts';

/** Argument of `subscribe`. */
export interface MqttSubscriberOptions {
  readonly port: number;
  readonly topic: string;
  readonly connections: number;
  readonly protocolVersion: 4 | 5;
}

const receiver = new Receiver();

const commands = {
  ...receiver.commands,
  async subscribe({ port, topic, connections, protocolVersion }: MqttSubscriberOptions) {
    for (let index = 0; index < connections; index++) {
      const check = receiver.audience.join();
      const connection = await MqttConnection.open({
        port,
        protocolVersion,
        clientId: `bench-subscriber-${index}`,
        onPublish: ({ buffer, payloadStart, end }) => check.take(buffer, payloadStart, end),
        onRead: () => receiver.onRead(check),
      });
      await connection.subscribe(topic);
    }
  },
};

/** Commands of this process. */
export type MqttSubscriberCommands = typeof commands;

serveCommands(commands);
