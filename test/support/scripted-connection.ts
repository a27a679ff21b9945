/**
 * One client of the scripted broker: its MQTT session, what it may send, what it is owed. Routing between clients is
 * the broker's.
 */
import type { Socket } from 'node:net';
import mqttPacket, {
  type IConnackPacket,
  type IConnectPacket,
  type IPublishPacket,
  type ISubscribePacket,
  type ISubscription,
  type IUnsubscribePacket,
  type Packet,
} from 'mqtt-packet';
import type { AckKind, HeldSubscription, RoutedMessage, ScriptedBehaviour } from './scripted-behaviour.ts';
import { type Complaint, checkIdentifier, checkPublish, checkSubscription } from './scripted-checks.ts';
import { splitShare } from './topic-match.ts';

/** What a connection needs from its broker. */
export interface ScriptedHost {
  readonly behaviour: ScriptedBehaviour;
  onPacket(connection: ScriptedConnection, packet: Packet): void;
  onConnect(connection: ScriptedConnection): void;
  onViolation(connection: ScriptedConnection, what: string): void;
  onClose(connection: ScriptedConnection): void;
  /** @returns whether anybody is subscribed */
  route(message: RoutedMessage, from: ScriptedConnection): boolean;
  /** The publication counts as taken. */
  onTaken(connection: ScriptedConnection, packet: IPublishPacket): void;
  sendRetained(connection: ScriptedConnection, subscription: HeldSubscription): void;
  /** Runs the acknowledgement now, or when the test releases it. */
  acknowledge(kind: AckKind, send: () => void): void;
}

/** See the head of the file. */
export class ScriptedConnection {
  /** Counted from 1. */
  readonly number: number;
  /** Every packet received from this client. */
  readonly packets: Packet[] = [];
  /** By the filter as sent; in the order of subscribing. */
  readonly subscriptions = new Map<string, HeldSubscription>();
  connect: IConnectPacket | null = null;
  readonly #socket: Socket;
  readonly #host: ScriptedHost;
  /** Packet ids of publications from the client that have no PUBACK yet. */
  readonly #unacknowledged = new Set<number>();
  /** Packet ids of deliveries to the client that have no PUBACK yet. */
  readonly #inFlight = new Set<number>();
  readonly #waiting: IPublishPacket[] = [];
  #highestUnacknowledged = 0;
  #nextId = 1;
  #isOver = false;

