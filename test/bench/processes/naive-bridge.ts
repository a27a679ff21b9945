/**
 * Peer: the bridge that one would write in an afternoon with nats.js and MQTT.js, next to a nats-server. Subjects become
 * topics by replacing the separator, headers become user properties. What comes from MQTT is published under `back.`.
 */
import { connect, headers, type Msg, type MsgHdrs } from '@nats-io/transport-node';
import mqtt, { type IPublishPacket } from 'mqtt';
import { serveCommands } from './commands.ts';

type UserProperties = Record<string, string | string[]>;

function toProperties(block: MsgHdrs): UserProperties {
  return Object.fromEntries(block.keys().map((name) => [name, block.values(name)]));
}

function toHeaders(properties: UserProperties): MsgHdrs {
  const block = headers();
  for (const [name, values] of Object.entries(properties)) {
    for (const value of [values].flat()) block.append(name, value);
  }
  return block;
}

const commands = {
  async connect({ natsPort, mqttPort }: { natsPort: number; mqttPort: number }) {
    const nats = await connect({ servers: `127.0.0.1:${natsPort}` });
    const broker = await mqtt.connectAsync(`mqtt://127.0.0.1:${mqttPort}`, { protocolVersion: 5 });
    const toMqtt = (_error: unknown, { subject, data, headers: block }: Msg): void => {
      const payload = Buffer.from(data.buffer, data.byteOffset, data.length);
      const options = block === undefined ? {} : { properties: { userProperties: toProperties(block) } };
      broker.publish(subject.replaceAll('.', '/'), payload, options);
    };
    nats.subscribe('sink.>', { callback: toMqtt });
    nats.subscribe('loop.>', { callback: toMqtt });
    broker.on('message', (topic: string, payload: Buffer, packet: IPublishPacket) => {
      const properties = packet.properties?.userProperties;
      const options = properties === undefined ? {} : { headers: toHeaders(properties) };
      nats.publish(`back.${topic.replaceAll('/', '.')}`, payload, options);
    });
    await broker.subscribeAsync(['source/#', 'loop/#']);
    await nats.flush();
  },
};

/** Commands of this process. */
export type NaiveBridgeCommands = typeof commands;

serveCommands(commands);
