/**
 * What a broker can do, what it cannot, and what that means for NATS clients, in words for an operator. Pure: a view of
 * what CONNACK and the probe have said; decides nothing.
 */
import type { LinkFeatures } from './mqtt-link.ts';
import type { ProbeReport, TopicFate } from './probe/report.ts';
import type { Strategy } from './strategy.ts';

/** Something that NATS clients go without. */
export interface Limitation {
  /** Stable; the log event is named after it. */
  readonly id: string;
  readonly severity: 'error' | 'warn' | 'info';
  readonly meaning: string;
}

/** What CONNACK has said; null where there is no limit. */
export interface BrokerLimits {
  readonly maximumPacketBytes: number | null;
  readonly maximumQoS: 0 | 1 | 2;
  readonly receiveMaximum: number;
  readonly retain: boolean;
  readonly wildcardSubscriptions: boolean;
  readonly sharedSubscriptions: boolean;
  readonly subscriptionIdentifiers: boolean;
}

/** Everything that is known of the broker. */
export interface CapabilityReport {
  /** As configured. */
  readonly protocolVersion: '3.1.1' | '5';
  /** Null before the first CONNACK. */
  readonly limits: BrokerLimits | null;
  /** Whether the probe has been answered; else what it would have found is unknown. */
  readonly isProbed: boolean;
  readonly probe: ProbeReport;
  /** Null before the first CONNACK. */
  readonly strategy: Strategy | null;
  readonly limitations: readonly Limitation[];
}

/** What a report is made of. */
export interface Known {
  readonly protocolVersion: 4 | 5;
  /** Null before the first CONNACK. */
  readonly features: LinkFeatures | null;
  readonly strategy: Strategy | null;
  readonly report: ProbeReport;
  readonly isProbed: boolean;
  /** Clients can reach topics that begin with `$`: there is no mountpoint, and `mapping.escape_dollar` is off. */
  readonly usesDollarTopics: boolean;
}

/** The view for operators. */
export function capabilityReport(known: Known): CapabilityReport {
  return {
    protocolVersion: known.protocolVersion === 5 ? '5' : '3.1.1',
    limits: known.features === null ? null : brokerLimits(known.features),
    isProbed: known.isProbed,
    probe: known.report,
    strategy: known.strategy,
    limitations: limitationsOf(known),
  };
}

/** What CONNACK has said, without what it cannot say. */
export function brokerLimits(features: LinkFeatures): BrokerLimits {
  const { maximumPacketBytes, maximumQoS, receiveMaximum, subscriptionIdentifiers } = features;
  return {
    maximumPacketBytes: Number.isFinite(maximumPacketBytes) ? maximumPacketBytes : null,
    maximumQoS,
    receiveMaximum,
    retain: features.retainAvailable,
    wildcardSubscriptions: features.wildcardSubscriptions,
    sharedSubscriptions: features.sharedSubscriptions,
    subscriptionIdentifiers,
  };
}

/** A known broker: its CONNACK has been seen. */
interface Seen extends Known {
  readonly features: LinkFeatures;
  readonly strategy: Strategy;
}

interface Rule {
  readonly id: string;
  readonly severity: Limitation['severity'];
  /** @returns null where it does not apply */
  meaning(seen: Seen): string | null;
}

const FATES: Readonly<Record<TopicFate, string>> = {
  works: '',
  rewritten: 'the broker changes',
  swallowed: 'the broker swallows',
  unacknowledged: 'the broker swallows, without an acknowledgement,',
  refused: 'the broker refuses',
  disconnects: 'the broker disconnects publishers of',
};

