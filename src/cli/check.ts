/** The `check` subcommand. What is wrong is an error before it gets here. */
import type { LoadedSettings } from './settings.ts';

/** What `check` prints when nothing is wrong. */
export function checkText(settings: LoadedSettings): string {
  return `${settings.file ?? 'no configuration file'}: the configuration is valid\n`;
}
