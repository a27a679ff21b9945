/**
 * The brokers that the gateway is measured on, and what is known of each: as measured for the real ones, as documented
 * for those that the scripted broker plays. Tests read from here what must work and what cannot.
 */
import type { ProbeReport } from '../../../src/upstream/probe/report.ts';
import { startAedes } from '../../support/aedes.ts';
import { startMosquitto } from '../../support/mosquitto.ts';
import { startNatsServer } from '../../support/nats-server.ts';
import { startRabbitMq } from '../../support/rabbitmq.ts';
import type { Scene, SceneBroker } from '../../support/scene.ts';
import type { ScriptedBehaviour } from '../../support/scripted-behaviour.ts';
import { ScriptedBroker } from '../../support/scripted-broker.ts';

/** One broker in one version of MQTT. */
export interface BrokerRow {
  readonly name: string;
  readonly version: 4 | 5;
  start(): Promise<SceneBroker>;
  /** What the probe must find. */
  readonly probe: ProbeReport;
  /** Ids of what the capability report must say is missing. */
  readonly limitations: readonly string[];
  /** A session that has been proven up to date by a barrier has what others published before, too. */
  readonly isOrderedAcrossSessions: boolean;
  /** There is no MQTT 5 to be had from it. */
  readonly speaksOnlyMqtt311?: boolean;
}

/** One promise, tested on one broker. */
export type Behaviour = (scene: Scene, row: BrokerRow) => Promise<void>;

/** Whether the broker has this limitation. */
export const lacks = ({ limitations }: BrokerRow, id: string): boolean => limitations.includes(id);

/** Whether `*` and `>` can be subscribed to. */
export const hasWildcards = (row: BrokerRow): boolean => !lacks(row, 'no_wildcards');

const WORKS: ProbeReport = {
  requiresCredentials: false,
  speaksOnlyMqtt311: false,
  noMatchingSubscribers: true,
  overlap: 'identifiers',
  splitsByQoS: false,
  sharedSubscriptions: true,
  mixesSharedAndPlain: false,
  dollarTopics: 'works',
  wildcardsMatchDollar: false,
  dots: 'works',
  delaysSmallWrites: false,
};

/** The best that MQTT 3.1.1 can do. */
const WORKS_311: ProbeReport = {
  ...WORKS,
  speaksOnlyMqtt311: null,
  noMatchingSubscribers: false,
  overlap: 'single',
};

const NO_SHARED = { sharedSubscriptions: false, mixesSharedAndPlain: null } as const;

const REAL: readonly BrokerRow[] = [
  {
    name: 'Mosquitto 2.0',
    version: 5,
    start: () => startMosquitto(),
    probe: { ...WORKS, delaysSmallWrites: true },
    limitations: ['delayed_writes'],
    isOrderedAcrossSessions: true,
  },
  {
    name: 'Mosquitto 2.0',
    version: 4,
    start: () => startMosquitto(),
    // A copy for the group vanishes into the plain one.
    probe: { ...WORKS_311, mixesSharedAndPlain: true, delaysSmallWrites: true },
    limitations: ['degraded', 'no_identifiers', 'shared_and_plain_mixed', 'delayed_writes'],
    isOrderedAcrossSessions: true,
  },
  {
    name: 'aedes 2',
    version: 5,
    start: startAedes,
    probe: {
      ...WORKS,
      ...NO_SHARED,
      noMatchingSubscribers: false,
      overlap: 'single',
      delaysSmallWrites: true,
    },
    limitations: ['no_shared_subscriptions', 'requests_time_out', 'delayed_writes'],
    isOrderedAcrossSessions: false,
  },
  {
    name: 'aedes 2',
    version: 4,
    start: startAedes,
    probe: { ...WORKS_311, ...NO_SHARED, delaysSmallWrites: true },
    limitations: ['degraded', 'no_shared_subscriptions', 'no_identifiers', 'delayed_writes'],
    isOrderedAcrossSessions: false,
  },
  {
    name: 'nats-server 2.9',
    version: 4,
    start: async () => {
      const server = await startNatsServer({ mqtt: true });
      return { url: server.mqttUrl, stop: () => server.stop() };
    },
    probe: {
      ...WORKS_311,
      ...NO_SHARED,
      overlap: 'copies',
      wildcardsMatchDollar: true,
      dots: 'disconnects',
    },
    limitations: [
      'degraded',
      'no_shared_subscriptions',
      'dots_in_levels',
      'no_identifiers',
      'wildcards_match_dollar',
    ],
    isOrderedAcrossSessions: true,
    speaksOnlyMqtt311: true,
  },
];

