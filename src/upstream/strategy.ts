/**
 * What follows from a broker's CONNACK and the answers of the probe. Pure: where something is unknown, the choice is the
 * one that is safe with every broker.
 */
import type { OverlapShape } from './filter-index.ts';
import type { LinkFeatures } from './mqtt-link.ts';
import type { ProbeReport, TopicFate } from './probe/report.ts';

/**
 * Which sessions carry `$share` filters. `none`: those of the plain filters. `one`: a session for all of them, because
 * the broker mixes shared and plain copies up. `each`: a session per group, because a copy without a Subscription
 * Identifier does not say for which of them it is.
 */
export type GroupSessions = 'none' | 'one' | 'each';

/** How the sessions of one upstream treat their broker. */
export interface Strategy {
  readonly overlap: OverlapShape;
  /** Queue groups are `$share` filters; else this process distributes. */
  readonly sharedSubscriptions: boolean;
  readonly groupSessions: GroupSessions;
  /**
   * Each QoS takes a way of its own through the broker: everything is subscribed with QoS 1, because filters of different
   * QoS would get a copy each, and a publication with QoS 1 may overtake those with QoS 0 before it.
   */
  readonly separatesQoS: boolean;
  /** Filters that begin with a wildcard get topics that begin with `$`, as NATS has it and MQTT does not. */
  readonly wildcardsMatchDollar: boolean;
  readonly acceptsDollarTopics: boolean;
  readonly acceptsDots: boolean;
}

/** @param features as CONNACK says */
export function decide(features: LinkFeatures, report: ProbeReport): Strategy {
  const isV5 = features.protocolVersion === 5;
  // Brokers of MQTT 3.1.1 grant filters that they do not understand; only a message that has arrived is proof.
  const sharedSubscriptions = isV5
    ? features.sharedSubscriptions && report.sharedSubscriptions !== false
    : report.sharedSubscriptions === true;
  return {
    overlap: report.overlap ?? (isV5 ? 'identifiers' : 'single'),
    sharedSubscriptions,
    groupSessions: sharedSubscriptions ? groupSessions(features, report) : 'none',
    separatesQoS: report.splitsByQoS === true,
    wildcardsMatchDollar: report.wildcardsMatchDollar === true,
    acceptsDollarTopics: isHarmless(report.dollarTopics),
    acceptsDots: isHarmless(report.dots),
  };
}

function groupSessions(features: LinkFeatures, report: ProbeReport): GroupSessions {
  if (!features.subscriptionIdentifiers || report.overlap === 'copies') return 'each';
  return report.mixesSharedAndPlain === true ? 'one' : 'none';
}

function isHarmless(fate: TopicFate | null): boolean {
  return fate === null || fate === 'works' || fate === 'rewritten';
}
