/**
 * The questions about topics that begin with `$`: whether they are carried, and whether wildcards see them. HiveMQ ends
 * the session of who publishes one, VerneMQ never acknowledges it: asked last, in a session of its own.
 */
import { DOLLAR_TOPIC_PREFIX } from '../../mqtt/gateway-topics.ts';
import type { ProbeSession } from './probe-session.ts';
import type { ProbeReport } from './report.ts';
import { observeFate } from './topic-fate.ts';

type DollarAnswers = Pick<ProbeReport, 'dollarTopics' | 'wildcardsMatchDollar'>;

/** Ends in time with what is known then. */
export async function askDollar(session: ProbeSession): Promise<DollarAnswers> {
  const own = session.base.slice(session.base.lastIndexOf('/') + 1);
  const topic = `${DOLLAR_TOPIC_PREFIX}${own}/exact`;
  const ordinary = `${session.base}/ordinary`;
  const isReady = (await session.isGranted(topic, 31)) && (await session.isGranted(ordinary, 32));
  if (!isReady) return { dollarTopics: null, wildcardsMatchDollar: null };
  const dollarTopics = await observeFate(session, { topic, changed: [], ordinary });
  const wildcardsMatchDollar = dollarTopics === 'works' ? await askWildcards(session, own, topic) : null;
  return { dollarTopics, wildcardsMatchDollar };
}

/** A second topic is seen through the wildcard alone; the first one comes back behind it. */
async function askWildcards(session: ProbeSession, own: string, exact: string): Promise<boolean | null> {
  if (!session.features.wildcardSubscriptions) return null;
  if (!(await session.isGranted(`+/${own}/wild`, 33))) return null;
  const wild = `${DOLLAR_TOPIC_PREFIX}${own}/wild`;
  const before = session.copiesOf(exact).length;
  session.publish(wild, 0);
  session.publish(exact, 0);
  if (!(await session.until(() => session.copiesOf(exact).length > before))) return null;
  await session.roundTrip();
  return session.copiesOf(wild).length > 0;
}
