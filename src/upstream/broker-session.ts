/**
 * One MQTT session that is kept up: opens a link, and a new one after each loss, with backoff and full jitter.
 * Decides what each end of a link means; what runs over the session is its owner's business.
 */
import { GatewayError } from '../errors.ts';
import { endsSession, isCredentialRefusal, isVersionRefusal } from '../mqtt/reason-codes.ts';
import type { UpstreamIdentity } from '../session/ports.ts';
import { type BackoffOptions, backoffDelay } from '../util/backoff.ts';
import type { BrokerWatch } from './broker-watch.ts';
import type { ConnectGate } from './connect-gate.ts';
import type { BrokerOptions } from './connect-options.ts';
import { type LinkEnd, type LinkEvents, type LinkFeatures, MqttLink } from './mqtt-link.ts';

/** How a session is opened. */
export interface BrokerSessionOptions {
  readonly broker: BrokerOptions;
  readonly gate: ConnectGate;
  readonly watch: BrokerWatch;
  /** Asked for each attempt. */
  readonly identify: () => UpstreamIdentity;
  /** The session is never given up, whatever the broker says: many clients depend on it. */
  readonly isPermanent: boolean;
}

/** What a session tells its owner. */
export interface BrokerSessionEvents extends Pick<LinkEvents, 'onMessage' | 'onDrain' | 'onAnswer'> {
  /** A link is up. The first call is the first CONNACK. */
  onUp(features: LinkFeatures): void;
  /** The link is gone, or, if none was up, an attempt has failed; another one follows by itself. */
  onDown(end: LinkEnd, wasUp: boolean): void;
  /** No further attempt makes sense. */
  onFatal(error: GatewayError, end: LinkEnd, wasUp: boolean): void;
}

const BACKOFF: BackoffOptions = { baseMs: 250, maxMs: 5_000 };
/** Sessions lost this often within {@link FLAP_WINDOW_MS} are given up: somebody else uses the client id. */
const FLAP_LIMIT = 5;
const FLAP_WINDOW_MS = 30_000;
/** A link that has lived this long was fine: the next attempts start over with short delays. */
const STABLE_MS = 10_000;

/** A session with the broker, whichever link carries it at the moment. */
export class BrokerSession {
  #options: BrokerSessionOptions;
  #events: BrokerSessionEvents;
  #clientId = '';
  #link: MqttLink | null = null;
  #retryTimer: NodeJS.Timeout | null = null;
  #retryAt = 0;
  /** Attempts since the last link that was fine. */
  #attempt = 0;
  /** When the link came up; -1 while there is none. */
  #upAt = -1;
  #hasBeenUp = false;
  #isClosed = false;
  #losses: number[] = [];
  #connect = () => this.#open();

  constructor(options: BrokerSessionOptions, events: BrokerSessionEvents) {
    this.#options = options;
    this.#events = events;
    options.gate.enter(this.#connect);
  }

  /** MQTT client id of the newest attempt. */
  get clientId(): string {
    return this.#clientId;
  }

  /** The link that is up, or null. */
  get link(): MqttLink | null {
    return this.#link?.isConnected ? this.#link : null;
  }

  /** Ends the session in order; no event follows but `onClosed`. */
  close(onClosed: () => void): void {
    if (this.#upAt !== -1) this.#options.watch.reach.onDisconnected();
    this.#upAt = -1;
    this.#isClosed = true;
    this.#options.gate.leave(this.#connect);
    if (this.#retryTimer !== null) clearTimeout(this.#retryTimer);
    if (this.#link === null) onClosed();
    else this.#link.close(onClosed);
  }

  /**
   * The broker is known to answer again: the next attempt comes soon.
   * @param spreadMs over which all who hurry are spread
   */
  hurry(spreadMs: number): void {
    if (this.#retryTimer === null || this.#isClosed) return;
    // Only ever earlier: being told again must not put an attempt off.
    if (this.#retryAt - performance.now() > spreadMs) this.#retryIn(Math.random() * spreadMs);
  }

  /** Cuts the link: the session begins anew, or, if it is being closed, ends at once. */
  cut(): void {
    this.#link?.destroy();
  }

  #open(): void {
    const { broker, gate, identify } = this.#options;
    const identity = identify();
    this.#clientId = identity.clientId;
    this.#link = new MqttLink(broker, identity, {
      onConnected: (features) => {
        gate.leave(this.#connect);
        // A permanent session that is lost at once, again and again, must not come back faster for it.
        if (!this.#options.isPermanent) this.#attempt = 0;
        this.#upAt = performance.now();
        this.#options.watch.reach.onConnected();
        this.#hasBeenUp = true;
        this.#events.onUp(features);
      },
      onMessage: this.#events.onMessage,
      onDrain: this.#events.onDrain,
      onAnswer: this.#events.onAnswer,
      onEnd: (end) => this.#onEnd(end),
    });
  }

  #onEnd(end: LinkEnd): void {
    this.#options.gate.leave(this.#connect);
    this.#link = null;
    if (this.#isClosed) return;
    const { watch } = this.#options;
    const wasUp = this.#upAt !== -1;
    if (wasUp) watch.reach.onDisconnected();
    else watch.judge(end);
    const fatal = this.#options.isPermanent ? null : this.#fatal(end);
    if (fatal !== null) {
      this.#isClosed = true;
      this.#upAt = -1;
      this.#events.onFatal(fatal, end, wasUp);
      return;
    }
    if (wasUp && performance.now() - this.#upAt > STABLE_MS) this.#attempt = 0;
    this.#upAt = -1;
    this.#events.onDown(end, wasUp);
    if (this.#isClosed) return;
    this.#retryIn(backoffDelay(this.#attempt++, BACKOFF, Math.random()));
  }

  #retryIn(delayMs: number): void {
    if (this.#retryTimer !== null) clearTimeout(this.#retryTimer);
    this.#retryAt = performance.now() + delayMs;
    this.#retryTimer = setTimeout(() => {
      this.#retryTimer = null;
      this.#options.gate.enter(this.#connect);
    }, delayMs);
  }

  #fatal(end: LinkEnd): GatewayError | null {
    const context = { end };
    if (end.kind === 'refused') {
      if (isCredentialRefusal(end.code, this.#options.broker.protocolVersion)) {
        return new GatewayError('GW_AUTHORIZATION', 'the broker refused the credentials', { context });
      }
      if (!this.#hasBeenUp)
        return new GatewayError('GW_BROKER_REFUSED', this.#refusal(end.code), { context });
      return null;
    }
    if (end.kind === 'disconnected' && endsSession(end.code)) {
      return new GatewayError('GW_BROKER_CLOSED', 'the broker ended the session', { context });
    }
    return this.#isFlapping()
      ? new GatewayError('GW_BROKER_CLOSED', 'the session was lost too often', { context })
      : null;
  }

  #refusal(code: number): string {
    const isTooNew = this.#options.broker.protocolVersion === 5 && isVersionRefusal(code);
    return isTooNew
      ? 'the broker speaks only MQTT 3.1.1: set upstream.protocol_version to 4'
      : 'the broker refused the session';
  }

  #isFlapping(): boolean {
    if (!this.#hasBeenUp || this.#attempt > 0) return false;
    const now = performance.now();
    this.#losses = this.#losses.filter((at) => now - at < FLAP_WINDOW_MS);
    this.#losses.push(now);
    return this.#losses.length > FLAP_LIMIT;
  }
}
