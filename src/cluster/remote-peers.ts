/** A worker's side of coming back together: tells the primary how its clients fare, and hears of the others. */
import type { PeersListener, RecoveryPeers } from '../upstream/recovery.ts';
import type { WorkerMessage } from './messages.ts';

/** See the head of this file. */
export class RemotePeers implements RecoveryPeers {
  readonly #send: (message: WorkerMessage) => void;
  #listener: PeersListener | null = null;

  constructor(send: (message: WorkerMessage) => void) {
    this.#send = send;
  }

  announce(areAway: boolean): void {
    this.#send({ type: 'away', areAway });
  }

  answered(): void {
    this.#send({ type: 'answered' });
  }

  listen(listener: PeersListener): void {
    this.#listener = listener;
  }

  /** The primary says whether clients of other workers are without the broker. */
  onOthers(areAway: boolean): void {
    this.#listener?.onOthers(areAway);
  }

  /** The primary says that the broker has answered another worker. */
  onAnswered(): void {
    this.#listener?.onAnswered();
  }
}
