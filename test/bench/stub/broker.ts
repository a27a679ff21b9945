/**
 * A broker that does as little as possible, so that the gateway and not the broker is measured. Messages under `sink/`
 * are counted and checked, all others are routed. It keeps nothing: no sessions, no retained messages, no retries.
 */
import { createServer, type Server, type Socket } from 'node:net';
import type { ISubscribePacket, IUnsubscribePacket } from 'mqtt-packet';
import { LOOPBACK } from '../../support/free-port.ts';
import type { PublishFrame } from '../wire/frame-splitter.ts';
import { StubConnection, type StubHost } from './connection.ts';
import { type Route, Routes } from './routes.ts';

/** What happens to the messages under `sink/`. */
export interface Sink {
  take(buffer: Buffer, payloadStart: number, payloadEnd: number): void;
  /** A read has been handled. */
  onRead(): void;
}

/** Handles a PUBLISH, or does something wrong with it on purpose. */
export type Intake = (connection: StubConnection, frame: PublishFrame) => void;

/** See the head of the file. */
export class StubBroker implements StubHost {
  /** Stands between arrival and routing. */
  intake: Intake = (connection, frame) => this.take(connection, frame);
  readonly #routes = new Routes<StubConnection>();
  readonly #sink: Sink;
  readonly #server: Server;
  readonly #open = new Set<StubConnection>();
  /** Clients that were sent something during this read. */
  readonly #written = new Set<StubConnection>();

  constructor(sink: Sink) {
    this.#sink = sink;
    this.#server = createServer({ pauseOnConnect: true }, (socket: Socket) => {
      this.#open.add(new StubConnection(socket, this));
    });
  }

  /** @returns the port */
  async listen(): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(0, LOOPBACK, 4096, resolve);
    });
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    return address.port;
  }

  /** Clients that are connected. */
  get connections(): number {
    return this.#open.size;
  }

  /** @returns who gets a topic */
  route(topic: string): Route<StubConnection> {
    return this.#routes.find(topic);
  }

  onPublish(connection: StubConnection, frame: PublishFrame): void {
    this.intake(connection, frame);
  }

  /** Counts a message, or passes it on. */
  take(connection: StubConnection, frame: PublishFrame): void {
    const route = this.#routeOf(connection, frame);
    if (route.isSink) this.#sink.take(frame.buffer, frame.payloadStart, frame.end);
    if (!route.isEmpty) this.#deliver(route, frame);
    if (frame.packetId !== null) {
      connection.acknowledge(frame.packetId, route.isSink || !route.isEmpty);
      this.#written.add(connection);
    }
  }

  onSubscribe(connection: StubConnection, packet: ISubscribePacket): void {
    const identifier = packet.properties?.subscriptionIdentifier ?? null;
    for (const { topic, qos } of packet.subscriptions) {
      this.#routes.subscribe(connection, topic, { qos, identifier });
    }
    const granted = packet.subscriptions.map(({ qos }) => Math.min(qos, 1));
    connection.send({ cmd: 'suback', messageId: packet.messageId ?? 0, granted });
  }

  onUnsubscribe(connection: StubConnection, packet: IUnsubscribePacket): void {
    const isHeld = packet.unsubscriptions.map((filter) => this.#routes.unsubscribe(connection, filter));
    const granted = isHeld.map((is) => (is ? 0 : 0x11));
    connection.send({ cmd: 'unsuback', messageId: packet.messageId ?? 0, granted });
  }

  onRead(connection: StubConnection): void {
    connection.outbox.flush();
    for (const written of this.#written) {
      written.outbox.flush();
      if (written.outbox.isFull) holdUntilDrain(connection.socket, written.socket);
    }
    this.#written.clear();
    this.#sink.onRead();
  }

  onClose(connection: StubConnection): void {
    this.#open.delete(connection);
    this.#routes.remove(connection);
  }

  #deliver(route: Route<StubConnection>, frame: PublishFrame): void {
    for (const target of route.targets) {
      target.client.deliver(frame, route.topic, target);
      this.#written.add(target.client);
    }
    for (const group of route.groups) {
      const member = group.members[group.next++ % group.members.length];
      if (member === undefined) continue;
      member.client.deliver(frame, route.topic, member);
      this.#written.add(member.client);
    }
  }

  #routeOf(connection: StubConnection, frame: PublishFrame): Route<StubConnection> {
    const last = connection.lastRoute;
    const isSame = last !== null && connection.lastRouteVersion === this.#routes.version;
    if (isSame && isTopic(frame, last.topic)) return last;
    const route = this.#routes.find(frame.buffer.toString('utf8', frame.topicStart, frame.topicEnd));
    connection.lastRoute = route;
    connection.lastRouteVersion = this.#routes.version;
    return route;
  }
}

function isTopic({ buffer, topicStart, topicEnd }: PublishFrame, topic: Buffer): boolean {
  if (topicEnd - topicStart !== topic.length) return false;
  // Topics of a cell differ at their ends.
  for (let index = topic.length - 1; index >= 0; index--) {
    if (buffer[topicStart + index] !== topic[index]) return false;
  }
  return true;
}

/** Back-pressure: who sends too much for a receiver is not read until it has caught up. */
function holdUntilDrain(sender: Socket, receiver: Socket): void {
  if (sender === receiver || receiver.destroyed) return;
  sender.pause();
  const resume = (): void => {
    receiver.off('drain', resume);
    receiver.off('close', resume);
    sender.resume();
  };
  receiver.once('drain', resume);
  receiver.once('close', resume);
}
