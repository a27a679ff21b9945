/** Loads the configuration that a command line asks for. */
import { existsSync } from 'node:fs';
import { loadConfigWithOrigins } from '../config/load.ts';
import type { LoadedSettings } from '../config/settings-source.ts';
import type { Invocation } from './arguments.ts';

/** The file that is used when no other is named, if it exists in the working directory. */
const DEFAULT_FILE = 'config.json';

/**
 * @param fileText taken for the content of the file; left out: what it holds
 * @throws {GatewayError} `GW_CONFIG`
 */
export function loadSettings(
  invocation: Invocation,
  env: NodeJS.ProcessEnv,
  fileText?: string,
): LoadedSettings {
  const place = invocation.configFile ?? DEFAULT_FILE;
  const isThere = invocation.configFile !== undefined || fileText !== undefined || existsSync(place);
  const file = isThere ? place : undefined;
  const loaded = loadConfigWithOrigins({
    file,
    fileText,
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
  return { ...loaded, file, place };
}
