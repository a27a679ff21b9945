/** The question whether a `.` inside a topic level survives (RabbitMQ makes two levels of it). */
import type { ProbeSession } from './probe-session.ts';
import type { ProbeReport } from './report.ts';
import { observeFate } from './topic-fate.ts';

/** The last question of a session: nats-server 2.9 ends it over the topic. */
export async function askDots(session: ProbeSession): Promise<Pick<ProbeReport, 'dots'>> {
  if (!session.features.wildcardSubscriptions) return { dots: null };
  const topic = (name: string): string => `${session.base}/dots/${name}`;
  if (!(await session.isGranted(topic('#'), 21))) return { dots: null };
  const experiment = { topic: topic('a.b'), changed: [topic('a/b')], ordinary: topic('ordinary') };
  return { dots: await observeFate(session, experiment) };
}
