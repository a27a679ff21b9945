/** PUB and HPUB to an MQTT PUBLISH, and its PUBACK to `+OK`, 503 or an error. */
import { GatewayError } from '../../errors.ts';
import { type DropReason, PERMISSIONS_CODE } from '../../metrics/counters.ts';
import type { OutboundPublication, QoS, TopicName } from '../../mqtt/publication.ts';
import { FIRST_FAILURE, REASON } from '../../mqtt/reason-codes.ts';
import {
  permissionsPublish,
  permissionsPublishReply,
  writeErr,
  writeHmsg,
  writeMsg,
  writeOk,
} from '../../nats/encoder.ts';
import { noRespondersBlock } from '../../nats/headers.ts';
import type { PublishOp } from '../../nats/operations.ts';
import { isValidLiteral } from '../../nats/subject.ts';
import { MAX_BLOCK_BYTES } from '../../translation/headers-properties.ts';
import { type DeviceReply, decodeMrBytes } from '../../translation/reply-to.ts';
import { wholeRange } from '../../util/byte-range.ts';
import { latin1 } from '../../util/latin1.ts';
import type { ClientPermissions } from '../client-permissions.ts';
import type { SessionContext } from '../context.ts';
import type { Destination } from '../name-space.ts';
import type { UpstreamFeatures, UpstreamPort } from '../ports.ts';
import type { Subscription } from '../subscriptions.ts';
import { tapPublication, tapRejection } from '../tap-events.ts';
import { userInfo } from '../user-info.ts';
import { AwaitedPuback } from './awaited-puback.ts';
import { propertyBytes, publishProperties } from './publish-properties.ts';

/** Fixed header, topic length, packet id and property lengths of a PUBLISH, generously. */
const PACKET_OVERHEAD_BYTES = 64;

const DOLLAR = 0x24;

const EMPTY = Buffer.alloc(0);

