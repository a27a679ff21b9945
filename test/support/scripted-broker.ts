/**
 * A small MQTT broker (3.1.1 and 5) that behaves as the test says: shapes, limits, refusals, held acknowledgements,
 * cuts. It keeps what it has taken over cuts and restarts, records every packet, and names what no correct client does.
 */
import { createServer, type Server } from 'node:net';
import type { IPublishPacket, Packet } from 'mqtt-packet';
import { LOOPBACK, listenOnFreePort, tryListen } from './free-port.ts';
import {
  type AckKind,
  defaultBehaviour,
  type HeldSubscription,
  type LogEntry,
  type ReceivedPublication,
  type RoutedMessage,
  type ScriptedBehaviour,
  type Violation,
} from './scripted-behaviour.ts';
import { ScriptedConnection, type ScriptedHost } from './scripted-connection.ts';
import { isTopicMatch } from './topic-match.ts';
import { waitFor } from './wait-for.ts';

interface Match {
  readonly connection: ScriptedConnection;
  readonly subscription: HeldSubscription;
}

/** The broker. Start it with {@link ScriptedBroker.start}. */
export class ScriptedBroker {
  readonly host = LOOPBACK;
  /** May be changed at any time. */
  readonly behaviour: ScriptedBehaviour;
  /** Every packet from every client, in order of arrival. */
  readonly log: LogEntry[] = [];
  /** What no correct client does. Tests assert that it is empty. */
  readonly violations: Violation[] = [];
  /** What the broker has taken, over all connections: QoS 0 on arrival, QoS 1 once its PUBACK was sent. */
  readonly received: ReceivedPublication[] = [];
  /** Every connection ever made, closed ones included. */
  readonly connections: ScriptedConnection[] = [];
  readonly #retained = new Map<string, RoutedMessage>();
  readonly #open = new Set<ScriptedConnection>();
  readonly #held = new Map<AckKind, (() => void)[]>();
  readonly #nextMember = new Map<string, number>();
  readonly #server: Server;
  #port = 0;

