/** The questions whether shared subscriptions are really served, and whether they stay apart from plain ones. */
import { FIRST_FAILURE, REASON } from '../../mqtt/reason-codes.ts';
import type { ProbeSession } from './probe-session.ts';
import type { ProbeReport } from './report.ts';

type SharedAnswers = Pick<ProbeReport, 'sharedSubscriptions' | 'mixesSharedAndPlain'>;

const UNKNOWN: SharedAnswers = { sharedSubscriptions: null, mixesSharedAndPlain: null };
const NONE: SharedAnswers = { sharedSubscriptions: false, mixesSharedAndPlain: null };

const SHARED_ID = 11;
const PLAIN_ID = 12;
const END_ID = 13;

/** Ends in time with what is known then. */
export async function askShared(session: ProbeSession): Promise<SharedAnswers> {
  // Asking would be a protocol error there.
  if (!session.features.sharedSubscriptions) return NONE;
  const topic = `${session.base}/shared`;
  const end = `${session.base}/end`;
  const granted = await session.subscribe(`$share/nmg/${topic}`, SHARED_ID);
  if (granted === REASON.SHARED_SUBSCRIPTIONS_NOT_SUPPORTED) return NONE;
  if (granted === null || granted >= FIRST_FAILURE) return UNKNOWN;
  if (!(await session.isGranted(end, END_ID))) return UNKNOWN;
  if (!(await sendBoth(session, topic, end, 1))) return UNKNOWN;
  if (!(await session.soon(() => session.copiesOf(topic).length > 0))) return NONE;
  const served = { sharedSubscriptions: true, mixesSharedAndPlain: null };
  const before = session.copiesOf(topic).length;
  if (!(await session.isGranted(topic, PLAIN_ID))) return served;
  if (!(await sendBoth(session, topic, end, 2))) return served;
  await session.soon(() => session.copiesOf(topic).length > before + 1);
  // One more than there should be may be right behind.
  await session.roundTrip();
  const copies = session.copiesOf(topic).slice(before);
  const ids = copies.flatMap((copy) => copy.identifiers);
  const isEachNamed = !session.features.subscriptionIdentifiers || new Set(ids).size === 2;
  return { sharedSubscriptions: true, mixesSharedAndPlain: copies.length !== 2 || !isEachNamed };
}

/** @returns whether the second topic, which is known to be served, has come back for the `round`th time */
function sendBoth(session: ProbeSession, topic: string, end: string, round: number): Promise<boolean> {
  session.publish(topic, 0);
  session.publish(end, 0);
  return session.until(() => session.copiesOf(end).length >= round);
}
