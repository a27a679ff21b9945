/**
 * One NATS client's protocol state: takes operations from the connection's parser, opens the way to the broker,
 * and answers in order. Names, payloads and headers are handled in `handlers/`.
 */
import type { CloseReason } from '../close-reason.ts';
import { GatewayError } from '../errors.ts';
import type { InboundPublication } from '../mqtt/publication.ts';
import { checkConnect, DEFAULT_CONNECT_OPTIONS, mergeConnect } from '../nats/connect-options.ts';
import { writeInfo, writeOk, writePing, writePong } from '../nats/encoder.ts';
import type { OperationHandler, PublishOp, SubscribeOp, UnsubscribeOp } from '../nats/operations.ts';
import { describeBug } from '../util/bug.ts';
import type { TimerHandle } from '../util/clock.ts';
import { renderIdentity } from './client-info.ts';
import type { SessionContext, SessionServices } from './context.ts';
import { Deliverer } from './handlers/deliver.ts';
import { PublishHandler } from './handlers/publish.ts';
import { SubscribeHandler } from './handlers/subscribe.ts';
import { UnsubscribeHandler } from './handlers/unsubscribe.ts';
import { Keepalive } from './keepalive.ts';
import type { NameSpaces } from './name-spaces.ts';
import { OwnMessages } from './own-messages.ts';
import type { ClientPort, ClientSession, UpstreamListener } from './ports.ts';
import { ReplyQueue } from './reply-queue.ts';
import { serverInfo } from './server-info.ts';
import { type Subscription, SubscriptionList } from './subscriptions.ts';

/**
 * `greeted`: INFO sent, nothing received. `connecting`: the broker is being asked. `ready`: operations are taken.
 * `closed`: nothing is written any more.
 */
type SessionState = 'greeted' | 'connecting' | 'ready' | 'closed';

/** One client. */
export class Session implements ClientSession, UpstreamListener, OperationHandler {
  readonly context: SessionContext;
  #state: SessionState = 'greeted';
  #spaces: NameSpaces;
  #publish: PublishHandler;
  #subscribe: SubscribeHandler;
  #unsubscribe: UnsubscribeHandler;
  #keepalive: Keepalive;
  #startTimer: TimerHandle | undefined;
  /** An operation waits in the parser, and nothing is read. */
  #isHeld = false;
  /** A CONNECT has been taken in but not answered. */
  #isConnectOwed = false;
  #hasSentPong = false;

