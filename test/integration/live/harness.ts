/** A gateway that is told other settings while a client is connected: what tests of a reload have in common. */
import type { Packet } from 'mqtt-packet';
import { loadConfig } from '../../../src/config/load.ts';
import type { ReloadResult } from '../../../src/control/gateway-control.ts';
import {
  type GatewaySettings,
  type RunningGateway,
  startGateway,
  writeSettings,
} from '../../support/gateway.ts';
import { connectRaw, type RawClient } from '../../support/raw-client.ts';
import { ScriptedBroker } from '../../support/scripted-broker.ts';

/** What a setting changes. */
export interface Effect {
  /** Settings before the reload, besides those of every test. */
  readonly from?: GatewaySettings;
  /** Those that the reload brings besides. */
  readonly to: GatewaySettings;
  /** The client that was there has to come again. */
  readonly drops?: boolean;
  /** Fails unless the new value is in force. */
  check(scene: LiveScene): Promise<void>;
}

/** See the head of the file. */
export class LiveScene {
  readonly broker: ScriptedBroker;
  readonly gateway: RunningGateway;
  /** Connected before the reload. */
  readonly early: RawClient;
  readonly #settings: GatewaySettings;
  readonly #clients: RawClient[] = [];

  private constructor(
    broker: ScriptedBroker,
    gateway: RunningGateway,
    early: RawClient,
    settings: GatewaySettings,
  ) {
    this.broker = broker;
    this.gateway = gateway;
    this.early = early;
    this.#settings = settings;
    this.#clients.push(early);
  }

  static async start(settings: GatewaySettings = {}): Promise<LiveScene> {
    const broker = await ScriptedBroker.start();
    const all = withUpstream(settings, broker.url);
    const gateway = await startGateway(all);
    const early = await connectTo(gateway);
    return new LiveScene(broker, gateway, early, all);
  }

  /** Settings on top of those of the start, as if the file had been changed. */
  async reload(settings: GatewaySettings): Promise<ReloadResult> {
    const upstream = { ...object(this.#settings.upstream), ...object(settings.upstream) };
    const { file, remove } = await writeSettings({ ...this.#settings, ...settings, upstream });
    try {
      return await this.gateway.gateway.reload(loadConfig({ file, env: {}, flags: {} }));
    } finally {
      await remove();
    }
  }

  /** A client that has connected and got its first PONG. */
  async connect(fields: object = {}, port = this.gateway.port): Promise<RawClient> {
    const client = await connectTo(this.gateway, fields, port);
    this.#clients.push(client);
    return client;
  }

  /** A client that has read INFO and said nothing. */
  async greet(): Promise<RawClient> {
    const client = await connectRaw(this.gateway.host, this.gateway.port);
    this.#clients.push(client);
    return client;
  }

  /** What clients have sent to the broker. */
  packets<Cmd extends Packet['cmd']>(cmd: Cmd): Extract<Packet, { cmd: Cmd }>[] {
    return this.broker.log.flatMap(({ packet }) => (packet.cmd === cmd ? [packet as never] : []));
  }

  async stop(): Promise<void> {
    for (const client of this.#clients) await client.close();
    await this.gateway.stop();
    await this.broker.stop();
  }
}

async function connectTo(
  gateway: RunningGateway,
  fields: object = {},
  port = gateway.port,
): Promise<RawClient> {
  const client = await connectRaw(gateway.host, port);
  client.send(`CONNECT ${JSON.stringify({ verbose: false, headers: true, ...fields })}\r\nPING\r\n`);
  await client.readUntil('PONG\r\n');
  return client;
}

function withUpstream(settings: GatewaySettings, url: string): GatewaySettings {
  const upstream = { url, probe: false, mode: 'per_client', ...object(settings.upstream) };
  return { client_info: { username: '', password: '' }, ...settings, upstream };
}

function object(value: unknown): object {
  return typeof value === 'object' && value !== null ? value : {};
}
