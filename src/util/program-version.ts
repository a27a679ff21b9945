/** Which release of this program runs. */
import { readFileSync } from 'node:fs';

/**
 * Version of this program, from its package.json.
 * @throws when the installation is damaged
 */
export function programVersion(): string {
  // Two levels up from both src/util/ and dist/util/.
  const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  if (typeof manifest === 'object' && manifest !== null && 'version' in manifest)
    return String(manifest.version);
  throw new Error('package.json has no version');
}
