/**
 * The built gateway as the bench starts it.
 */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type GatewayProcess, startGatewayProcess } from '../../support/gateway-process.ts';
import { Unavailable } from '../cell.ts';

const PROGRAM = fileURLToPath(new URL('../../../dist/main.js', import.meta.url));

/** Settings of `upstream`, by their names in the configuration file. */
export type UpstreamSettings = Readonly<Record<string, string | number | boolean>>;

let profileFolder: string | null = null;

/** Lets every gateway started from now on write a profile of its processor time when it ends. */
export function profileInto(folder: string): void {
  profileFolder = folder;
}

const accepted = new Set<string>();

/**
 * Fails for settings that this version of the gateway refuses.
 * @throws {Unavailable} with its complaint
 */
export function requireSettings(settings: UpstreamSettings): void {
  const text = JSON.stringify(settings);
  if (accepted.has(text)) return;
  const flags = Object.entries(settings).flatMap(([name, value]) => ['--set', `upstream.${name}=${value}`]);
  try {
    execFileSync(process.execPath, [PROGRAM, 'print-config', ...flags], { cwd: '/', stdio: 'pipe' });
    accepted.add(text);
  } catch (error) {
    const { stderr } = error as { stderr?: Buffer };
    const complaint = String(stderr ?? error)
      .trim()
      .split(': ');
    throw new Unavailable(`the gateway says: ${complaint.slice(-2).join(': ')}`);
  }
}

/**
 * Starts the gateway on a free port.
 * @throws {Unavailable} when this version does not have the settings
 */
export async function startGateway(mqttPort: number, settings: UpstreamSettings): Promise<GatewayProcess> {
  requireSettings(settings);
  return await startGatewayProcess({
    settings: {
      listeners: [{ name: 'tcp', type: 'tcp', bind: '127.0.0.1:0' }],
      upstream: { url: `mqtt://127.0.0.1:${mqttPort}`, ...settings },
      log: { level: 'info', format: 'json' },
    },
    nodeArgs: profileFolder === null ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileFolder}`],
  });
}
