/** SUB to an MQTT SUBSCRIBE, and its SUBACK to `+OK` or an error. */
import { countIn, PERMISSIONS_CODE } from '../../metrics/counters.ts';
import { FIRST_FAILURE } from '../../mqtt/reason-codes.ts';
import { permissionsSubscription, writeErr, writeOk } from '../../nats/encoder.ts';
import type { ConnectOptions, SubscribeOp } from '../../nats/operations.ts';
import { isValidSubscription } from '../../nats/subject.ts';
import type { Mapped, Refusal } from '../../translation/mapped.ts';
import type { SubscriptionNames } from '../../translation/subject-topic.ts';
import { decodeUtf8Strict } from '../../translation/utf8.ts';
import type { SessionContext } from '../context.ts';
import type { ReplySlot } from '../reply-queue.ts';
import { type Deliver, Subscription } from '../subscriptions.ts';

/** Queue group that nats-server keeps for itself. */
const RESERVED_QUEUE = '_sys_';
/** SUBs and UNSUBs of one client that the broker has not confirmed: others come in between. */
export const MAX_UNCONFIRMED = 256;
const INVALID_UTF8 = { ok: false, reason: 'invalid_utf8', explanation: 'not valid UTF-8' } as const;

/** Subscribes for one client. */
export class SubscribeHandler {
  #context: SessionContext;
  #deliver: Deliver;

  constructor(context: SessionContext, deliver: Deliver) {
    this.#context = context;
    this.#deliver = deliver;
  }

  /**
   * @returns false while there is no session with the broker, or it is not known how that one serves subscriptions, or
   *   own messages may still be on their way
   */
  handle(op: SubscribeOp): boolean {
    const { upstreamPort: port, subscriptions, replies, connect, own, permissions, counters } = this.#context;
    if (port === null || !port.isUp || !port.features.isSettled) return false;
    if (this.#context.unconfirmedChanges >= MAX_UNCONFIRMED) return false;
    const { line } = op;
    const subject = Buffer.from(line.subarray(op.subjectStart, op.subjectEnd));
    const queue = Buffer.from(line.subarray(op.queueStart, op.queueEnd));
    const sid = Buffer.from(line.subarray(op.sidStart, op.sidEnd));
    const former = subscriptions.get(sid);
    // Own messages may be about to use up its limit, which frees the sid.
    const mayEnd = former !== undefined && former.max > 0 && connect.echo;
    if (mayEnd && !own.haveArrivedSince(former.publishedBefore)) return false;
    counters.operations.subIn++;
    // The order of these checks is nats-server's.
    if (queue.toString('latin1') === RESERVED_QUEUE || permissions?.maySubscribe(subject, queue) === false)
      this.#deny(subject, queue);
    else if (subscriptions.size >= this.#maxSubscriptions) {
      replies.now(() => this.#err('maximum subscriptions exceeded', 'GW_MAX_SUBSCRIPTIONS'));
    } else if (former !== undefined) replies.now(() => this.#ok(connect));
    else if (!isValidSubscription(subject, 0, subject.length))
      replies.now(() => this.#err('Invalid Subject', 'GW_INVALID_SUBJECT'));
    else return this.#subscribe(subject, queue, sid);
    return true;
  }

  get #maxSubscriptions(): number {
    const { options, identity } = this.#context;
    const limit = options.maxSubscriptions > 0 ? options.maxSubscriptions : Number.POSITIVE_INFINITY;
    return Math.min(limit, identity?.maxSubscriptions ?? limit);
  }

  #subscribe(subject: Buffer, queue: Buffer, sid: Buffer): boolean {
    const wanted = this.#names(subject, queue);
    if (!wanted.ok || !this.#canBeServed(wanted.filter)) {
      this.#deny(subject, queue);
      return true;
    }
    const { upstreamPort: port, subscriptions, connect, replies, own } = this.#context;
    if (connect.echo && !own.areClearOf(wanted.filter)) return false;
    const slot = replies.reserve();
    const names = { sid, subject, queue, filter: wanted.filter };
    const subscription: Subscription = new Subscription(names, this.#deliver, (code) =>
      this.#onSuback(subscription, code, slot, connect),
    );
    subscription.publishedBefore = own.published;
    subscription.isFiltered = this.#context.permissions?.hasDenialsWithin(subject) ?? false;
    subscriptions.add(subscription);
    this.#context.unconfirmedChanges++;
    const request = {
      filter: wanted.filter,
      shareName: wanted.shareName,
      scope: this.#context.names.mapper.mountpoint,
      subscriber: subscription,
    } as const;
    const handle = port?.subscribe({ ...request, qos: connect.verbose ? 1 : 0 });
    subscription.handle = handle ?? null;
    if (!subscription.isOpen) handle?.drop();
    return true;
  }

  /** Some brokers have no wildcards and end the session over one. */
  #canBeServed(filter: string): boolean {
    return this.#context.upstreamPort?.features.wildcardSubscriptions !== false || !/[+#]/.test(filter);
  }

  #names(subject: Buffer, queue: Buffer): SubscriptionNames | Refusal {
    const { mapper } = this.#context.names;
    const filter = this.#map(subject, (text) => mapper.subscribeFilter(text));
    if (!filter.ok) return filter;
    if (queue.length === 0) return mapper.subscription(null, filter.name);
    const share = this.#map(queue, (text) => mapper.shareName(text));
    return share.ok ? mapper.subscription(share.name, filter.name) : share;
  }

  #map(bytes: Buffer, map: (text: string) => Mapped): Mapped {
    const text = decodeUtf8Strict(bytes, 0, bytes.length);
    return text === null ? INVALID_UTF8 : map(text);
  }

  /** @param connect as it was at the SUB; a second CONNECT changes only what comes after it */
  #onSuback(subscription: Subscription, code: number, slot: ReplySlot, connect: ConnectOptions): void {
    const context = this.#context;
    if (code >= FIRST_FAILURE) {
      countIn(context.counters.upstream.subscribeFailures, String(code));
      subscription.isOpen = false;
      context.subscriptions.remove(subscription);
      const text = permissionsSubscription(subscription.subject, subscription.queue);
      // Refused on first asking, or on coming back after an outage: then nobody waits for the slot any more.
      if (slot.isDone) this.#err(text);
      else slot.complete(() => this.#err(text));
    } else slot.complete(() => this.#ok(connect));
    if (!subscription.isConfirmed) {
      subscription.isConfirmed = true;
      context.unconfirmedChanges--;
    }
    context.wake();
  }

  #deny(subject: Buffer, queue: Buffer): void {
    const text = permissionsSubscription(subject, queue);
    this.#context.replies.now(() => this.#err(text));
  }

  #ok({ verbose }: ConnectOptions): void {
    if (!verbose) return;
    this.#context.counters.operations.okOut++;
    writeOk(this.#context.client.output);
    this.#context.client.flushSoon();
  }

  #err(text: string, code = PERMISSIONS_CODE): void {
    this.#context.counters.countError(code);
    writeErr(this.#context.client.output, text);
    this.#context.client.flushSoon();
  }
}
