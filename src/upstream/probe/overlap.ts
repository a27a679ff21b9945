/** The question how the broker delivers a message that several filters of one session match. */
import type { ProbeSession } from './probe-session.ts';
import type { ProbeReport } from './report.ts';

/** Ends in time with what is known then. */
export async function askOverlap(
  session: ProbeSession,
): Promise<Pick<ProbeReport, 'overlap' | 'splitsByQoS'>> {
  const unknown = { overlap: null, splitsByQoS: null };
  if (!session.features.wildcardSubscriptions) return unknown;
  const topic = (name: string): string => `${session.base}/overlap/${name}`;
  const isReady =
    (await session.isGranted(topic('+'), 1)) &&
    (await session.isGranted(topic('equal'), 2)) &&
    (await session.isGranted(topic('mixed'), 3, session.bestQoS));
  if (!isReady) return unknown;
  session.publish(topic('equal'), 0);
  session.publish(topic('mixed'), 0);
  // Only the first filter matches it: when it is back, every copy of `equal` is.
  session.publish(topic('end'), 0);
  if (!(await session.until(() => session.copiesOf(topic('end')).length > 0))) return unknown;
  const copies = session.copiesOf(topic('equal'));
  if (copies.length === 0) return unknown;
  const named = new Set(copies.flatMap((copy) => copy.identifiers));
  if (named.has(1) && named.has(2)) return { overlap: 'identifiers', splitsByQoS: false };
  if (copies.length > 1) return { overlap: 'copies', splitsByQoS: false };
  // Different QoS may mean different queues at the broker, which are in no order.
  const splitsByQoS = await session.soon(() => session.copiesOf(topic('mixed')).length > 1);
  return { overlap: 'single', splitsByQoS };
}
