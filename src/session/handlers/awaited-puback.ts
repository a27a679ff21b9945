/** A publication with QoS 1 whose PUBACK is owed, in the order of the client's answers. */
import type { PublishReceipt } from '../ports.ts';
import { type ReplyQueue, ReplySlot } from '../reply-queue.ts';

/** Who acts on a PUBACK. */
export interface PubackHandler {
  onPuback(code: number, awaited: AwaitedPuback): void;
}

/** The place of a publication with QoS 1 among the answers, and what its answer depends on. */
export class AwaitedPuback extends ReplySlot implements PublishReceipt {
  /** As it was at the PUB; a second CONNECT changes only what comes after it. */
  isVerbose = false;
  /** In Latin-1: whatever bytes the client wrote. */
  subject = '';
  /** Of a request whose sender wants to know that nobody listens. */
  reply: Buffer | null = null;
  /** How many the client had published with this one. */
  published = 0;
  readonly #handler: PubackHandler;

  constructor(handler: PubackHandler, replies: ReplyQueue) {
    super(replies);
    this.#handler = handler;
  }

  onPuback(code: number): void {
    this.#handler.onPuback(code, this);
  }
}
