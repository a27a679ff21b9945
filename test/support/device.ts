/**
 * An MQTT device: plain MQTT.js, MQTT 5 unless told otherwise, that knows nothing of NATS or of the gateway.
 */
import mqtt, { type IClientOptions, type IPublishPacket, type MqttClient } from 'mqtt';
import { isTopicMatch } from './topic-match.ts';
import { waitFor, within } from './wait-for.ts';

const LIMIT_MS = 5_000;
/** Devices do not show messages under it; see {@link Device.settle}. */
const SETTLE_PREFIX = 'device-settle/';
/** What gateways send among themselves. A device on `#` gets it; when and how much is no subject of tests. */
const GATEWAY_PREFIX = '_NMG/';

/** A message that a device has received. */
export interface DeviceMessage {
  readonly topic: string;
  readonly payload: Buffer;
  /** Payload as UTF-8. */
  readonly text: string;
  readonly qos: 0 | 1 | 2;
  readonly retain: boolean;
  readonly properties: NonNullable<IPublishPacket['properties']>;
}

/** Options of {@link Device.publish}. */
export interface DevicePublishOptions {
  readonly qos?: 0 | 1 | 2;
  readonly retain?: boolean;
  readonly properties?: NonNullable<IPublishPacket['properties']>;
}

/** A connected device. */
export class Device {
  readonly client: MqttClient;
  /** Everything received and not yet taken by {@link Device.next}. */
  readonly messages: DeviceMessage[] = [];
  #settledTopic = '';

  constructor(client: MqttClient) {
    this.client = client;
    client.setMaxListeners(50);
    client.on('message', (topic, payload, packet) => {
      if (topic.startsWith(SETTLE_PREFIX)) {
        this.#settledTopic = topic;
        return;
      }
      if (topic.startsWith(GATEWAY_PREFIX)) return;
      const { qos, retain, properties = {} } = packet;
      this.messages.push({ topic, payload, text: payload.toString(), qos, retain, properties });
    });
  }

  /** @throws {Error} when the broker refuses the filter */
  async subscribe(
    filter: string,
    options: { qos?: 0 | 1 | 2; noLocal?: boolean; id?: number } = {},
  ): Promise<void> {
    await this.client.subscribeAsync(filter, {
      qos: options.qos ?? 1,
      ...(options.noLocal === true ? { nl: true } : {}),
      ...(options.id === undefined ? {} : { properties: { subscriptionIdentifier: options.id } }),
    });
  }

  /** Publishes with QoS 1 unless told otherwise; returns after the acknowledgement. */
  async publish(topic: string, payload: string | Buffer, options: DevicePublishOptions = {}): Promise<void> {
    await this.client.publishAsync(topic, payload, {
      qos: options.qos ?? 1,
      retain: options.retain ?? false,
      ...(options.properties === undefined ? {} : { properties: options.properties }),
    });
  }

  /** Answers every message on a filter to its Response Topic, with its Correlation Data, as MQTT 5 devices do. */
  async answer(filter: string, reply: (request: DeviceMessage) => string | Buffer): Promise<void> {
    this.client.on('message', (topic, payload, packet) => {
      const { responseTopic, correlationData } = packet.properties ?? {};
      if (responseTopic === undefined || !isTopicMatch(filter, topic)) return;
      const { qos, retain, properties = {} } = packet;
      const request = { topic, payload, text: payload.toString(), qos, retain, properties };
      this.client.publish(responseTopic, reply(request), {
        qos: 1,
        ...(correlationData === undefined ? {} : { properties: { correlationData } }),
      });
    });
    await this.subscribe(filter);
  }

  /** Takes the oldest message not yet taken, waiting for it. */
  async next(limitMs = LIMIT_MS): Promise<DeviceMessage> {
    await waitFor(() => this.messages.length > 0, limitMs, 'a message for the device');
    return this.messages.shift() as DeviceMessage;
  }

  /**
   * Waits until everything sent to this device before the call must have arrived: a message of its own comes back.
   */
  async settle(limitMs = LIMIT_MS): Promise<void> {
    const topic = `${SETTLE_PREFIX}${Math.random().toString(36).slice(2)}`;
    await this.subscribe(topic, { qos: 0 });
    await this.publish(topic, '', { qos: 0 });
    await waitFor(() => this.#settledTopic === topic, limitMs, 'the device to settle');
    await this.client.unsubscribeAsync(topic);
  }

  /** Disconnects; with `force`, without waiting for anything. */
  async close(force = false): Promise<void> {
    await this.client.endAsync(force);
  }
}

/**
 * Connects a device.
 * @param options anything MQTT.js takes; by default MQTT 5, no reconnecting
 * @throws {Error} when the broker refuses, or has not answered after 5 s
 */
export async function connectDevice(url: string, options: IClientOptions = {}): Promise<Device> {
  const client = mqtt.connect(url, {
    protocolVersion: 5,
    reconnectPeriod: 0,
    connectTimeout: LIMIT_MS,
    ...options,
  });
  const device = new Device(client);
  client.on('error', () => {}); // a broker that goes away must not end the test process; tests see `close`
  const connected = new Promise<void>((resolve, reject) => {
    client.once('connect', () => resolve());
    client.once('error', reject);
    client.once('close', () => reject(new Error('closed before CONNACK')));
  });
  try {
    await within(connected, LIMIT_MS, 'CONNACK');
  } catch (error) {
    client.end(true);
    throw error;
  }
  return device;
}
