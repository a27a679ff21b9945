/** Cuts a stream of text at line ends, so that lines of several processes do not mix. Knows no processes. */

/** A line that is longer is cut here: one that never ends must not fill the memory. */
const MAX_LINE_CHARS = 1024 * 1024;

/** Holds back what is not a whole line yet. */
export class WholeLines {
  #rest = '';

  /** @returns the lines that are complete now, each with its line end; empty when there is none */
  push(text: string): string {
    const all = this.#rest + text;
    const end = all.lastIndexOf('\n') + 1;
    this.#rest = all.slice(end);
    return this.#rest.length > MAX_LINE_CHARS ? all.slice(0, end) + this.end() : all.slice(0, end);
  }

  /** @returns what is left, as a line; empty when nothing is */
  end(): string {
    const rest = this.#rest;
    this.#rest = '';
    return rest === '' ? '' : `${rest}\n`;
  }
}
