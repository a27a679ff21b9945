/**
 * A real Mosquitto for tests. Its configuration is what a fresh Debian installation amounts to: no `set_tcp_nodelay`,
 * nothing tuned. Knows nothing of the gateway.
 */
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { awaitConnack } from './await-connack.ts';
import { LOOPBACK } from './free-port.ts';
import { PROGRAMS, requireProgram } from './processes.ts';
import { Service, type ServiceDefinition } from './service.ts';

/** Options of {@link startMosquitto}. */
export interface MosquittoOptions {
  /** User name to password. Anonymous clients are refused when this is given. */
  readonly users?: Readonly<Record<string, string>>;
  /** Contents of the ACL file. */
  readonly acl?: string;
  /** Keep retained messages and sessions over an orderly restart; default false. */
  readonly persistence?: boolean;
  /** More lines of configuration, for example `max_inflight_messages 5`. */
  readonly configuration?: string;
}

/** A running Mosquitto. */
export interface Mosquitto {
  /** `mqtt://127.0.0.1:port` */
  readonly url: string;
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
 * Starts Mosquitto on a free loopback port.
 * @throws {Error} one line with the command that installs it, when it is missing
 */
export async function startMosquitto(options: MosquittoOptions = {}): Promise<Mosquitto> {
  const program = requireProgram(PROGRAMS.mosquitto);
  const folder = await mkdtemp(join(tmpdir(), 'nmg-mosquitto-'));
  await writeAccessFiles(folder, options);
  const definition: ServiceDefinition = {
    program,
    readyLine: /mosquitto version \S+ running/,
    async arguments(port) {
      const file = join(folder, 'mosquitto.conf');
      await writeFile(file, configurationText(port, folder, options));
      return ['-c', file];
    },
    probe: awaitConnack,
    cleanUp: () => rm(folder, { recursive: true, force: true }),
  };
  try {
    const service = await Service.start(definition);
    return Object.assign(service, { url: `mqtt://${service.host}:${service.port}` });
  } catch (error) {
    await definition.cleanUp();
    throw error;
  }
}

function configurationText(port: number, folder: string, options: MosquittoOptions): string {
  const lines = [
    `listener ${port} ${LOOPBACK}`,
    `allow_anonymous ${options.users === undefined}`,
    // Started by root, Mosquitto would become another user, who cannot read this folder; ignored for others.
    'user root',
    'log_dest stderr',
    'log_type error',
    'log_type warning',
    'log_type notice',
    'log_type information',
  ];
  if (options.users !== undefined) lines.push(`password_file ${join(folder, 'passwords')}`);
  if (options.acl !== undefined) lines.push(`acl_file ${join(folder, 'acl')}`);
  if (options.persistence === true) lines.push('persistence true', `persistence_location ${folder}/`);
  if (options.configuration !== undefined) lines.push(options.configuration);
  return `${lines.join('\n')}\n`;
}

async function writeAccessFiles(folder: string, options: MosquittoOptions): Promise<void> {
  if (options.acl !== undefined) await writeFile(join(folder, 'acl'), options.acl, { mode: 0o600 });
  if (options.users === undefined) return;
  const file = join(folder, 'passwords');
  const lines = Object.entries(options.users).map(([user, password]) => `${user}:${password}\n`);
  await writeFile(file, lines.join(''), { mode: 0o600 });
  execFileSync(requireProgram(PROGRAMS.mosquittoPasswd), ['-U', file], { stdio: 'pipe' });
}
