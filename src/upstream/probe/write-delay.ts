/** The question whether two small writes in a row reach us late (Nagle's algorithm there, delayed ACK here). */
import type { ProbeSession } from './probe-session.ts';
import type { ProbeReport } from './report.ts';

/** Rounds of one publication and its echo; the kernel acknowledges the first dozen at once, so they say little. */
const ROUNDS = 24;
/** So many late ones are no accident. */
const LATE_ROUNDS = 6;
/** Far above a loopback or data-centre round trip to and fro, well below a delayed ACK. */
const DELAYED_MS = 20;

/** Nothing else may run over the session meanwhile. */
export async function askWriteDelay(session: ProbeSession): Promise<Pick<ProbeReport, 'delaysSmallWrites'>> {
  const unknown = { delaysSmallWrites: null };
  const topic = `${session.base}/delay`;
  if (session.bestQoS === 0) return unknown;
  if (!(await session.isGranted(topic, 41))) return unknown;
  let late = 0;
  for (let round = 1; round <= ROUNDS; round++) {
    const start = performance.now();
    const sent = session.publish(topic, 1);
    const isBack = (): boolean => sent.code !== null && session.copiesOf(topic).length >= round;
    if (!(await session.until(isBack))) return unknown;
    if (performance.now() - start > DELAYED_MS) late++;
    if (late === LATE_ROUNDS) return { delaysSmallWrites: true };
  }
  return { delaysSmallWrites: false };
}
