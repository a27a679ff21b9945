/**
 * Answers to a client's operations, in the order of the operations although the broker confirms them in any
 * order. Only what waits for something costs memory.
 */

/** Answered slots kept at the front before they are cut off in one go. */
const COMPACT_AT = 1024;

/** What is written when it is an operation's turn. */
export type ReplyWriter = () => void;

/** Place of one operation in the order. */
export class ReplySlot {
  #queue: ReplyQueue;
  isDone = false;
  write: ReplyWriter | null = null;

  constructor(queue: ReplyQueue) {
    this.#queue = queue;
  }

  /** The operation is complete; `write` runs when all earlier ones are. Only the first call counts. */
  complete(write: ReplyWriter | null): void {
    if (this.isDone) return;
    this.isDone = true;
    this.write = write;
    this.#queue.flush();
  }
}

/** The unanswered operations of one client, oldest first. */
export class ReplyQueue {
  #slots: ReplySlot[] = [];
  #head = 0;
  #onEmpty: (() => void) | null = null;

  get isEmpty(): boolean {
    return this.#head === this.#slots.length;
  }

  /** Reserves the next place. */
  reserve(): ReplySlot {
    const slot = new ReplySlot(this);
    this.#slots.push(slot);
    return slot;
  }

  /** Answers an operation that waits for nothing, behind those that do. */
  now(write: ReplyWriter): void {
    if (this.isEmpty) write();
    else this.reserve().complete(write);
  }

  /** Calls back once, as soon as nothing is owed. */
  onceEmpty(callback: () => void): void {
    this.#onEmpty = callback;
    this.flush();
  }

  /** Writes everything at the front that is complete. */
  flush(): void {
    for (let slot = this.#slots[this.#head]; slot?.isDone; slot = this.#slots[this.#head]) {
      this.#head++;
      slot.write?.();
    }
    if (!this.isEmpty) {
      this.#compact();
      return;
    }
    this.#slots = [];
    this.#head = 0;
    const onEmpty = this.#onEmpty;
    this.#onEmpty = null;
    onEmpty?.();
  }

  #compact(): void {
    if (this.#head <= COMPACT_AT) return;
    this.#slots.splice(0, this.#head);
    this.#head = 0;
  }
}
