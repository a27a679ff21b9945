/**
 * Makes the kernel acknowledge at once what the broker has answered on a subscribe session. Without it a broker
 * with Nagle's algorithm holds the next delivery back until our delayed ACK, 40 ms: every first request and every
 * flush after a SUB would take that long.
 */

/** Our kernel answers late for about this long after we have written something that is answered. */
const WINDOW_MS = 60;

/** Nudges of one subscribe session, at most one per turn of the event loop. */
export class AckNudge {
  #send: () => void;
  #isScheduled = false;
  #until = 0;

  /** @param send writes a small packet that has no answer: the ACK travels with it */
  constructor(send: () => void) {
    this.#send = send;
  }

  /** The broker has answered a SUBSCRIBE or UNSUBSCRIBE. */
  onAnswer(): void {
    this.#until = performance.now() + WINDOW_MS;
    this.#schedule();
  }

  /** A message has arrived: within the window its ACK would be late, too. */
  onDelivery(): void {
    if (this.#until !== 0) this.#onDeliveryInDoubt();
  }

  #onDeliveryInDoubt(): void {
    if (performance.now() < this.#until) this.#schedule();
    else this.#until = 0;
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#send();
    });
  }
}
