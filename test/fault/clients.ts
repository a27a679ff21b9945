/**
 * Small parts that the fault tests share: raw clients that are already connected, and how they are counted.
 */
import type { RunningGateway } from '../support/gateway.ts';
import { connectRaw, type RawClient } from '../support/raw-client.ts';

/** Where a client connects: a gateway in this process, one in a process of its own, or nats-server. */
export interface NatsEndpoint {
  readonly host: string;
  readonly port: number;
}

/** Connects without waiting for the broker: CONNECT is sent, nothing but INFO is read. */
export async function startClient(endpoint: NatsEndpoint, options: object = {}): Promise<RawClient> {
  const client = await connectRaw(endpoint.host, endpoint.port);
  client.send(`CONNECT ${JSON.stringify({ verbose: false, pedantic: false, ...options })}\r\n`);
  return client;
}

/** Connects up to the first PONG. Not verbose unless told; what was read is gone. */
export async function connectClient(endpoint: NatsEndpoint, options: object = {}): Promise<RawClient> {
  const client = await startClient(endpoint, options);
  await client.pingPong();
  return client;
}

/** How many connections of this gateway have ended for a reason. */
export function closedFor(gateway: RunningGateway, reason: string): number {
  return gateway.gateway.status().counters.closed.get(reason) ?? 0;
}

/** How many messages this gateway has dropped for a reason. */
export function droppedFor(
  gateway: RunningGateway,
  reason: 'untranslatable' | 'invalid_property' | 'reply_untranslatable',
): number {
  return gateway.gateway.status().counters.dropped.get(reason) ?? 0;
}
