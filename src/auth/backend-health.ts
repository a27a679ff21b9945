/** Whether a database can be reached: one log line when that ends, one when it is so again, and the reason in between. */
import type { Logger } from '../util/logger.ts';
import { BackendError } from './backend-error.ts';

/** Of one method. */
export class BackendHealth {
  readonly #method: string;
  readonly #logger: Logger;
  #failure: BackendError | null = null;

  constructor(method: string, logger: Logger) {
    this.#method = method;
    this.#logger = logger;
  }

  /** Whether the last attempt to connect has failed. */
  get isDown(): boolean {
    return this.#failure !== null;
  }

  onFailure(failure: BackendError): void {
    if (this.#failure === null) {
      const { code, message: detail } = failure;
      const fields = { event: 'auth.backend_down', method: this.#method, code, detail };
      this.#logger.warn(fields, 'the database of an authentication method cannot be reached');
    }
    this.#failure = failure;
  }

  onConnected(): void {
    if (this.#failure === null) return;
    this.#failure = null;
    const fields = { event: 'auth.backend_up', method: this.#method };
    this.#logger.info(fields, 'the database of an authentication method is back');
  }

  /** What to tell who has waited so long for a connection. */
  lateError(waitedMs: number): BackendError {
    const text = `no connection within ${waitedMs} ms`;
    if (this.#failure === null) return new BackendError(text, 'TIMEOUT');
    return new BackendError(`${text}: ${this.#failure.message}`, this.#failure.code);
  }
}
