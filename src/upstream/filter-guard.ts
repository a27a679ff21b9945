/**
 * Keeps SUBSCRIBEs from a session that it would not survive. Names have been checked before; what is checked here is what
 * the broker that is there now can do, which after an outage may be another one than the filter was accepted for.
 */
import { REASON } from '../mqtt/reason-codes.ts';
import { splitShared } from '../mqtt/topic.ts';
import type { LinkFeatures } from './mqtt-link.ts';

/** Fixed header, packet id, properties, length of the filter and its options, generously. */
const SUBSCRIBE_OVERHEAD_BYTES = 32;

/** @returns the reason code with which a polite broker would refuse this filter, or null when it can be sent */
export function filterFault(filter: string, features: LinkFeatures): number | null {
  const size = SUBSCRIBE_OVERHEAD_BYTES + Buffer.byteLength(filter);
  if (size > features.maximumPacketBytes) return REASON.PACKET_TOO_LARGE;
  const parts = splitShared(filter);
  if (parts === null) return REASON.TOPIC_FILTER_INVALID;
  if (parts.shareName !== null && features.sharedSubscriptions === false) {
    return REASON.SHARED_SUBSCRIPTIONS_NOT_SUPPORTED;
  }
  if (!features.wildcardSubscriptions && /[+#]/.test(parts.filter)) {
    return REASON.WILDCARD_SUBSCRIPTIONS_NOT_SUPPORTED;
  }
  return null;
}
