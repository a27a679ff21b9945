/**
 * A real nats-server for tests: the oracle that the gateway is compared with. Knows nothing of the gateway.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { awaitConnack } from './await-connack.ts';
import { freePort, LOOPBACK } from './free-port.ts';
import { PROGRAMS, requireProgram } from './processes.ts';
import { Service, type ServiceDefinition } from './service.ts';
import { within } from './wait-for.ts';

const PROBE_LIMIT_MS = 5_000;

/** A value of nats-server's configuration file. */
export type NatsServerValue = string | number | boolean | readonly NatsServerValue[] | NatsServerBlock;

/** A block of nats-server's configuration file. */
export interface NatsServerBlock {
  readonly [key: string]: NatsServerValue;
}

/** Options of {@link startNatsServer}. */
export interface NatsServerOptions {
  /** Keys of nats-server's own configuration, such as `{ max_payload: 1024, authorization: { user: 'a', password: 'b' } }`. */
  readonly settings?: NatsServerBlock;
  /** More configuration in nats-server's own syntax. */
  readonly configuration?: string;
  /** Also listen for WebSocket without TLS; see {@link NatsServer.wsUrl}. */
  readonly websocket?: boolean | NatsServerBlock;
  /** Also be an MQTT 3.1.1 broker; see {@link NatsServer.mqttUrl}. */
  readonly mqtt?: boolean;
}

/** A running nats-server. */
export interface NatsServer {
  /** `nats://127.0.0.1:port` */
  readonly url: string;
  /** `ws://127.0.0.1:port`, or an empty string without the option `websocket` */
  readonly wsUrl: string;
  /** `mqtt://127.0.0.1:port`, or an empty string without the option `mqtt` */
  readonly mqttUrl: string;
  readonly host: string;
  readonly port: number;
  readonly pid: number;
  readonly isRunning: boolean;
  readonly log: string;
  /** SIGKILL unless told; returns when the process is gone. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** SIGSTOP: connections stay, nothing is answered. */
  stall(): void;
  /** SIGCONT */
  resume(): void;
  /** Starts it again on the same port. */
  restart(): Promise<void>;
  /** Ends it and removes its files. */
  stop(): Promise<void>;
}

/**
 * Starts nats-server on a free loopback port.
 * @throws {Error} one line with the command that installs it, when it is missing
 */
export async function startNatsServer(options: NatsServerOptions = {}): Promise<NatsServer> {
  const program = requireProgram(PROGRAMS.natsServer);
  const folder = await mkdtemp(join(tmpdir(), 'nmg-nats-server-'));
  const endpoint: Ports = { websocket: 0, mqtt: 0, own: 0 };
  const definition: ServiceDefinition = {
    program,
    readyLine: /Server is ready/,
    async arguments(port) {
      // A restart keeps all ports; another attempt at a free port takes new ones.
      const isNew = endpoint.own !== port;
      if (options.websocket && isNew) endpoint.websocket = await freePort();
      if (options.mqtt && isNew) endpoint.mqtt = await freePort();
      endpoint.own = port;
      const file = join(folder, 'nats-server.conf');
      await writeFile(file, configurationText(endpoint, folder, options));
      return ['-c', file];
    },
    async probe(port) {
      await awaitInfo(port);
      if (options.mqtt) await awaitConnack(endpoint.mqtt);
    },
    cleanUp: () => rm(folder, { recursive: true, force: true }),
  };
  try {
    const service = await Service.start(definition);
    return Object.assign(service, {
      url: `nats://${service.host}:${service.port}`,
      wsUrl: endpoint.websocket === 0 ? '' : `ws://${service.host}:${endpoint.websocket}`,
      mqttUrl: endpoint.mqtt === 0 ? '' : `mqtt://${service.host}:${endpoint.mqtt}`,
    });
  } catch (error) {
    await definition.cleanUp();
    throw error;
  }
}

/** Ports that one server listens on; 0 where it does not. */
interface Ports {
  own: number;
  websocket: number;
  mqtt: number;
}

function configurationText(ports: Ports, folder: string, options: NatsServerOptions): string {
  const settings: Record<string, NatsServerValue> = { host: LOOPBACK, port: ports.own, ...options.settings };
  if (options.websocket) {
    const block = typeof options.websocket === 'object' ? options.websocket : {};
    settings.websocket = { host: LOOPBACK, port: ports.websocket, no_tls: true, ...block };
  }
  if (options.mqtt) {
    settings.server_name = 'mqtt';
    settings.jetstream = { store_dir: folder };
    settings.mqtt = { host: LOOPBACK, port: ports.mqtt };
  }
  // The configuration language takes JSON values, so no syntax of its own is needed here.
  const lines = Object.entries(settings).map(([key, value]) => `${key}: ${JSON.stringify(value)}`);
  return `${lines.join('\n')}\n${options.configuration ?? ''}\n`;
}

async function awaitInfo(port: number): Promise<void> {
  const socket = createConnection({ host: LOOPBACK, port });
  const answered = new Promise<void>((resolve, reject) => {
    socket.once('data', (bytes) => {
      if (bytes.subarray(0, 5).toString() === 'INFO ') resolve();
      else reject(new Error('the first operation is not INFO'));
    });
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('closed before INFO')));
  });
  try {
    await within(answered, PROBE_LIMIT_MS, 'INFO');
  } finally {
    socket.destroy();
  }
}
