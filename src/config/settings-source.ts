/** Where the settings of the running program come from, to be looked at again. Types only. */
import type { LoadedConfig } from './load.ts';

/** A configuration and the file it came from. */
export interface LoadedSettings extends LoadedConfig {
  /** Undefined: there was none. */
  readonly file: string | undefined;
  /** The same, or where one would be looked for. */
  readonly place: string;
}

/** See the head of the file. */
export interface SettingsSource {
  /**
   * File, environment and flags as they are now.
   * @param fileText taken for the content of the file, to try a change out
   * @throws {GatewayError} `GW_CONFIG`
   */
  load(fileText?: string): LoadedSettings;
}
