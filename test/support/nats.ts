/**
 * The official NATS client library for tests: connected to the gateway or to nats-server alike.
 */
import {
  type ConnectionOptions,
  connect,
  type Msg,
  type NatsConnection,
  type Subscription,
} from '@nats-io/transport-node';
import { waitFor } from './wait-for.ts';

const LIMIT_MS = 5_000;

/**
 * Connects quickly and does not hide failures: no reconnecting unless asked for.
 * @param target an object with a `url` (gateway, nats-server), or the URL
 */
export async function connectNats(
  target: { readonly url: string } | string,
  options: ConnectionOptions = {},
): Promise<NatsConnection> {
  const servers = typeof target === 'string' ? target : target.url;
  return await connect({ servers, timeout: LIMIT_MS, reconnect: false, ...options });
}

/** Messages of a subscription, collected as they come. */
export class Collected {
  readonly subscription: Subscription;
  readonly messages: Msg[] = [];
  #taken = 0;

  constructor(connection: NatsConnection, subject: string, options: { queue?: string; max?: number } = {}) {
    this.subscription = connection.subscribe(subject, {
      ...options,
      callback: (error, message) => {
        if (error === null) this.messages.push(message);
      },
    });
  }

  /** Payloads so far as text. */
  get texts(): string[] {
    return this.messages.map((message) => message.string());
  }

  /** The oldest message not yet taken, waiting for it. */
  async next(limitMs = LIMIT_MS): Promise<Msg> {
    await waitFor(
      () => this.messages.length > this.#taken,
      limitMs,
      `a message on ${this.subscription.getSubject()}`,
    );
    return this.messages[this.#taken++] as Msg;
  }

  /** Waits until this many messages have come in all. */
  async count(count: number, limitMs = LIMIT_MS): Promise<void> {
    await waitFor(
      () => this.messages.length >= count,
      limitMs,
      `${count} messages on ${this.subscription.getSubject()}`,
    );
  }
}

/** Subscribes and waits until the subscription is in force everywhere. */
export async function collect(
  connection: NatsConnection,
  subject: string,
  options: { queue?: string; max?: number } = {},
): Promise<Collected> {
  const collected = new Collected(connection, subject, options);
  await connection.flush();
  return collected;
}
