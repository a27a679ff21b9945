/**
 * Makes the kernel acknowledge at once what the broker has answered. Without it a broker with Nagle's algorithm holds
 * what comes next back until our delayed ACK, 40 ms: every first request, every flush after a SUB and every second
 * PUBACK of a burst would take that long.
 */

/** Our kernel answers late for about this long after we have written something that is answered. */
const WINDOW_MS = 60;

/** Nudges of one session, at most one per turn of the event loop. */
export class AckNudge {
  #send: () => void;
  #isScheduled = false;
  #isWritten = false;
  #until = 0;

  /** @param send writes a small packet that has no answer: the ACK travels with it */
  constructor(send: () => void) {
    this.#send = send;
  }

  /** The broker has answered a SUBSCRIBE, UNSUBSCRIBE or PINGREQ. */
  onAnswer(): void {
    this.#until = performance.now() + WINDOW_MS;
    this.#schedule();
  }

  /** A delivery has been acknowledged by a PUBACK of ours: what comes next may lack one. */
  onPuback(): void {
    this.#until = performance.now() + WINDOW_MS;
  }

  /** A message has arrived that gets no PUBACK: within the window its ACK would be late, too. */
  onDelivery(): void {
    if (this.#until !== 0) this.#onDeliveryInDoubt();
  }

  /** The broker has answered a part of what it owes; the rest may be waiting for our ACK. */
  onPartialAnswer(): void {
    this.#schedule();
  }

  /** Something was written, and the ACK went with it. */
  onWrite(): void {
    this.#isWritten = true;
  }

  #onDeliveryInDoubt(): void {
    if (performance.now() < this.#until) this.#schedule();
    else this.#until = 0;
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#isWritten = false;
    setImmediate(() => {
      this.#isScheduled = false;
      if (!this.#isWritten) this.#send();
    });
  }
}
