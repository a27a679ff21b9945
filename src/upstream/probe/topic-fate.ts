/**
 * What becomes of a publication to an unusual topic. It may cost the session, so whoever asks has nothing else to do
 * with it.
 */
import { FIRST_FAILURE, REASON } from '../../mqtt/reason-codes.ts';
import type { LinkEnd } from '../mqtt-link.ts';
import type { ProbeSession } from './probe-session.ts';
import type { TopicFate } from './report.ts';

/** What is sent, and how its arrival is known. */
export interface Experiment {
  readonly topic: string;
  /** Topics under which it may arrive changed. */
  readonly changed: readonly string[];
  /** An ordinary topic that the session is subscribed to. */
  readonly ordinary: string;
}

/**
 * An ordinary message goes first, to prove that this account gets its messages at all, and another one behind, to prove
 * that the broker has gone on.
 * @returns `disconnects` only says that the session is over: whether the broker is still there is not known yet
 */
export async function observeFate(session: ProbeSession, experiment: Experiment): Promise<TopicFate | null> {
  const { topic, changed, ordinary } = experiment;
  const arrivals = (): number => session.copiesOf(ordinary).length;
  const before = arrivals();
  // With QoS 0: the broker may accept one unacknowledged publication only, and that is the one in question.
  session.publish(ordinary, 0);
  if (!(await session.until(() => arrivals() > before))) return null;
  const sent = session.publish(topic, session.bestQoS);
  // Together they might be in one packet that is read at once; the second must not be lost for that.
  await session.roundTrip();
  session.publish(ordinary, 0);
  await session.until(() => arrivals() > before + 1);
  const isHere = (): boolean => session.copiesOf(topic).length > 0;
  const isChanged = (): boolean => changed.some((other) => session.copiesOf(other).length > 0);
  await session.soon(() => isHere() || isChanged() || (sent.code ?? 0) >= FIRST_FAILURE);
  if (isHere()) return 'works';
  if (isChanged()) return 'rewritten';
  if (sent.code !== null && sent.code >= FIRST_FAILURE)
    return sent.code === REASON.NOT_AUTHORIZED ? null : 'refused';
  if (session.end !== null) return isAnswer(session.end) ? 'disconnects' : null;
  if (arrivals() === before + 1) return null;
  if (session.bestQoS === 1 && !(await session.until(() => sent.code !== null))) return 'unacknowledged';
  return 'swallowed';
}

/** Reasons that have nothing to do with the topic, or everything with permissions. */
const OTHER_REASONS: ReadonlySet<number> = new Set([
  REASON.NOT_AUTHORIZED,
  REASON.SERVER_BUSY,
  REASON.SERVER_SHUTTING_DOWN,
  REASON.SESSION_TAKEN_OVER,
  REASON.ADMINISTRATIVE_ACTION,
  REASON.SERVER_MOVED,
]);

function isAnswer(end: LinkEnd): boolean {
  return end.kind !== 'disconnected' || !OTHER_REASONS.has(end.code);
}
