/** MQTT message to MSG or HMSG: from the upstream's dispatch to the client's output buffer. */
import type { InboundPublication } from '../../mqtt/publication.ts';
import { writeHmsg, writeMsg } from '../../nats/encoder.ts';
import { isParentOnlyBytes } from '../../translation/delivery-filter.ts';
import { propertiesToHeaders } from '../../translation/headers-properties.ts';
import { requestToReply } from '../../translation/reply-to.ts';
import { wholeRange } from '../../util/byte-range.ts';
import type { SessionContext } from '../context.ts';
import type { DeliveryView } from '../delivery-view.ts';
import type { Subscription } from '../subscriptions.ts';
import { tapDelivery } from '../tap-events.ts';

/** Delivers to the subscriptions of one client. */
export class Deliverer {
  #context: SessionContext;

  constructor(context: SessionContext) {
    this.#context = context;
  }

  /** @returns false when this subscription cannot take the message: another member of its group may */
  deliver(subscription: Subscription, message: InboundPublication): boolean {
    const view = this.#viewOf(message);
    const { subject } = view;
    if (subject === null) {
      if (this.#context.taps.active !== null) tapDelivery(this.#context, message, view, 'untranslatable');
      return true;
    }
    if (view.origin !== null && this.#isOwn(view.origin)) return false;
    const { topicBuffer, topicStart, topicEnd } = message;
    if (isParentOnlyBytes(subscription.parentSlashes, topicBuffer, topicStart, topicEnd)) return true;
    if (subscription.isFiltered && this.#isDenied(subscription, subject)) {
      if (this.#context.taps.active !== null) tapDelivery(this.#context, message, view, 'denied');
      return false;
    }
    this.#write(subscription, subject, view, message);
    if (this.#context.taps.active !== null) this.#tap(view, message);
    if (view.reply !== null) {
      this.#context.counters.requestsOut++;
      this.#context.permissions?.noteReply(view.reply);
    }
    subscription.delivered++;
    if (subscription.delivered === subscription.max) {
      this.#context.subscriptions.remove(subscription);
      subscription.stop();
    }
    return true;
  }

  #isOwn(origin: string): boolean {
    const { connect, upstreamPort } = this.#context;
    return !connect.echo && origin === upstreamPort?.originToken;
  }

  /** Clients that know no headers get none. */
  #tap({ subject, reply, headers }: DeliveryView, message: InboundPublication): void {
    const sent = this.#context.connect.headers ? headers : null;
    tapDelivery(this.#context, message, { subject, reply, headers: sent });
  }

  #isDenied(subscription: Subscription, subject: Buffer): boolean {
    const { permissions, counters } = this.#context;
    if (permissions === null || permissions.mayReceive(subject, subscription.queue)) return false;
    counters.drop('denied');
    return true;
  }

  #write(subscription: Subscription, subject: Buffer, view: DeliveryView, message: InboundPublication): void {
    const { client, connect, stats, traffic, options, messageWriter } = this.#context;
    const { body, payloadStart, payloadEnd } = message;
    const { output } = client;
    const headers = connect.headers ? view.headers : null;
    const headerBytes = headers === null ? 0 : headers.end - headers.start;
    if (headers === null && view.reply === null)
      messageWriter.write(output, subject, subscription.sid, message);
    else if (headers === null)
      writeMsg(output, subject, subscription.sid, view.reply, body, payloadStart, payloadEnd);
    else {
      writeHmsg(output, subject, subscription.sid, view.reply, headers, body, payloadStart, payloadEnd);
      traffic.messagesOutWithHeaders++;
    }
    const size = payloadEnd - payloadStart + headerBytes;
    if (options.countsPerClient) {
      stats.outMessages++;
      stats.outBytes += size;
    }
    traffic.messagesOut++;
    traffic.bytesOut += size;
    client.flushSoon();
  }

  #viewOf(message: InboundPublication): DeliveryView {
    const { names, wireHeaders } = this.#context;
    const { view } = names;
    if (view.message === message && view.sequence === message.sequence) {
      if (view.headersStamp === 0 || view.headersStamp === wireHeaders.stamp) return view;
    }
    const name = names.deliveredName(message.topicBuffer, message.topicStart, message.topicEnd);
    view.begin(message, name.subject);
    if (name.isEscaped) this.#context.counters.topicEscapesIn++;
    if (name.refusal !== null) this.#refuse(name.refusal.reason, message);
    else if (message.retain || !this.#readWireProperties(view, message)) this.#readProperties(view, message);
    return view;
  }

  /** @returns false when there is more to read than headers as they are */
  #readWireProperties(view: DeliveryView, message: InboundPublication): boolean {
    const { wireUserProperties } = message;
    if (wireUserProperties === null) return message.properties === null;
    const { wireHeaders } = this.#context;
    view.headers = wireHeaders.toBlock(wireUserProperties);
    view.headersStamp = wireHeaders.stamp;
    return view.headers !== null;
  }

  #readProperties(view: DeliveryView, message: InboundPublication): void {
    const { counters, names } = this.#context;
    const converted = propertiesToHeaders(message.properties, message.retain);
    if (converted !== null) {
      view.headers = converted.block === null ? null : wholeRange(converted.block);
      view.headersStamp = 0;
      view.origin = converted.origin;
      if (converted.dropped > 0) counters.drop('invalid_property', converted.dropped);
    }
    const responseTopic = message.properties?.responseTopic;
    if (responseTopic === undefined) return;
    const reply = requestToReply(
      names.mapper,
      responseTopic,
      message.properties?.correlationData,
      message.qos,
    );
    if (reply.ok) view.reply = Buffer.from(reply.name);
    else this.#refuseReply(reply.reason, message);
  }

  #refuse(reason: string, message: InboundPublication): void {
    const { counters, limitedLog } = this.#context;
    counters.drop('untranslatable');
    limitedLog.log(
      'warn',
      { event: 'message.dropped', reason, topic: shownTopic(message) },
      'a topic has no NATS subject: message dropped',
    );
  }

  #refuseReply(reason: string, message: InboundPublication): void {
    const { counters, limitedLog } = this.#context;
    counters.drop('reply_untranslatable');
    limitedLog.log(
      'warn',
      { event: 'reply.dropped', reason, topic: shownTopic(message) },
      'a Response Topic has no reply subject: message delivered without it',
    );
  }
}

const SHOWN_TOPIC_BYTES = 200;

/** A topic for the log: shortened, control characters made visible by JSON. */
function shownTopic(message: InboundPublication): string {
  const end = Math.min(message.topicEnd, message.topicStart + SHOWN_TOPIC_BYTES);
  return message.topicBuffer.toString('utf8', message.topicStart, end);
}
