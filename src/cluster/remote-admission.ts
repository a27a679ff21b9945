/** A worker's way to ask its primary whether a client may be served. Knows no sockets. */
import type { Admission, Applicant } from '../transport/admission.ts';
import type { WorkerMessage } from './messages.ts';

/** Clients that wait for the primary; beyond, they are refused. More arrive at once only if the primary hangs. */
const MAX_WAITING = 4096;

/** See the head of this file. A client that is never answered ends by its own time-outs. */
export class RemoteAdmission implements Admission {
  readonly #send: (message: WorkerMessage) => void;
  readonly #waiting = new Map<number, (isAdmitted: boolean) => void>();

  constructor(send: (message: WorkerMessage) => void) {
    this.#send = send;
  }

  ask({ cid, listener }: Applicant, decide: (isAdmitted: boolean) => void): void {
    if (this.#waiting.size >= MAX_WAITING) {
      process.nextTick(decide, false);
      return;
    }
    this.#waiting.set(cid, decide);
    this.#send({ type: 'ask', cid, listener });
  }

  leave({ cid }: Applicant): void {
    this.#waiting.delete(cid);
    // Behind its `ask`: should the answer be on its way, the primary takes it back.
    this.#send({ type: 'left', cid });
  }

  /** The primary has answered. */
  onDecision(cid: number, isAdmitted: boolean): void {
    const decide = this.#waiting.get(cid);
    this.#waiting.delete(cid);
    decide?.(isAdmitted);
  }
}
