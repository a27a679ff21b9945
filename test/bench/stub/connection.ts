/**
 * One client of the stub broker: its socket, its packets but PUBLISH, what it is sent. Routing is the broker's.
 */
import type { Socket } from 'node:net';
import mqttPacket, { type ISubscribePacket, type IUnsubscribePacket, type Packet } from 'mqtt-packet';
import { FrameSplitter, type PublishFrame } from '../wire/frame-splitter.ts';
import { adopt } from '../wire/read-buffer.ts';
import { appendCopy, fitsHead, makeHead } from './forward.ts';
import { Outbox } from './outbox.ts';
import type { Route, Target } from './routes.ts';

/** What a connection needs from its broker. */
export interface StubHost {
  onPublish(connection: StubConnection, frame: PublishFrame): void;
  onSubscribe(connection: StubConnection, packet: ISubscribePacket): void;
  onUnsubscribe(connection: StubConnection, packet: IUnsubscribePacket): void;
  /** All that one read has brought is handled. */
  onRead(connection: StubConnection): void;
  onClose(connection: StubConnection): void;
}

const PUBACK = 4;
const LAST_PACKET_ID = 65_535;

/** See the head of the file. */
export class StubConnection {
  protocolVersion: 4 | 5 = 5;
  readonly outbox: Outbox;
  readonly socket: Socket;
  /** Route of the last PUBLISH, as nearly all have the same topic. */
  lastRoute: Route<StubConnection> | null = null;
  lastRouteVersion = -1;
  readonly #host: StubHost;
  #packetId = 0;

  constructor(accepted: Socket, host: StubHost) {
    this.#host = host;
    const splitter = new FrameSplitter({
      onPublish: (frame) => host.onPublish(this, frame),
      onPacket: (buffer, start, end) => {
        // Nobody waits for the acknowledgement of a delivery here.
        if ((buffer[start] ?? 0) >> 4 === PUBACK) return;
        this.#onPacket(this.#parse(buffer.subarray(start, end)));
        splitter.protocolVersion = this.protocolVersion;
      },
    });
    const socket = adopt(accepted, (chunk) => {
      splitter.push(chunk);
      host.onRead(this);
    });
    this.socket = socket;
    this.outbox = new Outbox(socket);
    socket.setNoDelay(true);
    // 'close' follows; a client may go away in any way it likes.
    socket.on('error', () => {});
    socket.on('close', () => host.onClose(this));
  }

  /** Sends a packet with what is written next. */
  send(packet: Packet): void {
    this.outbox.append(mqttPacket.generate(packet, { protocolVersion: this.protocolVersion }));
  }

  /** Acknowledges a QoS 1 PUBLISH; all of one read go out together. */
  acknowledge(packetId: number, isHeard: boolean): void {
    const hasReason = !isHeard && this.protocolVersion === 5;
    const slab = this.outbox.reserve(5);
    let at = this.outbox.position;
    slab[at++] = PUBACK << 4;
    slab[at++] = hasReason ? 3 : 2;
    at = slab.writeUInt16BE(packetId, at);
    if (hasReason) slab[at++] = 0x10;
    this.outbox.advance(at);
  }

  /** Queues one copy of a message. */
  deliver(frame: PublishFrame, topic: Buffer, target: Target<StubConnection>): void {
    const hasPacketId = frame.qos > 0 && target.qos > 0;
    const { protocolVersion } = this;
    if (target.head === null || !fitsHead(target.head, frame, hasPacketId)) {
      const { identifiers } = target;
      target.head = makeHead(frame, { topic, protocolVersion, identifiers, hasPacketId });
    }
    const packetId = hasPacketId ? this.#nextPacketId() : 0;
    appendCopy(this.outbox, frame, target.head, { protocolVersion, packetId });
  }

  #nextPacketId(): number {
    this.#packetId = this.#packetId === LAST_PACKET_ID ? 1 : this.#packetId + 1;
    return this.#packetId;
  }

  #parse(bytes: Buffer): Packet {
    let parsed: Packet | null = null;
    const parser = mqttPacket.parser({ protocolVersion: this.protocolVersion });
    parser.on('packet', (packet) => {
      parsed = packet;
    });
    parser.on('error', (error) => {
      throw error;
    });
    parser.parse(bytes);
    if (parsed === null) throw new Error('a packet that cannot be read');
    return parsed;
  }

  #onPacket(packet: Packet): void {
    switch (packet.cmd) {
      case 'connect':
        this.protocolVersion = packet.protocolVersion === 5 ? 5 : 4;
        // Nothing is kept: retained messages would be a promise this broker does not hold.
        this.send({
          cmd: 'connack',
          sessionPresent: false,
          ...(this.protocolVersion === 5
            ? { reasonCode: 0, properties: { retainAvailable: false } }
            : { returnCode: 0 }),
        });
        return;
      case 'subscribe':
        this.#host.onSubscribe(this, packet);
        return;
      case 'unsubscribe':
        this.#host.onUnsubscribe(this, packet);
        return;
      case 'pingreq':
        this.send({ cmd: 'pingresp' });
        return;
      case 'disconnect':
        this.socket.end();
        return;
      default:
        throw new Error(`the stub broker does not understand ${packet.cmd}`);
    }
  }
}
