/** The `check` subcommand. What is wrong with the settings is an error before it gets here; their files are read here. */

import { checkAccess } from '../auth/check-access.ts';
import type { LoadedSettings } from '../config/settings-source.ts';
import { readMaterial } from '../tls/credentials.ts';

/**
 * What `check` prints when nothing is wrong.
 * @throws {GatewayError} `GW_CONFIG` when a certificate, key or authority cannot be used, or a method of authentication cannot be set up
 */
export async function checkText({ config, file }: LoadedSettings): Promise<string> {
  const listeners = config.listeners.map(({ tls }) => tls);
  for (const tls of [...listeners, config.upstream.tls, config.http.tls]) {
    if (tls !== null) readMaterial(tls);
  }
  await checkAccess(config);
  return `${file ?? 'no configuration file'}: the configuration is valid\n`;
}