  private constructor(behaviour: Partial<ScriptedBehaviour>) {
    this.behaviour = { ...defaultBehaviour(), ...behaviour };
    this.#server = createServer((socket) => {
      const connection = new ScriptedConnection(this.connections.length + 1, socket, this.#callbacks);
      this.connections.push(connection);
      this.#open.add(connection);
    });
  }

  /** Starts a broker on a free loopback port. */
  static async start(behaviour: Partial<ScriptedBehaviour> = {}): Promise<ScriptedBroker> {
    const broker = new ScriptedBroker(behaviour);
    broker.#port = await listenOnFreePort(broker.#server);
    return broker;
  }

  get port(): number {
    return this.#port;
  }

  /** `mqtt://127.0.0.1:port` */
  get url(): string {
    return `mqtt://${this.host}:${this.#port}`;
  }

  /** Clients that are connected and accepted. */
  get sessions(): ScriptedConnection[] {
    return [...this.#open].filter((connection) => connection.isReady);
  }

  /** Network connections that are open, whether they have said CONNECT or not. */
  get openConnections(): number {
    return this.#open.size;
  }

  /** Packets of one kind from all clients, in order. */
  packets<C extends Packet['cmd']>(cmd: C): Extract<Packet, { cmd: C }>[] {
    return this.log.map((entry) => entry.packet).filter((packet) => packet.cmd === cmd) as Extract<
      Packet,
      { cmd: C }
    >[];
  }

  /** Filters held by connected clients, as sent. */
  get filters(): string[] {
    return this.sessions.flatMap((connection) => [...connection.subscriptions.keys()]);
  }

  /** Keeps back acknowledgements of one kind from now on. */
  holdAcks(kind: AckKind): void {
    if (!this.#held.has(kind)) this.#held.set(kind, []);
  }

  /** Sends what was kept back, in order, and stops keeping back. */
  releaseAcks(kind: AckKind): void {
    const held = this.#held.get(kind) ?? [];
    this.#held.delete(kind);
    for (const send of held) send();
  }

  /** How many acknowledgements of one kind are kept back now. */
  heldAcks(kind: AckKind): number {
    return this.#held.get(kind)?.length ?? 0;
  }

  /** See {@link ScriptedBroker.holdAcks}. */
  holdPubacks(): void {
    this.holdAcks('puback');
  }

  /** See {@link ScriptedBroker.releaseAcks}. */
  releasePubacks(): void {
    this.releaseAcks('puback');
  }

  /** Publishes as some other client would. */
  publish(message: Partial<RoutedMessage> & { readonly topic: string }): void {
    this.#route({ payload: Buffer.alloc(0), qos: 0, retain: false, properties: {}, ...message }, null);
  }

  /** DISCONNECT with this reason to all clients. */
  disconnectAll(reasonCode: number): void {
    for (const connection of [...this.#open]) connection.disconnect(reasonCode);
  }

  /** Ends all connections without a word; the broker goes on listening. */
  cutAll(how: 'cut' | 'reset' = 'cut'): void {
    for (const connection of [...this.#open]) connection.cut(how);
  }

  /** Stops listening and ends all connections. What was taken and retained stays. Idempotent. */
  async stop(): Promise<void> {
    if (this.#server.listening) this.#server.close();
    this.#held.clear();
    this.cutAll();
    await waitFor(() => this.#open.size === 0, 2_000, 'the connections of the scripted broker to end');
  }

  /** Listens again on the same port, with the state from before. */
  async restart(): Promise<void> {
    await this.stop();
    await waitFor(() => tryListen(this.#server, this.#port), 5_000, `port ${this.#port} to be free again`);
  }

  readonly #callbacks: ScriptedHost = this.#makeCallbacks();

  #makeCallbacks(): ScriptedHost {
    const broker = this;
    return {
      get behaviour() {
        return broker.behaviour;
      },
      onPacket: (connection, packet) => {
        this.log.push({ connection: connection.number, packet });
      },
      onConnect: (connection) => this.#takeOver(connection),
      onViolation: (connection, what) => {
        this.violations.push({ connection: connection.number, what });
      },
      onClose: (connection) => {
        this.#open.delete(connection);
      },
      route: (message, from) => this.#route(message, from),
      onTaken: (connection, packet) => this.#onTaken(connection, packet),
      sendRetained: (connection, subscription) => this.#sendRetained(connection, subscription),
      acknowledge: (kind, send) => this.#acknowledge(kind, send),
    };
  }

  #takeOver(connection: ScriptedConnection): void {
    if (connection.clientId === '') return;
    for (const other of this.sessions) {
      if (other !== connection && other.clientId === connection.clientId) other.disconnect(0x8e);
    }
  }

  #acknowledge(kind: AckKind, send: () => void): void {
    const held = this.#held.get(kind);
    if (held !== undefined) held.push(send);
    else if (kind === 'puback' && this.behaviour.ackDelayMs > 0) setTimeout(send, this.behaviour.ackDelayMs);
    else send();
  }

  #onTaken(connection: ScriptedConnection, packet: IPublishPacket): void {
    const { topic, payload, qos, retain, properties = {} } = packet;
    const bytes = typeof payload === 'string' ? Buffer.from(payload) : payload;
    this.received.push({ connection: connection.number, topic, payload: bytes, qos, retain, properties });
  }

  #sendRetained(connection: ScriptedConnection, subscription: HeldSubscription): void {
    const ids = this.#ids([subscription]);
    for (const message of this.#retained.values()) {
      if (!isTopicMatch(subscription.filter, message.topic)) continue;
      connection.deliver(message, lowerQoS(message.qos, subscription.qos), true, ids);
    }
  }

  /** @returns whether anybody is subscribed */
  #route(sent: RoutedMessage, from: ScriptedConnection | null): boolean {
    const message = { ...sent, topic: this.behaviour.deliveredTopic(sent.topic) };
    if (message.retain) this.#retain(message);
    let hasSubscribers = false;
    const groups = new Map<string, Match[]>();
    for (const connection of this.sessions) {
      const matching = this.#matching(connection, message.topic);
      if (matching.length > 0) hasSubscribers = true;
      const plain = matching.filter(
        (one) => one.shareName === null && !(one.isNoLocal && connection === from),
      );
      const shared = matching.filter((one) => one.shareName !== null);
      const isBoth = plain.length > 0 && shared.length > 0;
      const { sharedAndPlain } = this.behaviour;
      this.#deliverPlain(connection, plain, message);
      if (isBoth && sharedAndPlain === 'doubled') this.#deliverPlain(connection, matching, message);
      if (isBoth && sharedAndPlain === 'collapsed') continue;
      for (const subscription of shared) addTo(groups, subscription.text, { connection, subscription });
    }
    for (const [text, members] of groups) this.#deliverShared(text, members, message);
    return hasSubscribers;
  }

  #matching(connection: ScriptedConnection, topic: string): HeldSubscription[] {
    const { wildcardsMatchDollar, sharedSubscriptionsDeliver } = this.behaviour;
    // Only its first character decides whether a wildcard may match.
    const asMatched = wildcardsMatchDollar ? topic.replace(/^\$/, '_') : topic;
    return [...connection.subscriptions.values()].filter(({ shareName, filter }) => {
      if (shareName !== null && !sharedSubscriptionsDeliver) return false;
      return isTopicMatch(filter, topic) || (/^[+#]/.test(filter) && isTopicMatch(filter, asMatched));
    });
  }

  #retain(message: RoutedMessage): void {
    if (message.payload.length === 0) this.#retained.delete(message.topic);
    else this.#retained.set(message.topic, message);
  }

  #deliverPlain(connection: ScriptedConnection, matches: HeldSubscription[], message: RoutedMessage): void {
    for (const subscriptions of this.#copies(connection, matches)) {
      const qos = lowerQoS(message.qos, Math.max(...subscriptions.map((subscription) => subscription.qos)));
      const isRetained =
        message.retain && subscriptions.some((subscription) => subscription.isRetainAsPublished);
      connection.deliver(message, qos, isRetained, this.#ids(subscriptions));
    }
  }

  /** Which of the matching filters share a copy. */
  #copies({ isV5 }: ScriptedConnection, matches: HeldSubscription[]): HeldSubscription[][] {
    const { overlapping, overlapping311 } = this.behaviour;
    if (!isV5 && overlapping311 === 'copy-per-qos') {
      const byQoS = [0, 1, 2].map((qos) => matches.filter((one) => one.qos === qos));
      return byQoS.filter((some) => some.length > 0);
    }
    const isOneCopy = isV5 ? overlapping.startsWith('one-copy') : overlapping311 === 'one-copy';
    if (!isOneCopy) return matches.map((match) => [match]);
    return matches.length > 0 ? [matches] : [];
  }

  #deliverShared(text: string, members: readonly Match[], message: RoutedMessage): void {
    const turn = this.#nextMember.get(text) ?? 0;
    this.#nextMember.set(text, turn + 1);
    const { connection, subscription } = members[turn % members.length] as Match;
    const isRetained = message.retain && subscription.isRetainAsPublished;
    const qos = lowerQoS(message.qos, subscription.qos);
    connection.deliver(message, qos, isRetained, this.#ids([subscription]));
  }

  #ids(subscriptions: readonly HeldSubscription[]): number[] {
    if (this.behaviour.overlapping === 'copies-no-id') return [];
    const ids = subscriptions.map((subscription) => subscription.id).filter((id) => id !== null);
    return this.behaviour.overlapping === 'one-copy-one-id' ? ids.slice(-1) : ids;
  }
}

function lowerQoS(a: number, b: number): 0 | 1 | 2 {
  return Math.min(a, b) as 0 | 1 | 2;
}

function addTo<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}
