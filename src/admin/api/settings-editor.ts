/**
 * Changes the configuration file and brings the change into the running gateway, or leaves both as they were. One change at
 * a time.
 */
import { ConfigFile, NotWritableError, revisionOf } from '../../config/edit-file.ts';
import type { LoadedSettings, SettingsSource } from '../../config/settings-source.ts';
import type { ConfigReloads } from '../../control/gateway-control.ts';
import type { AppliedBody } from '../api-types.ts';
import { ProblemError } from '../problem.ts';
import { asProblem } from './config-problem.ts';

/** The configuration as it is now. */
export interface CurrentSettings {
  readonly loaded: LoadedSettings;
  /** May not be there yet: the first change makes it. */
  readonly file: ConfigFile;
  readonly text: string;
  readonly revision: string;
}

/** What it needs of the program. */
export interface EditorParts {
  readonly settings: SettingsSource;
  readonly reloads: ConfigReloads;
}

/** See the head of the file. */
export class SettingsEditor {
  readonly #parts: EditorParts;
  #last: Promise<unknown> = Promise.resolve();

  constructor(parts: EditorParts) {
    this.#parts = parts;
  }

  /** @throws {ProblemError} 409 when what stands there now is wrong */
  current(): CurrentSettings {
    const { settings } = this.#parts;
    try {
      const loaded = settings.load();
      const file = new ConfigFile(loaded.place);
      const text = file.read();
      return { loaded, file, text, revision: revisionOf(text) };
    } catch (error) {
      throw asProblem(
        error,
        409,
        'the configuration is wrong as it stands, and has to be mended by hand first',
      );
    }
  }

  /** @param text for the content of the file @throws {ProblemError} 400, naming the settings that are wrong */
  tryOut(text: string): LoadedSettings {
    try {
      return this.#parts.settings.load(text);
    } catch (error) {
      throw asProblem(error, 400, 'the change is wrong');
    }
  }

  /**
   * Changes the file.
   * @param edit gives the new text
   * @param revision of the file that the change was made for; undefined: any
   * @throws {ProblemError} when the change is wrong or cannot be made; nothing has changed then
   */
  change(edit: (current: CurrentSettings) => string, revision: string | undefined): Promise<AppliedBody> {
    return this.#inTurn(() => this.#change(edit, revision));
  }

  /** Runs something that must not happen during a change. */
  exclusively<T>(run: () => Promise<T>): Promise<T> {
    return this.#inTurn(run);
  }

  /** @throws {ProblemError} 409 when the configuration cannot be taken over */
  reload(): Promise<AppliedBody> {
    return this.#inTurn(() => this.applied());
  }

  /** Brings what stands in the files into the gateway; only within {@link exclusively}. @throws {ProblemError} 409 */
  async applied(): Promise<AppliedBody> {
    try {
      const { changed, needsRestart } = await this.#parts.reloads.reload();
      return { changed, needsRestart, revision: this.current().revision };
    } catch (error) {
      throw asProblem(error, 409, 'it cannot be taken over');
    }
  }

  async #change(
    edit: (current: CurrentSettings) => string,
    revision: string | undefined,
  ): Promise<AppliedBody> {
    const current = this.current();
    const { file, text: before } = current;
    if (revision !== undefined && revision !== current.revision)
      throw new ProblemError(412, 'the configuration file has been changed meanwhile; look at it again');
    const text = edit(current);
    if (text === before) return { changed: [], needsRestart: [], revision: current.revision };
    this.tryOut(text);
    const { isThere } = file;
    write(file, text);
    try {
      return await this.applied();
    } catch (error) {
      if (isThere) write(file, before);
      else file.remove();
      throw error;
    }
  }

  #inTurn<T>(run: () => Promise<T>): Promise<T> {
    const result = this.#last.then(run);
    this.#last = result.catch(() => {});
    return result;
  }
}

function write(file: ConfigFile, text: string): void {
  try {
    file.write(text);
  } catch (error) {
    if (!(error instanceof NotWritableError)) throw error;
    throw new ProblemError(409, `the configuration cannot be changed here: ${error.message}`);
  }
}
