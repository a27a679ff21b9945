/**
 * One NATS client's protocol state: takes operations from the connection's parser, opens the way to the broker,
 * and answers in order. Names, payloads and headers are handled in `handlers/`.
 */
import type { AccessPoint } from '../auth/access-point.ts';
import type { Identity } from '../auth/authenticator.ts';
import type { Decision } from '../auth/chain.ts';
import type { CloseReason } from '../close-reason.ts';
import type { ClientState } from '../control/client-view.ts';
import { GatewayError } from '../errors.ts';
import type { InboundPublication } from '../mqtt/publication.ts';
import { checkConnect, keepCredentials, mergeConnect } from '../nats/connect-options.ts';
import { writeInfo, writeOk, writePing, writePong } from '../nats/encoder.ts';
import type { OperationHandler, PublishOp, SubscribeOp, UnsubscribeOp } from '../nats/operations.ts';
import { describeBug } from '../util/bug.ts';
import type { TimerHandle } from '../util/clock.ts';
import { Activity } from './activity.ts';
import { Admission } from './admission.ts';
import { Authorization } from './authorization.ts';
import { renderIdentity } from './client-info.ts';
import { SessionContext, type SessionServices } from './context.ts';
import { Deliverer } from './handlers/deliver.ts';
import { PublishHandler } from './handlers/publish.ts';
import { SubscribeHandler } from './handlers/subscribe.ts';
import { UnsubscribeHandler } from './handlers/unsubscribe.ts';
import { Keepalive, type KeepaliveActions } from './keepalive.ts';
import type { NameSpaces } from './name-spaces.ts';
import type { ClientPort, ClientSession, SessionView, UpstreamIdentity, UpstreamListener } from './ports.ts';
import { serverInfo } from './server-info.ts';
import { SessionFacts, sentBy } from './session-facts.ts';
import type { Subscription } from './subscriptions.ts';

/**
 * `greeted`: INFO sent, nothing received. `authenticating`: it is being found out who the client is. `connecting`: the broker
 * is being asked. `ready`: operations are taken. `closed`: nothing is written any more.
 */
type SessionState = ClientState;

/** What depends on the listener. */
export interface SessionPlace {
  readonly spaces: NameSpaces;
  readonly access: AccessPoint;
}

/** One client. */
export class Session implements ClientSession, UpstreamListener, OperationHandler, KeepaliveActions {
  readonly context: SessionContext;
  readonly view: SessionView;
  #state: SessionState = 'greeted';
  #spaces: NameSpaces;
  #admission: Admission;
  #authorization: Authorization;
  #publish: PublishHandler;
  #subscribe: SubscribeHandler;
  #unsubscribe: UnsubscribeHandler;
  #keepalive: Keepalive;
  #activity: Activity;
  #startTimer: TimerHandle | undefined;
  /** An operation waits in the parser, and nothing is read. */
  #isHeld = false;
  /** A CONNECT has been taken in but not answered. */
  #isConnectOwed = false;
  #hasSentPong = false;