const RULES: readonly Rule[] = [
  {
    id: 'degraded',
    severity: 'warn',
    meaning: ({ protocolVersion }) =>
      protocolVersion === 5
        ? null
        : 'MQTT 3.1.1: no headers, no reply subjects for devices, no 503 without responders, no echo:false',
  },
  {
    id: 'no_shared_subscriptions',
    severity: 'warn',
    meaning: ({ strategy }) =>
      strategy.sharedSubscriptions
        ? null
        : 'the broker has no shared subscriptions: queue groups are formed within this gateway only',
  },
  {
    id: 'requests_time_out',
    severity: 'warn',
    meaning: ({ protocolVersion, report }) =>
      protocolVersion === 4 || report.noMatchingSubscribers !== false
        ? null
        : 'the broker does not tell when nobody is subscribed (or somebody is subscribed to everything): requests that nobody answers time out instead of failing at once',
  },
  {
    id: 'dollar_topics',
    severity: 'warn',
    meaning: ({ strategy, report, usesDollarTopics }) =>
      strategy.acceptsDollarTopics || !usesDollarTopics
        ? null
        : `${FATES[report.dollarTopics ?? 'works']} topics that begin with $: publications to subjects such as $SRV.PING are refused; set mapping.escape_dollar to carry them under another name`,
  },
  {
    id: 'dots_in_levels',
    severity: 'warn',
    meaning: ({ strategy, report }) => dotsMeaning(report.dots, strategy.acceptsDots),
  },
  {
    id: 'no_wildcards',
    severity: 'warn',
    meaning: ({ features }) =>
      features.wildcardSubscriptions
        ? null
        : 'the broker has no wildcard subscriptions: subscriptions with * or > are refused',
  },
  {
    id: 'no_qos_1',
    severity: 'warn',
    meaning: ({ features }) =>
      features.maximumQoS > 0
        ? null
        : 'the broker takes QoS 0 only: +OK comes without its acknowledgement, and there is no 503 without responders',
  },
  {
    id: 'no_retain',
    severity: 'info',
    meaning: ({ features }) => (features.retainAvailable ? null : 'the broker retains no messages'),
  },
  {
    id: 'no_identifiers',
    severity: 'info',
    meaning: ({ features }) =>
      features.subscriptionIdentifiers
        ? null
        : 'the broker does not say which subscription a message is for: of a topic filter that a client has already, its further subscriptions get no retained messages',
  },
  {
    id: 'shared_and_plain_mixed',
    severity: 'info',
    meaning: ({ strategy }) =>
      strategy.groupSessions === 'none'
        ? null
        : 'copies for queue groups and for plain subscriptions of one MQTT session get mixed up: queue groups have MQTT sessions of their own',
  },
  {
    id: 'wildcards_match_dollar',
    severity: 'info',
    meaning: ({ report }) =>
      report.wildcardsMatchDollar === true ? '> and a leading * see topics that begin with $, too' : null,
  },
  {
    id: 'delayed_writes',
    severity: 'info',
    meaning: ({ report }) =>
      report.delaysSmallWrites === true
        ? 'the broker holds small writes back (Nagle): two MQTT sessions per client, some answers take 40 ms; set_tcp_nodelay in Mosquitto'
        : null,
  },
];

function dotsMeaning(fate: TopicFate | null, isAccepted: boolean): string | null {
  if (fate === null || fate === 'works') return null;
  const what = `${FATES[fate]} topics with a dot inside a level`;
  return isAccepted
    ? `${what}: a message to the subject a%2Eb arrives under another one`
    : `${what}: publications to such subjects (a%2Eb) are refused`;
}

const OLDER: Limitation = {
  id: 'protocol_version',
  severity: 'error',
  meaning: 'the broker speaks only MQTT 3.1.1: set upstream.protocol_version to 4',
};

function limitationsOf(known: Known): Limitation[] {
  if (known.report.speaksOnlyMqtt311 === true) return [OLDER];
  const { features, strategy } = known;
  if (features === null || strategy === null) return [];
  const found: Limitation[] = [];
  for (const { id, severity, meaning } of RULES) {
    const text = meaning({ ...known, features, strategy });
    if (text !== null) found.push({ id, severity, meaning: text });
  }
  return found;
}
