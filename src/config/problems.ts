/** Collects everything that is wrong with a configuration, so that it can be mended in one go. */
import { GatewayError } from '../errors.ts';

/** One thing that is wrong. */
export interface Problem {
  /** Dotted path; empty when no single setting is to blame. */
  readonly key: string;
  /** `config.json:12`, `environment variable NATSMQTT_…`, `flag --port`, `default`. */
  readonly origin: string;
  readonly message: string;
}

const SHOWN_LENGTH = 80;

/** A value for a message: as JSON, cut when long. */
export function show(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > SHOWN_LENGTH ? `${text.slice(0, SHOWN_LENGTH)}…` : text;
}

/** The problems found so far. */
export class Problems {
  readonly #list: Problem[] = [];

  add(key: string, origin: string, message: string): void {
    this.#list.push({ key, origin, message });
  }

  get isEmpty(): boolean {
    return this.#list.length === 0;
  }

  /** @throws {GatewayError} `GW_CONFIG` with all problems in its message and context, if there are any */
  throwIfAny(): void {
    if (this.isEmpty) return;
    const lines = this.#list.map(({ key, origin, message }) => {
      return `${origin}: ${key === '' || message.startsWith(key) ? '' : `${key} `}${message}`;
    });
    const text =
      lines.length === 1
        ? `wrong configuration: ${lines[0]}`
        : `wrong configuration, ${lines.length} problems:\n${lines.map((line) => `  ${line}`).join('\n')}`;
    throw new GatewayError('GW_CONFIG', text, { context: { problems: [...this.#list] } });
  }
}
