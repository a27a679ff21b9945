/**
 * Our gateway in the process of the test, configured the way an operator does it (file keys), on free ports.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import type { Config } from '../../src/config/config.ts';
import { loadConfig } from '../../src/config/load.ts';
import { createGateway } from '../../src/gateway.ts';
import { createLogger } from '../../src/util/logger.ts';
import { VARIANT_SETTINGS } from './variants.ts';

/** One parsed log line. */
export interface LogLine {
  readonly level: string;
  readonly event: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

type Gateway = ReturnType<typeof createGateway>;

/** A started gateway with what tests want to know about it. */
export interface RunningGateway {
  readonly gateway: Gateway;
  readonly config: Config;
  readonly host: string;
  /** Port of the first `tcp` or `tls` listener; 0 when there is none. */
  readonly port: number;
  /** `nats://host:port` of the first `tcp` or `tls` listener */
  readonly url: string;
  /** `ws://host:port` of the first `ws` or `wss` listener; empty when there is none. */
  readonly wsUrl: string;
  /** Every log line so far, as written, secrets already blanked out. */
  readonly logText: string;
  /** Log lines so far, or only those of one event. */
  logLines(event?: string): LogLine[];
  /** Idempotent. */
  stop(options?: { drain?: boolean }): Promise<void>;
}

/** Settings by the names of the configuration file; a nested object may be given in part. */
export type GatewaySettings = Readonly<Record<string, unknown>>;

/** Settings that tests start from; `upstream.url` has to come from the test. */
const BASE_SETTINGS: GatewaySettings = {
  listeners: [
    { name: 'tcp', type: 'tcp', bind: '127.0.0.1:0' },
    { name: 'ws', type: 'ws', bind: '127.0.0.1:0' },
  ],
  // Tests that want it say where: the default port is taken by the first one.
  http: { bind: 'off' },
  log: { level: 'debug', format: 'json' },
};

/**
 * Writes a configuration file for these settings into a new folder. What they leave out is that of the variant.
 * @returns the file, and a function that removes it
 */
export async function writeSettings(
  settings: GatewaySettings,
): Promise<{ file: string; remove: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'nmg-gateway-'));
  const file = join(folder, 'config.json');
  const upstream = { ...VARIANT_SETTINGS, ...(settings.upstream as object | undefined) };
  const content = { ...BASE_SETTINGS, ...settings, upstream };
  await writeFile(file, JSON.stringify(content, null, 2), { mode: 0o600 });
  return { file, remove: () => rm(folder, { recursive: true, force: true }) };
}

/**
 * Starts a gateway on free loopback ports: one `tcp` and one `ws` listener unless told otherwise.
 * @param settings at least `{ upstream: { url: broker.url } }`
 * @throws {GatewayError} as `loadConfig` and the gateway's start do
 */
export async function startGateway(settings: GatewaySettings = {}): Promise<RunningGateway> {
  const { file, remove } = await writeSettings(settings);
  let config: Config;
  try {
    config = loadConfig({ file, env: {}, flags: {} });
  } finally {
    await remove();
  }
  let logText = '';
  const destination = new Writable({
    write(chunk, _encoding, done) {
      logText += String(chunk);
      done();
    },
  });
  const logger = await createLogger({ level: config.log.level, format: 'json', destination });
  const gateway = createGateway(config, { logger });
  try {
    await gateway.start();
  } catch (error) {
    await gateway.stop();
    throw error;
  }
  const addresses = gateway.addresses();
  const tcp = addresses.find(({ type }) => type === 'tcp' || type === 'tls');
  const ws = addresses.find(({ type }) => type === 'ws' || type === 'wss');
  return {
    gateway,
    config,
    host: '127.0.0.1',
    port: tcp?.port ?? 0,
    url: tcp === undefined ? '' : `nats://127.0.0.1:${tcp.port}`,
    wsUrl: ws === undefined ? '' : `${ws.type}://127.0.0.1:${ws.port}`,
    get logText() {
      return logText;
    },
    logLines: (event) => parseLogLines(logText).filter((line) => event === undefined || line.event === event),
    stop: async (options) => {
      await gateway.stop(options);
    },
  };
}

/** @returns the lines of a JSON log; a last line that is not complete yet is left out */
export function parseLogLines(text: string): LogLine[] {
  const complete = text.slice(0, text.lastIndexOf('\n') + 1);
  return complete
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as LogLine);
}
