/** The question whether the broker tells a publisher that nobody is subscribed (PUBACK reason code 0x10). */
import { FIRST_FAILURE, REASON } from '../../mqtt/reason-codes.ts';
import type { ProbeSession } from './probe-session.ts';
import type { ProbeReport } from './report.ts';

/** False also where somebody is subscribed to everything: then nobody ever gets that answer. */
export async function askUnheard(session: ProbeSession): Promise<Pick<ProbeReport, 'noMatchingSubscribers'>> {
  const { protocolVersion } = session.features;
  // MQTT 3.1.1 has no reason codes, QoS 0 no acknowledgements.
  if (protocolVersion === 4 || session.bestQoS === 0) return { noMatchingSubscribers: false };
  const sent = session.publish(`${session.base}/unheard`, 1);
  await session.until(() => sent.code !== null);
  if (sent.code === null || sent.code >= FIRST_FAILURE) return { noMatchingSubscribers: null };
  return { noMatchingSubscribers: sent.code === REASON.NO_MATCHING_SUBSCRIBERS };
}