  constructor(number: number, socket: Socket, host: ScriptedHost) {
    this.number = number;
    this.#socket = socket;
    this.#host = host;
    socket.setNoDelay(!host.behaviour.nagle);
    const parser = mqttPacket.parser();
    parser.on('packet', (packet) => {
      if (!this.#isOver) this.#onPacket(packet);
    });
    parser.on('error', (error: Error) =>
      this.#refuse({ reasonCode: 0x81, what: `unreadable packet: ${error.message}` }),
    );
    socket.on('data', (bytes) => {
      socket.cork();
      if (!this.#isOver) parser.parse(bytes);
      process.nextTick(() => socket.uncork());
    });
    socket.on('error', () => {}); // `close` follows
    socket.on('close', () => {
      this.#isOver = true;
      host.onClose(this);
    });
  }

  get clientId(): string {
    return this.connect?.clientId ?? '';
  }

  get isV5(): boolean {
    return this.connect?.protocolVersion === 5;
  }

  /** Most publications with QoS > 0 that the client has ever had unacknowledged on this connection. */
  get highestUnacknowledged(): number {
    return this.#highestUnacknowledged;
  }

  /** Whether messages can be sent to this client. */
  get isReady(): boolean {
    return this.connect !== null && !this.#isOver;
  }

  /** Sends any packet, legal or not. */
  send(packet: Packet): void {
    if (this.#isOver) return;
    this.#socket.write(mqttPacket.generate(packet, { protocolVersion: this.connect?.protocolVersion ?? 4 }));
  }

  /** Sends bytes that need not be a packet. */
  sendBytes(bytes: Buffer): void {
    if (!this.#isOver) this.#socket.write(bytes);
  }

  /** DISCONNECT with a reason (MQTT 5 only), then the end of the connection. */
  disconnect(reasonCode: number): void {
    if (this.isV5) this.send({ cmd: 'disconnect', reasonCode });
    this.#isOver = true;
    this.#socket.end();
  }

  /** Ends the connection without a word. */
  cut(how: 'cut' | 'reset' = 'cut'): void {
    this.#isOver = true;
    if (how === 'reset') this.#socket.resetAndDestroy();
    else this.#socket.destroy();
  }

  /** Sends a message with the ids of the subscriptions it is for, within the client's Receive Maximum. */
  deliver(message: RoutedMessage, qos: 0 | 1 | 2, isRetained: boolean, ids: readonly number[]): void {
    const { topic, payload } = message;
    const packet: IPublishPacket = { cmd: 'publish', topic, payload, qos, dup: false, retain: isRetained };
    if (this.isV5) {
      const properties = { ...message.properties };
      if (ids.length > 0)
        properties.subscriptionIdentifier = ids.length === 1 ? (ids[0] as number) : [...ids];
      packet.properties = properties;
    }
    if (qos === 0 && this.#host.behaviour.qos0Overtakes) {
      this.send(packet);
      return;
    }
    this.#waiting.push(packet);
    this.#sendWaiting();
  }

  #sendWaiting(): void {
    const limit = this.connect?.properties?.receiveMaximum ?? 65_535;
    for (let packet = this.#waiting[0]; packet !== undefined; packet = this.#waiting[0]) {
      if (packet.qos > 0 && this.#inFlight.size >= limit) return;
      this.#waiting.shift();
      if (packet.qos > 0) packet.messageId = this.#takePacketId();
      this.send(packet);
    }
  }

  #takePacketId(): number {
    while (this.#inFlight.has(this.#nextId)) this.#nextId = (this.#nextId % 65_535) + 1;
    const id = this.#nextId;
    this.#inFlight.add(id);
    this.#nextId = (id % 65_535) + 1;
    return id;
  }

  #refuse(complaint: Complaint): void {
    this.#host.onViolation(this, complaint.what);
    this.disconnect(complaint.reasonCode);
  }

  #onPacket(packet: Packet): void {
    this.packets.push(packet);
    this.#host.onPacket(this, packet);
    const limit = this.#host.behaviour.maximumPacketSize ?? Number.POSITIVE_INFINITY;
    const size = packetBytes(packet);
    if (size > limit) this.#refuse({ reasonCode: 0x95, what: `packet of ${size} bytes` });
    else if ((packet.cmd === 'connect') !== (this.connect === null)) {
      this.#refuse({ reasonCode: 0x82, what: `${packet.cmd} out of place` });
    } else this.#dispatch(packet);
  }

  #dispatch(packet: Packet): void {
    switch (packet.cmd) {
      case 'connect':
        this.#onConnect(packet);
        break;
      case 'publish':
        this.#onPublish(packet);
        break;
      case 'puback':
        this.#onPuback(packet.messageId ?? 0);
        break;
      case 'pubrec':
        this.send({ cmd: 'pubrel', messageId: packet.messageId ?? 0, reasonCode: 0 });
        break;
      case 'pubcomp':
        this.#onPuback(packet.messageId ?? 0);
        break;
      case 'pubrel':
        this.#unacknowledged.delete(packet.messageId ?? 0);
        this.send({ cmd: 'pubcomp', messageId: packet.messageId ?? 0, reasonCode: 0 });
        break;
      case 'subscribe':
        this.#onSubscribe(packet);
        break;
      case 'unsubscribe':
        this.#onUnsubscribe(packet);
        break;
      case 'pingreq':
        if (this.#host.behaviour.swallowPings) break;
        this.#host.acknowledge('pingresp', () => this.send({ cmd: 'pingresp' }));
        break;
      case 'disconnect':
        this.#isOver = true;
        this.#socket.end();
        return;
      default:
        this.#refuse({ reasonCode: 0x82, what: `${packet.cmd} from a client` });
    }
  }

  #onConnect(connect: IConnectPacket): void {
    const { behaviour } = this.#host;
    if (behaviour.swallowConnects) return;
    this.connect = connect;
    const code = behaviour.connackCode(connect);
    if (code === 0) this.#host.onConnect(this);
    this.send(connackPacket(code, connect, behaviour));
    if (code === 0) return;
    this.#isOver = true;
    this.#socket.end();
  }

  #onPublish(packet: IPublishPacket): void {
    const { behaviour } = this.#host;
    const complaint = checkPublish(packet, behaviour) ?? this.#checkFlow(packet);
    if (complaint !== null) {
      this.#refuse(complaint);
      return;
    }
    const verdict = behaviour.publishVerdict(packet);
    if (verdict === 'accept') {
      this.#take(packet);
      return;
    }
    if (verdict === 'ignore') return;
    if ('disconnect' in verdict) {
      this.disconnect(verdict.disconnect);
      return;
    }
    if (packet.qos > 0) this.#acknowledgePublish(packet, this.isV5 ? verdict.puback : 0, () => {});
  }

  #checkFlow(packet: IPublishPacket): Complaint | null {
    if (packet.qos === 0) return null;
    const id = packet.messageId ?? 0;
    if (id === 0 || this.#unacknowledged.has(id))
      return { reasonCode: 0x82, what: `packet id ${id} is in use` };
    this.#unacknowledged.add(id);
    const count = this.#unacknowledged.size;
    this.#highestUnacknowledged = Math.max(this.#highestUnacknowledged, count);
    const limit = this.#host.behaviour.receiveMaximum ?? 65_535;
    if (count <= limit) return null;
    return { reasonCode: 0x93, what: `${count} publications unacknowledged, Receive Maximum is ${limit}` };
  }

