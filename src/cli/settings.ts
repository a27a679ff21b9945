/** Loads the configuration that a command line asks for. */
import { existsSync } from 'node:fs';
import { type LoadedConfig, loadConfigWithOrigins } from '../config/load.ts';
import type { Invocation } from './arguments.ts';

/** The file that is used when no other is named, if it exists in the working directory. */
const DEFAULT_FILE = 'config.json';

/** A configuration and the file it came from. */
export interface LoadedSettings extends LoadedConfig {
  /** Undefined: there was none. */
  readonly file: string | undefined;
}

/** @throws {GatewayError} `GW_CONFIG` */
export function loadSettings(invocation: Invocation, env: NodeJS.ProcessEnv): LoadedSettings {
  const file = invocation.configFile ?? (existsSync(DEFAULT_FILE) ? DEFAULT_FILE : undefined);
  const loaded = loadConfigWithOrigins({
    file,
    env,
    flags: invocation.settings,
    flagNames: invocation.flagNames,
    listen: {
      host: invocation.host,
      port: invocation.port,
      tls: invocation.tls,
      httpPort: invocation.httpPort,
    },
  });
  return { ...loaded, file };
}
