/**
 * What a scripted broker can be told to do, and what it writes down. Data only; the broker and its connections act on it.
 */
import type { IConnectPacket, IPublishPacket, ISubscription, Packet } from 'mqtt-packet';

/** How a message reaches a session whose filters match it more than once. */
export type OverlapShape =
  /** One copy per filter, each with that filter's identifier (Mosquitto, EMQX). */
  | 'copies-with-one-id'
  /** One copy with every identifier (HiveMQ). */
  | 'one-copy-all-ids'
  /** One copy with the identifier of the filter subscribed last (aedes 2). */
  | 'one-copy-one-id'
  /** One copy per filter without identifiers (AWS). */
  | 'copies-no-id';

/** The same in MQTT 3.1.1, which has no identifiers. */
export type OlderOverlapShape =
  /** Mosquitto 2.0, HiveMQ, aedes. */
  | 'one-copy'
  /** Mosquitto 2.1, EMQX, NanoMQ, nats-server. */
  | 'copies'
  /** One for the filters with QoS 0 and one for those with QoS 1 (RabbitMQ 3). */
  | 'copy-per-qos';

/** What happens to a publication; `ignore` gives it neither subscribers nor an acknowledgement (VerneMQ and `$`). */
export type PublishVerdict =
  | 'accept'
  | 'ignore'
  | { readonly puback: number }
  | { readonly disconnect: number };

/** Acknowledgements that can be held back. */
export type AckKind = 'puback' | 'suback' | 'unsuback' | 'pingresp';

/** Settings of a scripted broker; all may be changed while it runs. CONNACK flags take effect on the next CONNECT. */
export interface ScriptedBehaviour {
  overlapping: OverlapShape;
  overlapping311: OlderOverlapShape;
  /** CONNACK Receive Maximum, enforced like HiveMQ: one too many is DISCONNECT 0x93. Undefined: absent, 65,535. */
  receiveMaximum: number | undefined;
  /** CONNACK Maximum Packet Size, enforced with DISCONNECT 0x95. */
  maximumPacketSize: number | undefined;
  maximumQoS: 0 | 1 | 2;
  /** Levels and bytes of topics and filters, `$share` included; more ends the session. */
  maximumLevels: number;
  maximumTopicBytes: number;
  retainAvailable: boolean;
  sharedSubscriptionAvailable: boolean;
  /** False: `$share` filters are granted and never served, as brokers of MQTT 3.1.1 do that do not know them. */
  sharedSubscriptionsDeliver: boolean;
  /** How a session is served that holds a filter both shared and plain. */
  sharedAndPlain: 'apart' | 'doubled' | 'collapsed';
  subscriptionIdentifiersAvailable: boolean;
  wildcardSubscriptionAvailable: boolean;
  /** `#` and `+` in the first level match a leading `$`, against the specification (RabbitMQ, nats-server). */
  wildcardsMatchDollar: boolean;
  topicAliasMaximum: number | undefined;
  serverKeepAlive: number | undefined;
  /** PUBACK reason when nobody is subscribed (MQTT 5). */
  noMatchingSubscribers: 0x10 | 0;
  /** Every PUBACK comes this much later, in order; 0 at once. */
  ackDelayMs: number;
  /** QoS 0 does not wait behind QoS 1 that the client's Receive Maximum holds back (Mosquitto, EMQX). */
  qos0Overtakes: boolean;
  /** PINGREQ is never answered. */
  swallowPings: boolean;
  /** CONNECT is never answered. */
  swallowConnects: boolean;
  /** Leave Nagle's algorithm on, as Mosquitto does by default. */
  nagle: boolean;
  /** Reason (MQTT 5) or return code (3.1.1) of CONNACK; 0 accepts. */
  connackCode: (connect: IConnectPacket) => number;
  publishVerdict: (publish: IPublishPacket) => PublishVerdict;
  /** The topic under which subscribers get it (RabbitMQ turns `.` into `/`). */
  deliveredTopic: (topic: string) => string;
  /** Reason code of SUBACK for one filter; `granted` is the QoS the broker would grant. */
  subackCode: (subscription: ISubscription, granted: number) => number;
  /** Filters over which the broker ends the session without an answer (RabbitMQ and what it denies). */
  closesOver: (filter: string) => boolean;
}

/** A broker that allows everything and answers everything at once. */
export function defaultBehaviour(): ScriptedBehaviour {
  return {
    overlapping: 'copies-with-one-id',
    overlapping311: 'one-copy',
    receiveMaximum: undefined,
    maximumPacketSize: undefined,
    maximumQoS: 2,
    maximumLevels: 128,
    maximumTopicBytes: 65_535,
    retainAvailable: true,
    sharedSubscriptionAvailable: true,
    sharedSubscriptionsDeliver: true,
    sharedAndPlain: 'apart',
    subscriptionIdentifiersAvailable: true,
    wildcardSubscriptionAvailable: true,
    wildcardsMatchDollar: false,
    topicAliasMaximum: undefined,
    serverKeepAlive: undefined,
    noMatchingSubscribers: 0x10,
    ackDelayMs: 0,
    qos0Overtakes: false,
    swallowPings: false,
    swallowConnects: false,
    nagle: false,
    connackCode: () => 0,
    publishVerdict: () => 'accept',
    deliveredTopic: (topic) => topic,
    subackCode: (_subscription, granted) => granted,
    closesOver: () => false,
  };
}

/** One packet that a client has sent, in the order of arrival over all connections. */
export interface LogEntry {
  /** Number of the connection, counted from 1 over the broker's life, restarts included. */
  readonly connection: number;
  readonly packet: Packet;
}

/** Something a correct client never does. */
export interface Violation {
  readonly connection: number;
  readonly what: string;
}

/** A publication that the broker has taken: QoS 0 on arrival, QoS 1 when its PUBACK has been sent. */
export interface ReceivedPublication {
  readonly connection: number;
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: 0 | 1 | 2;
  readonly retain: boolean;
  readonly properties: NonNullable<IPublishPacket['properties']>;
}

/** A message inside the broker, on its way to subscribers. */
export interface RoutedMessage {
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: 0 | 1 | 2;
  readonly retain: boolean;
  /** Properties that travel from publisher to subscriber. */
  readonly properties: NonNullable<IPublishPacket['properties']>;
}

/** One filter of one session. */
export interface HeldSubscription {
  /** As sent, `$share/…` included. */
  readonly text: string;
  readonly filter: string;
  readonly shareName: string | null;
  readonly qos: number;
  readonly id: number | null;
  readonly isNoLocal: boolean;
  readonly isRetainAsPublished: boolean;
}