  constructor(services: SessionServices, client: ClientPort, { spaces, access }: SessionPlace) {
    const { clock: sharedClock, failureDelay } = services;
    this.#spaces = spaces;
    this.#admission = new Admission({ peer: client.peer, access, failureDelay, clock: sharedClock });
    this.context = new SessionContext(services, client, spaces.common, () => this.#wake());
    this.#authorization = new Authorization(this.context, this.#admission, access);
    const deliverer = new Deliverer(this.context);
    this.#publish = new PublishHandler(this.context);
    this.#subscribe = new SubscribeHandler(this.context, (one, message) =>
      this.#deliver(deliverer, one, message),
    );
    this.#unsubscribe = new UnsubscribeHandler(this.context);
    this.#keepalive = new Keepalive(services.options.keepalive, this, services.clock);
    this.#activity = new Activity();
    const parts = { keepalive: this.#keepalive, activity: this.#activity, state: () => this.#state };
    this.view = new SessionFacts(this.context, parts);
  }

  get maxPayloadBytes(): number {
    const { options, upstream, identity } = this.context;
    const limit = Math.min(options.maxPayloadBytes, upstream.maxPayloadBytes);
    return identity === null ? limit : Math.min(limit, identity.maxPayloadBytes ?? limit);
  }

  get hasHeaders(): boolean {
    return this.context.connect.headers;
  }

  start(): void {
    this.context.live.add(this);
    const { client, clock, options, upstream, counters } = this.context;
    counters.operations.infoOut++;
    writeInfo(client.output, serverInfo(this.context, this.#admission, this.maxPayloadBytes, false));
    client.flushSoon();
    const isAuthOwed = this.#admission.isRequired || upstream.requiresCredentials;
    const { tls } = client.peer;
    // The handshake is still to come, and has a limit of its own.
    const handshakeMs = tls !== null && tls.session === null ? tls.timeoutMs : 0;
    const limitMs = handshakeMs + (isAuthOwed ? options.authTimeoutMs : options.idleTimeoutMs);
    this.#startTimer = clock.setTimeout(() => {
      client.fail(
        isAuthOwed
          ? new GatewayError('GW_AUTH_TIMEOUT', 'no CONNECT in time')
          : new GatewayError('GW_IDLE', 'no first operation in time'),
      );
    }, limitMs);
  }

  get listener(): string {
    return this.context.client.peer.listener;
  }

  useSpaces(spaces: NameSpaces): void {
    const former = this.#spaces;
    this.#spaces = spaces;
    const { client, connect, identity } = this.context;
    if (this.#state === 'greeted' || this.#state === 'authenticating') this.context.names = spaces.common;
    else if (!spaces.update(this.context.names, former, { connect, peer: client.peer, identity }))
      // Its subscriptions stand under the old names at the broker, and it would no longer meet the others.
      client.close('Server Shutdown');
  }

  sendInfo(): void {
    if (!this.#hasSentPong || this.context.connect.protocol < 1) return;
    this.#writeInfo();
    this.context.client.flushSoon();
  }

  async reauthorize(): Promise<void> {
    // Who is not in yet meets the new ones anyway.
    if (this.#state === 'ready' || this.#state === 'connecting') await this.#authorization.reauthorize();
  }

  onActivity(): void {
    this.#activity.onInput(sentBy(this.context), Date.now());
    this.#keepalive.onActivity();
  }

  onOutput(): void {
    const { options, stats } = this.context;
    this.#activity.onOutput(options.countsPerClient ? stats.outMessages : Number.NaN);
  }

  onConnect(line: Buffer, start: number, end: number): boolean {
    const isBusy = this.#state === 'authenticating' || this.#state === 'connecting';
    if (isBusy || this.context.replies.isFull) return this.#hold();
    if (this.#isConnectOwed) {
      this.#isConnectOwed = false;
      this.#answerConnect();
      return true;
    }
    this.context.counters.operations.connectIn++;
    const merged = mergeConnect(this.context.connect, line, start, end);
    checkConnect(merged);
    if (this.#state === 'ready') {
      this.context.connect = keepCredentials(this.context.connect, merged);
      this.#answerConnect();
      return true;
    }
    this.context.connect = merged;
    this.#isConnectOwed = true;
    this.#enter();
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
    this.context.counters.operations.pingIn++;
    const slot = this.context.replies.reserve();
    const { published } = this.context.own;
    this.context.upstreamPort.barrier(() => {
      this.context.own.onBarrier(published);
      slot.complete(() => this.#writePong());
    });
    return true;
  }

  onPong(): boolean {
    this.context.counters.operations.pongIn++;
    this.#keepalive.onPong();
    if (this.#state === 'greeted') this.#requireNoCredentials();
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

  /** What was meant for this client in its queue groups goes to others from here on. */
  onClosing(): void {
    this.context.subscriptions.stopDeliveries();
  }

  onClosed(reason: CloseReason): void {
    if (this.#state === 'closed') return;
    const { clock, logger, counters, replies, subscriptions, upstreamPort, client, stats } = this.context;
    this.#state = 'closed';
    this.#admission.close();
    this.#authorization.close();
    this.context.live.delete(this);
    if (reason === 'Authentication Failure') this.context.failureDelay.noteFailure(client.peer.remoteAddress);
    replies.close();
    clock.clearTimeout(this.#startTimer);
    this.#keepalive.stop();
    subscriptions.closeAll();
    upstreamPort?.end();
    counters.countClosed(client.peer.listener, reason);
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
    const { logger, client, connect, identity } = this.context;
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
        ...(identity !== null && { method: identity.method, identity: identity.name }),
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

  sendPing(onWritten: () => void): void {
    const { client, counters } = this.context;
    counters.operations.pingOut++;
    writePing(client.output);
    client.flushSoon();
    client.onceFlushed(onWritten);
  }

  onStale(): void {
    this.context.client.fail(new GatewayError('GW_STALE', 'no answer to PING'));
  }

  isReadingPaused(): boolean {
    return this.#isHeld || !this.context.client.isReading;
  }

  /** True while operations are taken; the first one of a client without CONNECT opens its session. */
  #isReady(): boolean {
    if (this.#state === 'ready') return !this.context.replies.isFull;
    if (this.#state !== 'greeted') return false;
    this.#requireNoCredentials();
    this.#enter();
    return false;
  }

  /** Nothing but CONNECT is taken from a client that has to say who it is. */
  #requireNoCredentials(): void {
    if (this.#admission.isRequired || this.context.upstream.requiresCredentials) {
      throw new GatewayError('GW_AUTHORIZATION', 'an operation before CONNECT');
    }
  }

  /** The first operation: finds out who the client is, then asks the broker for a session. */
  #enter(): void {
    const { clock, client, connect } = this.context;
    clock.clearTimeout(this.#startTimer);
    this.#startTimer = undefined;
    if (!this.#admission.isAsked) {
      this.#open(null);
      return;
    }
    this.#state = 'authenticating';
    // Not in a handler's turn any more: what goes wrong has to end this one connection here.
    this.#admission
      .admit(connect)
      .then((decision) => this.#onDecision(decision))
      .catch((error: unknown) => {
        client.fail(
          error instanceof GatewayError
            ? error
            : new GatewayError('GW_INTERNAL', 'admission', { cause: error }),
        );
      });
  }

  /** @param decision null: nobody had to be asked */
  #onDecision(decision: Decision | null): void {
    if (this.#state !== 'authenticating') return;
    if (decision === null) this.#open(null);
    else if (decision.kind === 'accept') this.#open(decision.identity);
    else this.context.client.fail(new GatewayError('GW_AUTHORIZATION', 'not authenticated'));
  }

  #open(identity: Identity | null): void {
    const { connect, client, options, upstream, counters } = this.context;
    counters.clientConnections++;
    this.#state = 'connecting';
    const source = { connect, peer: client.peer, identity };
    this.context.names = this.#orRejected(identity, () => this.#spaces.of(source));
    this.#authorization.apply(identity);
    const identify = (): UpstreamIdentity => {
      const rendered = this.#orRejected(identity, () => renderIdentity(options.clientInfo, source));
      this.context.mqttClientId = rendered.clientId;
      return rendered;
    };
    this.context.upstreamPort = upstream.open(identify, this);
  }

  /** Who is let in and then cannot be named is told no more than who is refused; the log has to say why. */
  #orRejected<T>(identity: Identity | null, name: () => T): T {
    try {
      return name();
    } catch (error) {
      if (error instanceof GatewayError && error.code === 'GW_AUTHORIZATION') {
        const { logger, client } = this.context;
        const method = identity?.method ?? null;
        logger.info(
          { event: 'auth.rejected', ...describePeer(client), method, detail: error.message },
          'client refused',
        );
      }
      throw error;
    }
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
      this.context.counters.operations.okOut++;
      writeOk(this.context.client.output);
      this.context.client.flushSoon();
    });
  }

  #writePong(): void {
    const { client, connect, counters } = this.context;
    counters.operations.pongOut++;
    writePong(client.output);
    client.flushSoon();
    if (this.#hasSentPong) return;
    this.#hasSentPong = true;
    // Libraries read exactly one line after their first PING; only then may anything else follow.
    if (connect.protocol >= 1) this.#writeInfo();
    this.#keepalive.onFirstPong();
  }

  #writeInfo(): void {
    this.context.counters.operations.infoOut++;
    writeInfo(
      this.context.client.output,
      serverInfo(this.context, this.#admission, this.maxPayloadBytes, true),
    );
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
