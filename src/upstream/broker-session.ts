/**
 * One MQTT session that is kept up: opens a link, and a new one after each loss, with backoff and full jitter.
 * Decides what each end of a link means; what runs over the session is its owner's business.
 */
import { GatewayError } from '../errors.ts';
import { endsSession, isCredentialRefusal } from '../mqtt/reason-codes.ts';
import type { UpstreamIdentity } from '../session/ports.ts';
import { type BackoffOptions, backoffDelay } from '../util/backoff.ts';
import type { BrokerOptions } from './connect-options.ts';
import { type LinkEnd, type LinkEvents, type LinkFeatures, MqttLink } from './mqtt-link.ts';

/** What a session tells its owner. */
export interface BrokerSessionEvents extends Pick<LinkEvents, 'onMessage' | 'onDrain' | 'onAnswer'> {
  /** A link is up. The first call is the first CONNACK. */
  onUp(features: LinkFeatures): void;
  /** The link is gone; another attempt follows by itself. */
  onDown(end: LinkEnd): void;
  /** No further attempt makes sense. */
  onFatal(error: GatewayError): void;
}

const BACKOFF: BackoffOptions = { baseMs: 250, maxMs: 5_000 };
/** Sessions lost this often within {@link FLAP_WINDOW_MS} are given up: somebody else uses the client id. */
const FLAP_LIMIT = 5;
const FLAP_WINDOW_MS = 30_000;

/** A session with the broker, whichever link carries it at the moment. */
export class BrokerSession {
  #identify: () => UpstreamIdentity;
  #clientId = '';
  #broker: BrokerOptions;
  #events: BrokerSessionEvents;
  #link: MqttLink | null = null;
  #retryTimer: NodeJS.Timeout | null = null;
  #retryAt = 0;
  #attempt = 0;
  #hasBeenUp = false;
  #isClosed = false;
  #losses: number[] = [];

  /** @param identify asked for each attempt */
  constructor(broker: BrokerOptions, identify: () => UpstreamIdentity, events: BrokerSessionEvents) {
    this.#identify = identify;
    this.#broker = broker;
    this.#events = events;
    this.#open();
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
    this.#isClosed = true;
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

  /** Cuts a session that is being closed. */
  abort(): void {
    this.#link?.destroy();
  }

  #open(): void {
    this.#retryTimer = null;
    const identity = this.#identify();
    this.#clientId = identity.clientId;
    this.#link = new MqttLink(this.#broker, identity, {
      onConnected: (features) => {
        this.#attempt = 0;
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
    this.#link = null;
    if (this.#isClosed) return;
    const fatal = this.#fatal(end);
    if (fatal !== null) {
      this.#isClosed = true;
      this.#events.onFatal(fatal);
      return;
    }
    this.#events.onDown(end);
    if (this.#isClosed) return;
    const delay = backoffDelay(this.#attempt++, BACKOFF, Math.random());
    this.#retryIn(delay);
  }

  #retryIn(delayMs: number): void {
    if (this.#retryTimer !== null) clearTimeout(this.#retryTimer);
    this.#retryAt = performance.now() + delayMs;
    this.#retryTimer = setTimeout(() => this.#open(), delayMs);
  }

  #fatal(end: LinkEnd): GatewayError | null {
    const context = { end };
    if (end.kind === 'refused') {
      if (isCredentialRefusal(end.code, this.#broker.protocolVersion)) {
        return new GatewayError('GW_AUTHORIZATION', 'the broker refused the credentials', { context });
      }
      if (!this.#hasBeenUp)
        return new GatewayError('GW_BROKER_REFUSED', 'the broker refused the session', { context });
      return null;
    }
    if (end.kind === 'disconnected' && endsSession(end.code)) {
      return new GatewayError('GW_BROKER_CLOSED', 'the broker ended the session', { context });
    }
    return this.#isFlapping()
      ? new GatewayError('GW_BROKER_CLOSED', 'the session was lost too often', { context })
      : null;
  }

  #isFlapping(): boolean {
    if (!this.#hasBeenUp || this.#attempt > 0) return false;
    const now = performance.now();
    this.#losses = this.#losses.filter((at) => now - at < FLAP_WINDOW_MS);
    this.#losses.push(now);
    return this.#losses.length > FLAP_LIMIT;
  }
}