  #take(packet: IPublishPacket): void {
    const { topic, payload, qos, retain, properties = {} } = packet;
    const bytes = typeof payload === 'string' ? Buffer.from(payload) : payload;
    const hasSubscribers = this.#host.route({ topic, payload: bytes, qos, retain, properties }, this);
    if (qos === 0) {
      this.#host.onTaken(this, packet);
      return;
    }
    const code = hasSubscribers || !this.isV5 ? 0 : this.#host.behaviour.noMatchingSubscribers;
    this.#acknowledgePublish(packet, code, () => this.#host.onTaken(this, packet));
  }

  #acknowledgePublish(packet: IPublishPacket, reasonCode: number, onSent: () => void): void {
    const messageId = packet.messageId ?? 0;
    this.#host.acknowledge('puback', () => {
      // A cut between arrival and acknowledgement: the client is never told, so nothing is owed to it.
      if (this.#isOver) return;
      if (packet.qos === 1) this.#unacknowledged.delete(messageId);
      this.send({ cmd: packet.qos === 1 ? 'puback' : 'pubrec', messageId, reasonCode });
      onSent();
    });
  }

  #onPuback(messageId: number): void {
    if (!this.#inFlight.delete(messageId)) {
      this.#refuse({ reasonCode: 0x82, what: `acknowledgement of the unknown packet id ${messageId}` });
      return;
    }
    this.#sendWaiting();
  }

  #onSubscribe(packet: ISubscribePacket): void {
    const { behaviour } = this.#host;
    const id = packet.properties?.subscriptionIdentifier;
    const complaint = checkIdentifier(id, behaviour);
    if (complaint !== null) {
      this.#refuse(complaint);
      return;
    }
    if (packet.subscriptions.some(({ topic }) => behaviour.closesOver(topic))) {
      this.cut();
      return;
    }
    const codes: number[] = [];
    const granted: [HeldSubscription, ISubscription, boolean][] = [];
    for (const subscription of packet.subscriptions) {
      const problem = checkSubscription(subscription, behaviour);
      if (problem !== null) {
        this.#refuse(problem);
        return;
      }
      const code = behaviour.subackCode(subscription, Math.min(subscription.qos, behaviour.maximumQoS));
      codes.push(this.isV5 || code < 0x80 ? code : 0x80);
      if (code >= 0x80) continue;
      const held = holdSubscription(subscription, code, id ?? null);
      granted.push([held, subscription, !this.subscriptions.has(held.text)]);
      this.subscriptions.delete(held.text); // so that the order is that of the last SUBSCRIBE
      this.subscriptions.set(held.text, held);
    }
    this.#host.acknowledge('suback', () => {
      this.send({ cmd: 'suback', messageId: packet.messageId ?? 0, granted: codes });
      for (const [held, { rh = 0 }, isNew] of granted) {
        if (held.shareName === null && (rh === 0 || (rh === 1 && isNew))) this.#host.sendRetained(this, held);
      }
    });
  }

  #onUnsubscribe(packet: IUnsubscribePacket): void {
    const granted = packet.unsubscriptions.map((text) => (this.subscriptions.delete(text) ? 0 : 0x11));
    this.#host.acknowledge('unsuback', () => {
      this.send({ cmd: 'unsuback', messageId: packet.messageId ?? 0, granted });
    });
  }
}

/** Size on the wire: fixed header, length field, and the rest that the parser has counted. */
function packetBytes(packet: Packet): number {
  const rest = packet.length ?? 0;
  const lengthField = rest < 128 ? 1 : rest < 16_384 ? 2 : rest < 2_097_152 ? 3 : 4;
  return 1 + lengthField + rest;
}

function holdSubscription(subscription: ISubscription, qos: number, id: number | null): HeldSubscription {
  const parts = splitShare(subscription.topic) ?? { name: null, filter: subscription.topic };
  return {
    text: subscription.topic,
    filter: parts.filter,
    shareName: parts.name,
    qos,
    id,
    isNoLocal: subscription.nl === true,
    isRetainAsPublished: subscription.rap === true,
  };
}

function connackPacket(code: number, connect: IConnectPacket, behaviour: ScriptedBehaviour): IConnackPacket {
  if (connect.protocolVersion !== 5) return { cmd: 'connack', returnCode: code, sessionPresent: false };
  if (code !== 0) return { cmd: 'connack', reasonCode: code, sessionPresent: false };
  const { receiveMaximum, maximumPacketSize, topicAliasMaximum, serverKeepAlive } = behaviour;
  return {
    cmd: 'connack',
    reasonCode: 0,
    sessionPresent: false,
    properties: {
      ...(receiveMaximum === undefined ? {} : { receiveMaximum }),
      ...(maximumPacketSize === undefined ? {} : { maximumPacketSize }),
      ...(topicAliasMaximum === undefined ? {} : { topicAliasMaximum }),
      ...(serverKeepAlive === undefined ? {} : { serverKeepAlive }),
      // Absent means available or 2; brokers say only what differs.
      ...(behaviour.maximumQoS === 2 ? {} : { maximumQoS: behaviour.maximumQoS }),
      ...(behaviour.retainAvailable ? {} : { retainAvailable: false }),
      ...(behaviour.sharedSubscriptionAvailable ? {} : { sharedSubscriptionAvailable: false }),
      ...(behaviour.subscriptionIdentifiersAvailable ? {} : { subscriptionIdentifiersAvailable: false }),
      ...(behaviour.wildcardSubscriptionAvailable ? {} : { wildcardSubscriptionAvailable: false }),
    },
  };
}