/** Last, because it takes longest to start: it does so while the others are tested. */
const RABBIT_MQ: Omit<BrokerRow, 'start'> = {
  name: 'RabbitMQ 3.10',
  version: 4,
  probe: {
    ...WORKS_311,
    ...NO_SHARED,
    splitsByQoS: true,
    wildcardsMatchDollar: true,
    dots: 'rewritten',
  },
  limitations: [
    'degraded',
    'no_shared_subscriptions',
    'dots_in_levels',
    'no_identifiers',
    'wildcards_match_dollar',
  ],
  isOrderedAcrossSessions: false,
  speaksOnlyMqtt311: true,
};

function scripted(
  name: string,
  behaviour: Partial<ScriptedBehaviour>,
  probe: Partial<ProbeReport>,
  limitations: readonly string[],
  version: 4 | 5 = 5,
): BrokerRow {
  return {
    name: `scripted: ${name}`,
    version,
    start: () => ScriptedBroker.start(behaviour),
    probe: { ...(version === 5 ? WORKS : WORKS_311), ...probe },
    limitations,
    isOrderedAcrossSessions: true,
  };
}

const isDollar = (topic: string): boolean => topic.startsWith('$');

const SCRIPTED: readonly BrokerRow[] = [
  scripted(
    'as HiveMQ',
    {
      overlapping: 'one-copy-all-ids',
      receiveMaximum: 10,
      ackDelayMs: 1,
      publishVerdict: ({ topic }) => (isDollar(topic) ? { disconnect: 0x90 } : 'accept'),
    },
    { dollarTopics: 'disconnects', wildcardsMatchDollar: null },
    ['dollar_topics'],
  ),
  scripted(
    'as VerneMQ',
    {
      noMatchingSubscribers: 0,
      publishVerdict: ({ topic }) => (isDollar(topic) ? 'ignore' : 'accept'),
    },
    { noMatchingSubscribers: false, dollarTopics: 'unacknowledged', wildcardsMatchDollar: null },
    ['requests_time_out', 'dollar_topics'],
  ),
  scripted(
    'as FlashMQ',
    {
      noMatchingSubscribers: 0,
      receiveMaximum: 512,
      publishVerdict: ({ topic }) => (isDollar(topic) ? { puback: 0 } : 'accept'),
    },
    { noMatchingSubscribers: false, dollarTopics: 'swallowed', wildcardsMatchDollar: null },
    ['requests_time_out', 'dollar_topics'],
  ),
  scripted(
    'as NanoMQ',
    { noMatchingSubscribers: 0, sharedAndPlain: 'doubled' },
    { noMatchingSubscribers: false, mixesSharedAndPlain: true },
    ['requests_time_out', 'shared_and_plain_mixed'],
  ),
  scripted(
    'without identifiers, with QoS 1 at most, and $ refused',
    {
      overlapping: 'copies-no-id',
      subscriptionIdentifiersAvailable: false,
      noMatchingSubscribers: 0,
      maximumQoS: 1,
      publishVerdict: ({ topic }) => (isDollar(topic) ? { puback: 0x90 } : 'accept'),
    },
    {
      noMatchingSubscribers: false,
      overlap: 'copies',
      dollarTopics: 'refused',
      wildcardsMatchDollar: null,
    },
    ['requests_time_out', 'dollar_topics', 'no_identifiers', 'shared_and_plain_mixed'],
  ),
  scripted(
    'without wildcards, $share and retained messages',
    {
      wildcardSubscriptionAvailable: false,
      sharedSubscriptionAvailable: false,
      retainAvailable: false,
    },
    { ...NO_SHARED, overlap: null, splitsByQoS: null, dots: null, wildcardsMatchDollar: null },
    ['no_shared_subscriptions', 'no_wildcards', 'no_retain'],
  ),
  scripted('with QoS 0 only', { maximumQoS: 0 }, { noMatchingSubscribers: false, delaysSmallWrites: null }, [
    'requests_time_out',
    'no_qos_1',
  ]),
  scripted(
    '3.1.1, a copy per filter',
    { overlapping311: 'copies' },
    { overlap: 'copies' },
    ['degraded', 'no_identifiers', 'shared_and_plain_mixed'],
    4,
  ),
  scripted(
    '3.1.1, a copy per QoS, and $share never served',
    { overlapping311: 'copy-per-qos', sharedSubscriptionsDeliver: false },
    { ...NO_SHARED, splitsByQoS: true },
    ['degraded', 'no_shared_subscriptions', 'no_identifiers'],
    4,
  ),
];

/** All of them; RabbitMQ begins to start now. */
export function allBrokers(): BrokerRow[] {
  const rabbitMq = startRabbitMq();
  rabbitMq.catch(() => {}); // whoever waits for it is told
  return [...REAL, ...SCRIPTED, { ...RABBIT_MQ, start: () => rabbitMq }];
}
