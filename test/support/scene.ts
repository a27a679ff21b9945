/**
 * What most tests of the whole gateway need: a broker, a gateway in front of it, and clients on both sides that are
 * closed after each test. Knows nothing of what is tested.
 */
import type { ConnectionOptions, NatsConnection } from '@nats-io/transport-node';
import type { IClientOptions } from 'mqtt';
import { connectDevice, type Device } from './device.ts';
import { type GatewaySettings, type RunningGateway, startGateway } from './gateway.ts';
import { connectNats } from './nats.ts';
import { connectRaw, connectRawWebSocket, type RawClient, type RawWebSocketOptions } from './raw-client.ts';
import { waitFor } from './wait-for.ts';

const PROBE_LIMIT_MS = 10_000;

/** A broker of any kind: a real one, or the scripted one. */
export interface SceneBroker {
  readonly url: string;
  stop(): Promise<void>;
}

/** Fields of CONNECT, as they stand in its JSON. */
export type ConnectFields = Readonly<Record<string, unknown>>;

/** See the head of the file. Start it with {@link Scene.start}. */
export class Scene<Broker extends SceneBroker = SceneBroker> {
  readonly broker: Broker;
  readonly gateway: RunningGateway;
  readonly #clients: (() => Promise<void>)[] = [];
  readonly #gateways: RunningGateway[] = [];

  private constructor(broker: Broker, gateway: RunningGateway) {
    this.broker = broker;
    this.gateway = gateway;
  }

  /**
   * Puts a gateway in front of a broker and waits until it has probed it: what clients see must not depend on
   * whether they came before or after.
   */
  static async start<Broker extends SceneBroker>(
    broker: Broker,
    settings: GatewaySettings = {},
  ): Promise<Scene<Broker>> {
    try {
      return new Scene(broker, await startProbedGateway(broker.url, settings));
    } catch (error) {
      await broker.stop();
      throw error;
    }
  }

  /** Another gateway in front of the same broker, for this test only. */
  async otherGateway(settings: GatewaySettings = {}): Promise<RunningGateway> {
    const gateway = await startProbedGateway(this.broker.url, settings);
    this.#gateways.push(gateway);
    return gateway;
  }

  /** A NATS client with the official library. */
  async nats(options: ConnectionOptions = {}, gateway = this.gateway): Promise<NatsConnection> {
    const client = await connectNats(gateway, options);
    this.#clients.push(() => client.close());
    return client;
  }

  /** A NATS client without a library that has read INFO and said nothing. */
  async greeted(gateway = this.gateway): Promise<RawClient> {
    const client = await connectRaw(gateway.host, gateway.port);
    this.#clients.push(() => client.close());
    return client;
  }

  /** As {@link Scene.raw}, over WebSocket. */
  async rawWebSocket(
    fields: ConnectFields = {},
    gateway = this.gateway,
    options: RawWebSocketOptions = {},
  ): Promise<RawClient> {
    return await this.#introduce(await connectRawWebSocket(gateway.wsUrl, options), fields);
  }

  /** A NATS client without a library that has said CONNECT (not verbose unless told) and has had its first PONG. */
  async raw(fields: ConnectFields = {}, gateway = this.gateway): Promise<RawClient> {
    return await this.#introduce(await connectRaw(gateway.host, gateway.port), fields);
  }

  /** An MQTT device at the broker. */
  async device(options: IClientOptions = {}): Promise<Device> {
    const device = await connectDevice(this.broker.url, options);
    this.#clients.push(() => device.close(true));
    return device;
  }

  async #introduce(client: RawClient, fields: ConnectFields): Promise<RawClient> {
    this.#clients.push(() => client.close());
    client.answerPings();
    const connect = { verbose: false, headers: true, no_responders: true, ...fields };
    client.send(`CONNECT ${JSON.stringify(connect)}\r\n`);
    await client.pingPong();
    return client;
  }

  /** For `afterEach`: the test's clients and gateways. */
  async closeClients(): Promise<void> {
    await Promise.all(this.#clients.splice(0).map((close) => close()));
    await Promise.all(this.#gateways.splice(0).map((gateway) => gateway.stop()));
  }

  /** For `after`. */
  async stop(): Promise<void> {
    await this.closeClients();
    await this.gateway.stop();
    await this.broker.stop();
  }
}

async function startProbedGateway(url: string, settings: GatewaySettings): Promise<RunningGateway> {
  const upstream = { url, ...(settings.upstream as object | undefined) };
  const gateway = await startGateway({ ...settings, upstream });
  const { isEmbedded, probe } = gateway.config.upstream;
  if (probe && !isEmbedded) {
    await waitFor(
      () => gateway.logLines('upstream.probed').length > 0,
      PROBE_LIMIT_MS,
      'the probe of the broker',
    );
  }
  return gateway;
}
