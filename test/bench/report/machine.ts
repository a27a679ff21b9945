/** What a run was made on, for the record. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { PROGRAMS, type Program, requireProgram } from '../../support/processes.ts';

/** Versions and circumstances of a run. */
export interface Machine {
  readonly date: string;
  readonly node: string;
  readonly mqttJs: string;
  readonly natsJs: string;
  readonly gateway: string;
  readonly mosquitto: string;
  readonly natsServer: string;
  readonly cores: number;
  readonly processor: string;
  readonly memoryGiB: number;
  readonly kernel: string;
  /** Over the last minute, before the run. */
  readonly loadAverage: number;
}

const ROOT = new URL('../../../', import.meta.url);

function packageVersion(path: string): string {
  return (JSON.parse(readFileSync(new URL(path, ROOT), 'utf8')) as { version: string }).version;
}

function programVersion(program: Program, args: readonly string[]): string {
  try {
    const output = execFileSync(requireProgram(program), args, { stdio: 'pipe' }).toString();
    return /\d+\.\d+\.\d+/.exec(output)?.[0] ?? 'unknown';
  } catch (error) {
    // mosquitto prints its version and exits with 3
    const { stdout } = error as { stdout?: Buffer };
    return /\d+\.\d+\.\d+/.exec(String(stdout ?? ''))?.[0] ?? 'not installed';
  }
}

/** @returns what this run is made on */
export function describeMachine(): Machine {
  return {
    date: new Date().toISOString(),
    node: process.version,
    gateway: packageVersion('package.json'),
    mqttJs: packageVersion('node_modules/mqtt/package.json'),
    natsJs: packageVersion('node_modules/@nats-io/transport-node/package.json'),
    mosquitto: programVersion(PROGRAMS.mosquitto, ['-h']),
    natsServer: programVersion(PROGRAMS.natsServer, ['-v']),
    cores: cpus().length,
    processor: cpus()[0]?.model ?? 'unknown',
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    loadAverage: loadavg()[0] ?? Number.NaN,
  };
}
