/** The `version` subcommand. */
import { programVersion } from '../util/program-version.ts';

/** The line that `version` prints. */
export function versionText(): string {
  return `nats-mqtt-gateway ${programVersion()} (Node.js ${process.versions.node})\n`;
}
