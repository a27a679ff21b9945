/** The `print-config` subcommand: what is in effect and where it came from, as a file that can be used again. */
import { renderConfig } from '../config/print.ts';
import type { LoadedSettings } from '../config/settings-source.ts';
import { programVersion } from '../util/program-version.ts';

/** What `print-config` prints; secrets are masked. */
export function printConfigText(settings: LoadedSettings): string {
  const file = settings.file === undefined ? 'no configuration file' : `configuration file ${settings.file}`;
  return `// nats-mqtt-gateway ${programVersion()}, ${file}; values without a note are defaults\n${renderConfig(settings)}`;
}
