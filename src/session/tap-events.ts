/** Messages as taps show them: with the names of both sides, or why they were dropped. Only called while somebody looks. */
import { MAX_TAP_BYTES, type TapDirection, type TapEvent } from '../control/tap.ts';
import type { DropReason } from '../metrics/counters.ts';
import type { InboundPublication, OutboundPublication, UserProperties } from '../mqtt/publication.ts';
import type { PublishOp } from '../nats/operations.ts';
import { headersToProperties } from '../translation/headers-properties.ts';
import type { ByteRange } from '../util/byte-range.ts';
import type { SessionContext } from './context.ts';

/** What a delivery has become in NATS terms. */
export interface Delivered {
  /** Null: the topic has none. */
  readonly subject: Buffer | null;
  readonly reply: Buffer | null;
  /** As they are sent; null: none. */
  readonly headers: Readonly<ByteRange> | null;
}

type Part = Partial<Omit<TapEvent, 'atMs' | 'direction' | 'cid' | 'user' | 'payload'>>;

/** A PUB. @param publication what it has become; null: nothing */
export function tapPublication(
  context: SessionContext,
  op: PublishOp,
  publication: OutboundPublication | null,
  dropped: DropReason | null = null,
): void {
  const subject = op.line.subarray(op.subjectStart, op.subjectEnd);
  const build = (): Part => ({
    subject: subject.toString(),
    topic: publication?.topic.text ?? topicOf(context, subject),
    reply: op.line.toString('utf8', op.replyStart, op.replyEnd),
    responseTopic: publication?.properties?.responseTopic ?? '',
    qos: publication?.qos ?? 0,
    isRetained: publication?.retain ?? false,
    headers: shortText(op.body, op.headerStart, op.payloadStart),
    userProperties: publication === null ? [] : pairs(publishedProperties(context, op, publication)),
    payloadBytes: op.payloadEnd - op.payloadStart,
    dropped,
  });
  const payload = { buffer: op.body, start: op.payloadStart, end: op.payloadEnd };
  report(context, 'to_broker', subject, payload, build);
}

/** A publication that the broker has refused, long after the PUB. @param subject as the client wrote it */
export function tapRejection(context: SessionContext, subject: Buffer): void {
  const build = (): Part => ({
    subject: subject.toString(),
    topic: topicOf(context, subject),
    qos: 1,
    dropped: 'broker_rejected',
  });
  report(context, 'to_broker', subject, null, build);
}

/** A PUBLISH for one subscription of a client, or for none. */
export function tapDelivery(
  context: SessionContext,
  message: InboundPublication,
  { subject, reply, headers }: Delivered,
  dropped: DropReason | null = null,
): void {
  const { topicBuffer, topicStart, topicEnd, body, payloadStart, payloadEnd } = message;
  const build = (): Part => ({
    subject: subject?.toString() ?? '',
    topic: topicBuffer.toString('utf8', topicStart, topicEnd),
    reply: reply?.toString() ?? '',
    responseTopic: message.properties?.responseTopic ?? '',
    qos: message.qos,
    isRetained: message.retain,
    headers: headers === null ? '' : shortText(headers.buffer, headers.start, headers.end),
    userProperties: pairs(message.properties?.userProperties ?? []),
    payloadBytes: payloadEnd - payloadStart,
    dropped,
  });
  report(context, 'to_client', subject, { buffer: body, start: payloadStart, end: payloadEnd }, build);
}

function report(
  context: SessionContext,
  direction: TapDirection,
  subject: Buffer | null,
  payload: ByteRange | null,
  build: () => Part,
): void {
  const { taps, client, identity, connect } = context;
  const { cid } = client.peer;
  const user = identity?.name ?? connect.user;
  for (const tap of taps.active ?? []) {
    if (!tap.wants(direction, cid, user, subject)) continue;
    const shownBytes = Math.min(tap.request.payloadBytes, MAX_TAP_BYTES);
    tap.stream.push(() => {
      const about = { atMs: Date.now(), direction, cid, user };
      return { ...EMPTY, ...about, ...build(), payload: base64(payload, shownBytes) };
    });
  }
}

const EMPTY = {
  subject: '',
  topic: '',
  reply: '',
  responseTopic: '',
  qos: 0,
  isRetained: false,
  headers: '',
  userProperties: [],
  payloadBytes: 0,
  dropped: null,
} as const;

/** Those on the wire have been made of the same headers. */
function publishedProperties(
  { options }: SessionContext,
  { body, headerStart, payloadStart }: PublishOp,
  { properties }: OutboundPublication,
): UserProperties {
  const own = properties?.userProperties ?? [];
  if (properties?.wireUserProperties === undefined) return own;
  const read = headersToProperties(body, headerStart, payloadStart, options.controlHeaders, 'list');
  return [...(read?.userProperties ?? []), ...own];
}

/** Where a PUB to this subject goes, or would go; empty: nowhere. */
function topicOf({ names }: SessionContext, subject: Buffer): string {
  const target = names.publishTarget(subject, 0, subject.length);
  return target.kind === 'topic' ? target.topic.text : '';
}

function pairs(list: UserProperties): (readonly [string, string])[] {
  return Array.from({ length: list.length / 2 }, (_, index) => [
    list[2 * index] ?? '',
    list[2 * index + 1] ?? '',
  ]);
}

function shortText(buffer: Buffer, start: number, end: number): string {
  return buffer.toString('utf8', start, Math.min(end, start + MAX_TAP_BYTES));
}

function base64(range: ByteRange | null, maxBytes: number): string {
  if (range === null) return '';
  return range.buffer.toString('base64', range.start, Math.min(range.end, range.start + maxBytes));
}
