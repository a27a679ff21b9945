/**
 * Whether a publication that was accepted for one session may be sent on the next: after an outage another broker may
 * answer, and what it cannot do would end the session, again and again.
 */
import type { OutboundPublication, PublicationProperties } from '../mqtt/publication.ts';
import { REASON } from '../mqtt/reason-codes.ts';
import type { LinkFeatures } from './mqtt-link.ts';

/** Fixed header, topic length, packet id and property lengths, generously. */
const OVERHEAD_BYTES = 64;
/** Identifier and two lengths of a user property. */
const USER_PROPERTY_BYTES = 5;

/** @returns the reason code with which a polite broker would refuse it, or null when it can be sent */
export function publicationFault(publication: OutboundPublication, features: LinkFeatures): number | null {
  if (publication.qos > features.maximumQoS) return REASON.QOS_NOT_SUPPORTED;
  if (publication.retain && !features.retainAvailable) return REASON.RETAIN_NOT_SUPPORTED;
  if (features.maximumPacketBytes === Number.POSITIVE_INFINITY) return null;
  const { topic, payloadStart, payloadEnd, properties } = publication;
  const size = OVERHEAD_BYTES + topic.bytes.length + payloadEnd - payloadStart + propertyBytes(properties);
  return size > features.maximumPacketBytes ? REASON.PACKET_TOO_LARGE : null;
}

function propertyBytes(properties: PublicationProperties | null): number {
  if (properties === null) return 0;
  const { userProperties = [], wireUserProperties, responseTopic = '', contentType = '' } = properties;
  const wireBytes = wireUserProperties === undefined ? 0 : wireUserProperties.end - wireUserProperties.start;
  let size = Buffer.byteLength(responseTopic) + Buffer.byteLength(contentType);
  size +=
    wireBytes + (properties.correlationData?.length ?? 0) + (userProperties.length / 2) * USER_PROPERTY_BYTES;
  for (const text of userProperties) size += Buffer.byteLength(text);
  return size;
}
