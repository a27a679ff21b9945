/**
 * Answers to a client's operations, in the order of the operations although the broker confirms them in any
 * order. Only what waits for something costs memory.
 */

/** Answered slots kept at the front before they are cut off in one go. */
const COMPACT_AT = 1024;

/** Unanswered operations of one client beyond which no more are taken: a broker may take long to answer. */
const MAX_UNANSWERED = 4096;

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
  #isRoomAwaited = false;
  #isClosed = false;
  #onRoom: () => void;

  /** @param onRoom called when `isFull` was true and half of the room is free again */
  constructor(onRoom: () => void) {
    this.#onRoom = onRoom;
  }

  /** True: the operation has to be held. */
  get isFull(): boolean {
    const isFull = this.#slots.length - this.#head >= MAX_UNANSWERED;
    if (isFull) this.#isRoomAwaited = true;
    return isFull;
  }

  get isEmpty(): boolean {
    return this.#head === this.#slots.length;
  }

  /** Reserves the next place. */
  reserve(): ReplySlot {
    return this.add(new ReplySlot(this));
  }

  /** Gives the next place to a slot of one's own kind. */
  add<Slot extends ReplySlot>(slot: Slot): Slot {
    if (!this.#isClosed) this.#slots.push(slot);
    return slot;
  }

  /** Answers an operation that waits for nothing, behind those that do. */
  now(write: ReplyWriter): void {
    if (this.#isClosed) return;
    if (this.isEmpty) write();
    else this.reserve().complete(write);
  }

  /** Calls back once, as soon as nothing is owed. */
  onceEmpty(callback: () => void): void {
    this.#onEmpty = callback;
    this.flush();
  }

  /** The client is gone: nothing is written any more, although the broker may still confirm. */
  close(): void {
    this.#isClosed = true;
    this.#slots = [];
    this.#head = 0;
    this.#onEmpty = null;
  }

  /** Writes everything at the front that is complete. */
  flush(): void {
    for (let slot = this.#slots[this.#head]; slot?.isDone; slot = this.#slots[this.#head]) {
      this.#head++;
      slot.write?.();
    }
    if (this.isEmpty) {
      this.#slots = [];
      this.#head = 0;
      const onEmpty = this.#onEmpty;
      this.#onEmpty = null;
      onEmpty?.();
    } else this.#compact();
    if (!this.#isRoomAwaited || this.#slots.length - this.#head > MAX_UNANSWERED / 2) return;
    this.#isRoomAwaited = false;
    this.#onRoom();
  }

  #compact(): void {
    if (this.#head <= COMPACT_AT) return;
    this.#slots.splice(0, this.#head);
    this.#head = 0;
  }
}
