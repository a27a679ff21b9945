/** Opens the log of the program as the configuration says. */
import type { LogConfig } from '../config/config.ts';
import { GatewayError } from '../errors.ts';
import { createLogOutput, type LogOutput } from '../util/logger.ts';

/** @throws {GatewayError} `GW_CONFIG` when the log file cannot be opened */
export async function openLog(log: LogConfig): Promise<LogOutput> {
  try {
    return await createLogOutput(log);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (log.file === null || code === undefined) throw cause;
    throw new GatewayError('GW_CONFIG', `log.file: cannot write to ${log.file} (${code})`, { cause });
  }
}
