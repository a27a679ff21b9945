/** Reads files that the configuration names, once, when a method is set up. */
import { readFile } from 'node:fs/promises';
import { GatewayError } from '../errors.ts';

/**
 * @param setting what the configuration calls it
 * @throws {GatewayError} `GW_CONFIG` when the file cannot be read
 */
export async function readConfiguredFile(file: string, setting: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new GatewayError('GW_CONFIG', `${setting}: ${file} cannot be read: ${code}`, { cause });
  }
}
