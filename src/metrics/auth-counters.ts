/** What authentication has come to, per method. Plain counters, copied by whoever publishes them. */

import type { CounterSnapshot } from './counters.ts';
import { Histogram } from './histogram.ts';

/** Answers of one method. */
export class MethodCounters {
  accepted = 0;
  rejected = 0;
  skipped = 0;
  /** The backend failed; `timedOut` and `busy` are not among them. */
  failed = 0;
  timedOut = 0;
  /** Refused without being asked, because too many were waiting. */
  busy = 0;
  /** Answers that were remembered; each is also counted as what it said. */
  cached = 0;
  /** Of answers that were not remembered, waiting for a turn included. */
  readonly duration = new Histogram();
}

/** Of one gateway process. */
export class AuthCounters {
  readonly methods = new Map<string, MethodCounters>();
  /** Clients that no method accepted. */
  denied = 0;

  /** As plain data: `denied`, `METHOD.ANSWER` for what the methods have said, and `METHOD.duration`. */
  snapshot(): CounterSnapshot {
    const named = [...this.methods].flatMap(([method, { duration, ...answers }]) => [
      ...Object.entries(answers).map(([answer, count]) => [`${method}.${answer}`, count] as const),
      [`${method}.duration`, duration.snapshot()] as const,
    ]);
    return { denied: this.denied, ...Object.fromEntries(named) };
  }

  /** Counters of one method; made when first asked for. */
  of(method: string): MethodCounters {
    const known = this.methods.get(method);
    if (known !== undefined) return known;
    const fresh = new MethodCounters();
    this.methods.set(method, fresh);
    return fresh;
  }
}
