/**
 * A real RabbitMQ with its MQTT plugin for tests, with a node name, a cookie, a name server and folders of its own: an
 * installed one is neither used nor disturbed. Takes about 8 s to start; start it once per file.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { awaitConnack } from './await-connack.ts';
import { freePort, LOOPBACK } from './free-port.ts';
import { ManagedProcess, PROGRAMS, requireProgram } from './processes.ts';
import { Service, type ServiceDefinition } from './service.ts';

/** Erlang starts its code on all cores at once; other tests may have them. */
const START_LIMIT_MS = 60_000;

/** A running RabbitMQ. MQTT 3.1.1 only, anybody may connect. */
export interface RabbitMq {
  /** `mqtt://127.0.0.1:port` */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  readonly log: string;
  /** Ends it and removes its files. */
  stop(): Promise<void>;
}

/**
 * Starts RabbitMQ on a free loopback port.
 * @throws {Error} one line with the command that installs it, when it is missing
 */
export async function startRabbitMq(): Promise<RabbitMq> {
  const program = requireProgram(PROGRAMS.rabbitmq);
  const folder = await mkdtemp(join(tmpdir(), 'nmg-rabbitmq-'));
  // Started by the broker itself, it would outlive the test.
  const epmdPort = await freePort();
  const epmd = new ManagedProcess({
    path: requireProgram(PROGRAMS.epmd),
    args: ['-debug', '-address', LOOPBACK, '-port', String(epmdPort)],
  });
  const definition: ServiceDefinition = {
    program,
    readyLine: /Server startup complete/,
    startLimitMs: START_LIMIT_MS,
    environment: environment(folder, epmdPort, await freePort()),
    async arguments(port) {
      await writeFile(join(folder, 'enabled_plugins'), '[rabbitmq_mqtt].\n');
      await writeFile(join(folder, 'rabbitmq.conf'), configurationText(port));
      // Without a shell, and without the script in between that would have to be ended, too.
      return ['-noinput'];
    },
    probe: awaitConnack,
    async cleanUp() {
      await epmd.end();
      await rm(folder, { recursive: true, force: true });
    },
  };
  try {
    await epmd.untilOutput(/epmd running/);
    const service = await Service.start(definition);
    return Object.assign(service, { url: `mqtt://${service.host}:${service.port}` });
  } catch (error) {
    await definition.cleanUp();
    throw error;
  }
}

function configurationText(port: number): string {
  return [
    'listeners.tcp = none',
    `mqtt.listeners.tcp.1 = ${LOOPBACK}:${port}`,
    'mqtt.allow_anonymous = true',
    'log.console = true',
    'log.file = false',
    '',
  ].join('\n');
}

function environment(folder: string, epmdPort: number, distributionPort: number): NodeJS.ProcessEnv {
  const inFolder = (name: string): string => join(folder, name);
  return {
    PATH: process.env.PATH,
    // Where the cookie is, which every Erlang program of a user would else share.
    HOME: folder,
    LANG: 'C.UTF-8',
    ERL_EPMD_ADDRESS: LOOPBACK,
    ERL_EPMD_PORT: String(epmdPort),
    RABBITMQ_NODENAME: `nmg-${process.pid}-${epmdPort}@localhost`,
    RABBITMQ_DIST_PORT: String(distributionPort),
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1}',
    RABBITMQ_ALLOW_INPUT: 'true',
    RABBITMQ_CONF_ENV_FILE: inFolder('none'),
    RABBITMQ_CONFIG_FILE: inFolder('rabbitmq.conf'),
    RABBITMQ_ADVANCED_CONFIG_FILE: inFolder('advanced.config'),
    RABBITMQ_ENABLED_PLUGINS_FILE: inFolder('enabled_plugins'),
    RABBITMQ_MNESIA_BASE: inFolder('mnesia'),
    RABBITMQ_LOG_BASE: inFolder('log'),
    RABBITMQ_PID_FILE: inFolder('pid'),
  };
}