/** Publishes for one client. */
export class PublishHandler {
  #context: SessionContext;
  #publication: OutboundPublication = {
    topic: { text: '', bytes: EMPTY },
    body: EMPTY,
    payloadStart: 0,
    payloadEnd: 0,
    qos: 0,
    retain: false,
    properties: null,
  };

  readonly #writeOk = (): void => this.#ok();

  constructor(context: SessionContext) {
    this.#context = context;
  }

  /** @returns false while earlier SUBs are unconfirmed or the broker's side is full */
  handle(op: PublishOp): boolean {
    const context = this.#context;
    const port = context.upstreamPort;
    if (port === null || context.unconfirmedChanges > 0 || !port.canPublish) return false;
    this.#count(op);
    if (context.connect.pedantic && !isValidLiteral(op.line, op.subjectStart, op.subjectEnd)) {
      context.replies.now(() => this.#err('Invalid Publish Subject', 'GW_INVALID_PUBLISH_SUBJECT'));
    }
    const device = decodeMrBytes(op.line, op.subjectStart, op.subjectEnd);
    const { permissions } = context;
    if (permissions !== null && this.#isDenied(op, device, permissions)) return true;
    if (device === null) this.#route(op, port);
    else this.#answerDevice(op, device, port);
    return true;
  }

  /** @returns true when the client has been told that it may not do this */
  #isDenied(op: PublishOp, device: DeviceReply | null, permissions: ClientPermissions): boolean {
    const { line, subjectStart, subjectEnd, replyStart, replyEnd } = op;
    let text: string;
    if (!permissions.mayPublish(line, subjectStart, subjectEnd, device))
      text = permissionsPublish(line.subarray(subjectStart, subjectEnd));
    else if (replyEnd > replyStart && !permissions.mayReplyTo(line, replyStart, replyEnd))
      text = permissionsPublishReply(line.subarray(replyStart, replyEnd));
    else return false;
    this.#context.counters.drop('denied');
    this.#tap(op, null, 'denied');
    this.#context.replies.now(() => this.#err(text));
    return true;
  }

  #route(op: PublishOp, port: UpstreamPort): void {
    const target = this.#context.names.publishTarget(op.line, op.subjectStart, op.subjectEnd);
    if (target.kind === 'topic') this.#send(op, target, port);
    else if (target.kind === 'user_info') this.#answerUserInfo(op);
    else if (target.kind === 'nobody') this.#answerNobody(op);
    else this.#refuse(op, target.refusal.reason === 'empty_token');
  }

  /** The subject carries the device's own topic and Correlation Data. */
  #answerDevice(op: PublishOp, device: DeviceReply, port: UpstreamPort): void {
    const mapped = this.#context.names.mapper.replyTopic(device.topicSubject);
    if (!mapped.ok) {
      this.#refuse(op, false);
      return;
    }
    const topic = { text: mapped.name, bytes: Buffer.from(mapped.name) };
    this.#send(
      op,
      {
        topic,
        rule: null,
        correlation: device.correlation,
        qos: device.qos,
        isCommon: false,
        isEscaped: true,
      },
      port,
    );
  }

  #count(op: PublishOp): void {
    const { stats, traffic, options } = this.#context;
    const size = op.payloadEnd - op.headerStart;
    if (options.countsPerClient) {
      stats.inMessages++;
      stats.inBytes += size;
    }
    traffic.messagesIn++;
    traffic.bytesIn += size;
    if (op.payloadStart > op.headerStart) traffic.messagesInWithHeaders++;
    if (op.replyEnd > op.replyStart) this.#context.counters.requestsIn++;
  }

  #send(op: PublishOp, destination: Destination, port: UpstreamPort): void {
    const { connect } = this.#context;
    if (!destination.isCommon && !isAccepted(destination.topic, port.features)) {
      this.#refuse(op, false);
      return;
    }
    const properties = publishProperties(this.#context, op, destination, port);
    if (properties === null) {
      this.#tap(op, null, 'reply_untranslatable');
      const text = permissionsPublishReply(op.line.subarray(op.replyStart, op.replyEnd));
      this.#context.replies.now(() => this.#err(text));
      return;
    }
    const { control, fields } = properties;
    const { rule } = destination;
    const isRequest = op.replyEnd > op.replyStart && connect.no_responders;
    const wanted = control?.qos ?? rule?.qos ?? (connect.verbose ? 1 : destination.qos);
    const qos: QoS = (isRequest || wanted > 0) && port.features.maximumQoS > 0 ? 1 : 0;
    const publication = this.#publication;
    publication.topic = destination.topic;
    publication.body = op.body;
    publication.payloadStart = op.payloadStart;
    publication.payloadEnd = op.payloadEnd;
    publication.qos = qos;
    publication.retain = (control?.retain ?? rule?.retain ?? false) && port.features.retainAvailable;
    publication.properties = fields;
    this.#guardSize(op, publication, port);
    if (this.#context.taps.active !== null) tapPublication(this.#context, op, publication);
    if (destination.isEscaped) this.#context.counters.topicEscapesOut++;
    this.#context.own.note(destination.topic);
    if (qos === 1) {
      port.publish(publication, this.#receipt(op, isRequest));
      return;
    }
    port.publish(publication, null);
    if (connect.verbose) this.#context.replies.now(() => this.#ok());
  }

  #receipt(op: PublishOp, isRequest: boolean): AwaitedPuback {
    const { connect, replies, own } = this.#context;
    const awaited = new AwaitedPuback(this, replies);
    awaited.isVerbose = connect.verbose;
    awaited.subject = latin1(op.line, op.subjectStart, op.subjectEnd);
    awaited.reply = isRequest ? Buffer.from(op.line.subarray(op.replyStart, op.replyEnd)) : null;
    awaited.published = own.published;
    return replies.add(awaited);
  }

  /** The broker would cut the session over a packet beyond its limit. */
  #guardSize(op: PublishOp, publication: OutboundPublication, port: UpstreamPort): void {
    const headerBytes = op.payloadStart - op.headerStart;
    if (headerBytes > MAX_BLOCK_BYTES) {
      this.#tap(op, null, 'too_large');
      throw new GatewayError('GW_MAX_PAYLOAD', 'the header block is larger than any gateway takes');
    }
    const limit = port.features.maximumPacketBytes;
    if (limit === Number.POSITIVE_INFINITY) return;
    const { topic, properties } = publication;
    const payloadBytes = op.payloadEnd - op.payloadStart;
    const size = PACKET_OVERHEAD_BYTES + topic.bytes.length + payloadBytes;
    if (size + (properties === null ? 0 : propertyBytes(properties, headerBytes)) <= limit) return;
    this.#tap(op, publication, 'too_large');
    throw new GatewayError('GW_MAX_PAYLOAD', 'the message exceeds the broker’s Maximum Packet Size');
  }

  /** nats-server delivers a subject with an empty token to nobody and says nothing. */
  #refuse(op: PublishOp, isSilent: boolean): void {
    this.#tap(op, null, 'untranslatable');
    if (isSilent) {
      this.#answerNobody(op);
      return;
    }
    const text = permissionsPublish(op.line.subarray(op.subjectStart, op.subjectEnd));
    this.#context.counters.drop('untranslatable');
    this.#context.replies.now(() => this.#err(text));
  }

  #answerNobody(op: PublishOp): void {
    const { connect, replies, subscriptions } = this.#context;
    const subject = Buffer.from(op.line.subarray(op.subjectStart, op.subjectEnd));
    const reply = Buffer.from(op.line.subarray(op.replyStart, op.replyEnd));
    // Looked up now: a SUB behind this PUB must not get the answer, even if it has to wait for its turn.
    const [one] = connect.no_responders ? subscriptions.plainMatches(reply) : [];
    replies.now(() => {
      if (connect.verbose) this.#ok();
      this.#writeNoResponders(subject, reply, one);
    });
  }

  #answerUserInfo(op: PublishOp): void {
    const { connect, replies, subscriptions, client } = this.#context;
    const reply = Buffer.from(op.line.subarray(op.replyStart, op.replyEnd));
    const answer = userInfo(this.#context);
    replies.now(() => {
      if (connect.verbose) this.#ok();
      for (const one of subscriptions.plainMatches(reply)) {
        writeMsg(client.output, reply, one.sid, null, answer, 0, answer.length);
      }
      client.flushSoon();
    });
  }

  /**
   * Tells the requester that nobody listens, if it waits for the reply on a plain subscription.
   * The status does not count as a delivery.
   */
  #writeNoResponders(subject: Buffer, reply: Buffer, waiting: Subscription | undefined): void {
    if (waiting === undefined) return;
    const { client, counters } = this.#context;
    counters.noResponders++;
    const block = wholeRange(noRespondersBlock(subject));
    writeHmsg(client.output, reply, waiting.sid, null, block, EMPTY, 0, 0);
    client.flushSoon();
  }

  /** The broker has answered: a negative answer is never an `+OK`. */
  onPuback(code: number, awaited: AwaitedPuback): void {
    const { counters, taps } = this.#context;
    if (code >= FIRST_FAILURE) {
      counters.drop('broker_rejected');
      if (taps.active !== null) tapRejection(this.#context, Buffer.from(awaited.subject, 'latin1'));
      awaited.complete(() => this.#err(permissionsPublish(Buffer.from(awaited.subject, 'latin1'))));
    } else if (code === REASON.NO_MATCHING_SUBSCRIBERS && awaited.reply !== null) {
      this.#answerUnheard(awaited, awaited.reply);
    } else awaited.complete(awaited.isVerbose ? this.#writeOk : null);
  }

  /** The status goes out at once, or after the `+OK`; in either case before the slot lets a later PONG through. */
  #answerUnheard(awaited: AwaitedPuback, reply: Buffer): void {
    const answer = () => {
      const [one] = this.#context.subscriptions.plainMatches(reply, awaited.published);
      this.#writeNoResponders(Buffer.from(awaited.subject, 'latin1'), reply, one);
    };
    if (!awaited.isVerbose) answer();
    awaited.complete(() => {
      if (!awaited.isVerbose) return;
      this.#ok();
      answer();
    });
  }

  /** A message that is not passed on. */
  #tap(op: PublishOp, publication: OutboundPublication | null, reason: DropReason): void {
    if (this.#context.taps.active !== null) tapPublication(this.#context, op, publication, reason);
  }

  #ok(): void {
    this.#context.counters.operations.okOut++;
    writeOk(this.#context.client.output);
    this.#context.client.flushSoon();
  }

  /** @param code for the count; permissions have no code of their own */
  #err(text: string, code = PERMISSIONS_CODE): void {
    this.#context.counters.countError(code);
    writeErr(this.#context.client.output, text);
    this.#context.client.flushSoon();
  }
}

/** Some brokers swallow what comes to such topics, or end the session over it. */
function isAccepted({ text }: TopicName, features: UpstreamFeatures): boolean {
  if (text.charCodeAt(0) === DOLLAR && !features.acceptsDollarTopics) return false;
  return features.acceptsDots || !text.includes('.');
}