  constructor(services: SessionServices, client: ClientPort, spaces: NameSpaces) {
    this.#spaces = spaces;
    this.context = {
      ...services,
      client,
      replies: new ReplyQueue(() => this.#wake()),
      subscriptions: new SubscriptionList(),
      stats: { inMessages: 0, outMessages: 0, inBytes: 0, outBytes: 0 },
      connect: DEFAULT_CONNECT_OPTIONS,
      names: spaces.common,
      upstreamPort: null,
      unconfirmedChanges: 0,
      own: new OwnMessages({ port: () => this.context.upstreamPort, wake: () => this.#wake() }),
      wake: () => this.#wake(),
    };
    const deliverer = new Deliverer(this.context);
    this.#publish = new PublishHandler(this.context);
    this.#subscribe = new SubscribeHandler(this.context, (one, message) =>
      this.#deliver(deliverer, one, message),
    );
    this.#unsubscribe = new UnsubscribeHandler(this.context);
    const { options, clock } = services;
    const intervalMs = Math.min(options.pingIntervalMs, options.idleTimeoutMs);
    this.#keepalive = new Keepalive(
      { intervalMs, timeoutMs: options.pingTimeoutMs },
      {
        sendPing: (onWritten) => {
          writePing(client.output);
          client.flushSoon();
          client.onceFlushed(onWritten);
        },
        onStale: () => client.fail(new GatewayError('GW_STALE', 'no answer to PING')),
        isReadingPaused: () => this.#isHeld,
      },
      clock,
    );
  }

  get maxPayloadBytes(): number {
    return Math.min(this.context.options.maxPayloadBytes, this.context.upstream.maxPayloadBytes);
  }

  get hasHeaders(): boolean {
    return this.context.connect.headers;
  }

  start(): void {
    const { client, clock, options, upstream } = this.context;
    writeInfo(client.output, serverInfo(this.context, this.maxPayloadBytes, false));
    client.flushSoon();
    const isAuthOwed = upstream.requiresCredentials;
    const { tls } = client.peer;
    // The handshake is still to come, and has a limit of its own.
    const handshakeMs = tls !== null && tls.session === null ? tls.timeoutMs : 0;
    const limitMs = handshakeMs + (isAuthOwed ? options.authTimeoutMs : options.idleTimeoutMs);
    const error = isAuthOwed
      ? new GatewayError('GW_AUTH_TIMEOUT', 'no CONNECT in time')
      : new GatewayError('GW_IDLE', 'no first operation in time');
    this.#startTimer = clock.setTimeout(() => client.fail(error), limitMs);
  }

  onActivity(): void {
    this.#keepalive.onActivity();
  }

  onConnect(line: Buffer, start: number, end: number): boolean {
    if (this.#state === 'connecting' || this.context.replies.isFull) return this.#hold();
    if (this.#isConnectOwed) {
      this.#isConnectOwed = false;
      this.#answerConnect();
      return true;
    }
    const merged = mergeConnect(this.context.connect, line, start, end);
    checkConnect(merged);
    this.context.connect = merged;
    if (this.#state === 'ready') {
      this.#answerConnect();
      return true;
    }
    this.#isConnectOwed = true;
    this.#open();
    return this.#hold();
  }

  onPublishIncomplete(): boolean {
    return this.#isReady() || this.#hold();
  }

  onPublish(op: PublishOp): boolean {
    return (this.#isReady() && this.#publish.handle(op)) || this.#hold();
  }

  onSubscribe(op: SubscribeOp): boolean {
    return (this.#isReady() && this.#subscribe.handle(op)) || this.#hold();
  }

  onUnsubscribe(op: UnsubscribeOp): boolean {
    return (this.#isReady() && this.#unsubscribe.handle(op)) || this.#hold();
  }

  onPing(): boolean {
    if (!this.#isReady() || !this.context.upstreamPort?.isUp) return this.#hold();
    const slot = this.context.replies.reserve();
    const { published } = this.context.own;
    this.context.upstreamPort.barrier(() => {
      this.context.own.onBarrier(published);
      slot.complete(() => this.#writePong());
    });
    return true;
  }

  onPong(): boolean {
    return true;
  }

  /** The answers to everything the client has sent are still written; a barrier brings its own messages back. */
  onEnd(): void {
    const { upstreamPort: port, replies, client } = this.context;
    if (this.#state !== 'ready' || port === null) {
      client.close('Client Closed');
      return;
    }
    const slot = replies.reserve();
    port.barrier(() => slot.complete(null));
    replies.onceEmpty(() => client.close('Client Closed'));
  }

  onClosed(reason: CloseReason): void {
    if (this.#state === 'closed') return;
    const { clock, logger, counters, replies, subscriptions, upstreamPort, client, stats } = this.context;
    this.#state = 'closed';
    replies.close();
    clock.clearTimeout(this.#startTimer);
    this.#keepalive.stop();
    subscriptions.closeAll();
    upstreamPort?.end();
    counters.countClosed(reason);
    if (reason === 'Slow Consumer (Pending Bytes)') counters.slowConsumersPending++;
    if (reason === 'Slow Consumer (Write Deadline)') counters.slowConsumersDeadline++;
    const level = reason.startsWith('Slow Consumer') ? 'warn' : 'info';
    logger[level](
      {
        event: 'client.disconnected',
        ...describePeer(client),
        reason,
        pending_bytes: client.pendingBytes,
        ...stats,
      },
      'client gone',
    );
  }

  onReady(): void {
    const { logger, client, connect } = this.context;
    this.#state = 'ready';
    this.#keepalive.start();
    logger.info(
      {
        event: 'client.connected',
        ...describePeer(client),
        name: connect.name,
        lang: connect.lang,
        version: connect.version,
        ...(client.peer.tls?.session && { tls: client.peer.tls.session.version }),
      },
      'client connected',
    );
    this.#wake();
  }

  onWritable(): void {
    this.#wake();
  }

  onEnded(error: GatewayError): void {
    const { logger, client } = this.context;
    logger.warn(
      { event: 'client.upstream_ended', ...describePeer(client), code: error.code, ...error.context },
      error.message,
    );
    client.fail(error);
  }

  /** True while operations are taken; the first one of a client without CONNECT opens its session. */
  #isReady(): boolean {
    if (this.#state === 'ready') return !this.context.replies.isFull;
    if (this.#state !== 'greeted') return false;
    if (this.context.upstream.requiresCredentials) {
      throw new GatewayError('GW_AUTHORIZATION', 'an operation before CONNECT');
    }
    this.#open();
    return false;
  }

  #open(): void {
    const { clock, connect, client, options, upstream, counters } = this.context;
    clock.clearTimeout(this.#startTimer);
    this.#startTimer = undefined;
    counters.clientConnections++;
    this.#state = 'connecting';
    this.context.names = this.#spaces.of(connect, client.peer);
    const identify = () => renderIdentity(options.clientInfo, connect, client.peer);
    this.context.upstreamPort = upstream.open(identify, this);
  }

  /** Others may share the session with the broker: what goes wrong here must end nobody but this client. */
  #deliver(deliverer: Deliverer, one: Subscription, message: InboundPublication): boolean {
    try {
      return deliverer.deliver(one, message);
    } catch (error) {
      const { logger, client } = this.context;
      logger.error(
        { event: 'client.internal_error', cid: client.peer.cid, ...describeBug(error) },
        'a client connection is closed because of a bug in the gateway',
      );
      client.close('Internal Error');
      return true;
    }
  }

  #answerConnect(): void {
    if (!this.context.connect.verbose) return;
    this.context.replies.now(() => {
      writeOk(this.context.client.output);
      this.context.client.flushSoon();
    });
  }

  #writePong(): void {
    const { client, connect } = this.context;
    writePong(client.output);
    client.flushSoon();
    if (this.#hasSentPong) return;
    this.#hasSentPong = true;
    // Libraries read exactly one line after their first PING; only then may anything else follow.
    if (connect.protocol >= 1) writeInfo(client.output, serverInfo(this.context, this.maxPayloadBytes, true));
    this.#keepalive.onFirstPong();
  }

  #hold(): boolean {
    this.#isHeld = true;
    return false;
  }

  #wake(): void {
    if (!this.#isHeld || this.#state === 'closed') return;
    this.#isHeld = false;
    this.context.client.resume();
  }
}

/** Who it is, for every log line: a client that was refused has no other. */
function describePeer({ peer }: ClientPort): { cid: number; listener: string; remote: string } {
  const { cid, listener, remoteAddress, remotePort } = peer;
  return { cid, listener, remote: `${remoteAddress}:${remotePort}` };
}
