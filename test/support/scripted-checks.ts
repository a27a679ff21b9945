/**
 * What strict brokers refuse in packets that parse: pure functions from a packet to a complaint.
 */
import type { IPublishPacket, ISubscription } from 'mqtt-packet';
import type { ScriptedBehaviour } from './scripted-behaviour.ts';
import { hasForbiddenCharacter, isFilter, isTopicName, splitShare } from './topic-match.ts';

/** Why a packet ends the connection. */
export interface Complaint {
  readonly reasonCode: number;
  readonly what: string;
}

/** Most user properties that FlashMQ takes. */
const MAX_USER_PROPERTIES = 51;

function checkLength(topic: string, behaviour: ScriptedBehaviour): Complaint | null {
  const [levels, bytes] = [topic.split('/').length, Buffer.byteLength(topic)];
  if (levels > behaviour.maximumLevels) return { reasonCode: 0x90, what: `${levels} levels` };
  if (bytes > behaviour.maximumTopicBytes) return { reasonCode: 0x90, what: `a topic of ${bytes} bytes` };
  return null;
}

/** @returns null when a PUBLISH is fine */
export function checkPublish(packet: IPublishPacket, behaviour: ScriptedBehaviour): Complaint | null {
  const tooLong = checkLength(packet.topic, behaviour);
  if (tooLong !== null) return tooLong;
  if (!isTopicName(packet.topic)) {
    return { reasonCode: 0x90, what: `PUBLISH to the invalid topic name ${JSON.stringify(packet.topic)}` };
  }
  if (packet.topic.startsWith('$share/')) return { reasonCode: 0x90, what: 'PUBLISH to $share' };
  if (packet.qos > behaviour.maximumQoS) return { reasonCode: 0x9b, what: `PUBLISH with QoS ${packet.qos}` };
  if (packet.retain && !behaviour.retainAvailable) return { reasonCode: 0x9a, what: 'PUBLISH with retain' };
  return checkProperties(packet.properties ?? {});
}

function checkProperties(properties: NonNullable<IPublishPacket['properties']>): Complaint | null {
  const { responseTopic, userProperties = {}, contentType = '', topicAlias } = properties;
  if (topicAlias !== undefined) return { reasonCode: 0x94, what: 'PUBLISH with a topic alias' };
  if (properties.subscriptionIdentifier !== undefined) {
    return { reasonCode: 0x82, what: 'PUBLISH with a subscription identifier' };
  }
  if (responseTopic !== undefined && !isTopicName(responseTopic)) {
    return { reasonCode: 0x82, what: `invalid response topic ${JSON.stringify(responseTopic)}` };
  }
  const count = Object.values(userProperties).flat().length;
  if (count > MAX_USER_PROPERTIES) return { reasonCode: 0x83, what: `${count} user properties` };
  const texts = [contentType, ...Object.entries(userProperties).flat(2)];
  const bad = texts.find(hasForbiddenCharacter);
  return bad === undefined ? null : { reasonCode: 0x81, what: `control character in ${JSON.stringify(bad)}` };
}

/** @returns null when one filter of a SUBSCRIBE is fine */
export function checkSubscription(
  subscription: ISubscription,
  behaviour: ScriptedBehaviour,
): Complaint | null {
  const text = subscription.topic;
  const tooLong = checkLength(text, behaviour);
  if (tooLong !== null) return tooLong;
  const parts = splitShare(text);
  if (parts === null || !isFilter(parts.filter)) {
    return { reasonCode: 0x8f, what: `SUBSCRIBE to the invalid filter ${JSON.stringify(text)}` };
  }
  if (parts.name !== null && subscription.nl === true) {
    return { reasonCode: 0x82, what: `No Local on the shared filter ${text}` };
  }
  if (parts.name !== null && !behaviour.sharedSubscriptionAvailable) {
    return { reasonCode: 0x9e, what: `shared filter ${text} although the broker has none` };
  }
  if (!behaviour.wildcardSubscriptionAvailable && /[+#]/.test(parts.filter)) {
    return { reasonCode: 0xa2, what: `wildcard filter ${text} although the broker has none` };
  }
  return null;
}

/** @returns null when the Subscription Identifier of a SUBSCRIBE is fine */
export function checkIdentifier(id: number | undefined, behaviour: ScriptedBehaviour): Complaint | null {
  if (id === undefined) return null;
  if (id < 1 || id > 268_435_455) return { reasonCode: 0x82, what: `subscription identifier ${id}` };
  if (behaviour.subscriptionIdentifiersAvailable) return null;
  return { reasonCode: 0xa1, what: 'subscription identifier although the broker has none' };
}
