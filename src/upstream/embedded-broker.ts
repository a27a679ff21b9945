/**
 * The broker behind `embedded:`, for trying the gateway out without installing one: aedes in this process.
 * Must not know about NATS, nor about the sessions that use it: they come over TCP like everybody else.
 */
import type { EventEmitter } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import type { Aedes, AedesOptions, AuthorizePublishHandler, AuthorizeSubscribeHandler } from 'aedes';
import { GatewayError } from '../errors.ts';
import { FilterTrie } from '../mqtt/filter-trie.ts';
import { stringFault, topicNameFault } from '../mqtt/topic.ts';
import type { Logger } from '../util/logger.ts';

/** Settings of the embedded broker. */
export interface EmbeddedBrokerOptions {
  readonly host: string;
  /** 0: a free port. */
  readonly port: number;
  readonly logger: Logger;
}

/** A running embedded broker. MQTT 3.1.1 and 5, TCP only, nothing survives a restart. */
export interface EmbeddedBroker {
  /** For MQTT.js on this machine. */
  readonly url: string;
  readonly port: number;
  /** Topic levels it takes. */
  readonly maxLevels: number;
  /**
   * Whether a connected client has a subscription that matches, as of this moment: this broker's PUBACK never says
   * that nobody listens (reason code 0x10). A client's own subscriptions count.
   */
  hasSubscribers(topic: string): boolean;
  /** Ends all connections and frees the port. Idempotent. */
  close(): Promise<void>;
}

/** More levels than this, and the broker closes the connection of the publisher. */
const EMBEDDED_MAX_LEVELS = 100;

/** A subscriber that takes nothing for so long is disconnected; until then it holds up publishers. */
const DRAIN_TIMEOUT_MS = 10_000;

/** Bound for sessions of clients that are away: each keeps its queued messages in memory. */
const MAX_AWAY_SESSIONS = 1000;

/**
 * Starts the broker. The library is loaded here and not before.
 * @throws {GatewayError} `GW_LISTEN` with `key`, `address` and the system's `code` in its context
 */
export async function startEmbeddedBroker(options: EmbeddedBrokerOptions): Promise<EmbeddedBroker> {
  const { host, logger } = options;
  const subscriptions = new FilterTrie<unknown>();
  const broker = await createBroker(subscriptions);
  const sockets = new Set<Socket>();
  // Nagle off: an acknowledgement followed by a delivery would wait for the client's delayed ACK, 44 ms.
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    broker.handle(socket);
  });
  let port: number;
  try {
    port = await listen(server, options);
  } catch (error) {
    await closeBroker(broker);
    throw error;
  }
  watch(broker, server, logger);
  let closing: Promise<void> | null = null;
  const url = `mqtt://${reachableHost(host)}:${port}`;
  logger.warn(
    { event: 'embedded_broker.started', url },
    'EMBEDDED BROKER: for trying things out only; nothing is stored and anyone on this machine may connect',
  );
  return {
    url,
    port,
    maxLevels: EMBEDDED_MAX_LEVELS,
    hasSubscribers(topic) {
      let isFound = false;
      subscriptions.match(topic, () => {
        isFound = true;
      });
      return isFound;
    },
    close() {
      closing ??= closeAll(broker, server, sockets);
      return closing;
    },
  };
}

async function createBroker(subscriptions: FilterTrie<unknown>): Promise<Aedes> {
  const { Aedes: Broker } = await import('aedes');
  /**
   * Keeps the index in step with the broker's own matching table. Its events would be late: they come after the
   * SUBACK, and a message in between would look as if nobody had got it.
   */
  class IndexedBroker extends Broker {
    override subscribe(...args: Parameters<Aedes['subscribe']>): void {
      const [topic, deliver] = args;
      subscriptions.add(topic, deliver);
      super.subscribe(...args);
    }

    override unsubscribe(...args: Parameters<Aedes['unsubscribe']>): void {
      const [topic, deliver, done] = args;
      super.unsubscribe(topic, deliver, () => {
        subscriptions.delete(topic, deliver);
        // Left out by the broker's own calls when a subscription is replaced.
        (done as typeof done | undefined)?.();
      });
    }
  }
  const broker = new IndexedBroker(BROKER_OPTIONS);
  await broker.listen();
  return broker;
}

const authorizePublish: AuthorizePublishHandler = (_client, packet, callback) => {
  const { topic } = packet;
  const responseTopic = 'properties' in packet ? packet.properties?.responseTopic : undefined;
  // The broker itself passes any character on. A line break in a name is what injection attacks are made of.
  if (topicNameFault(topic, EMBEDDED_MAX_LEVELS) !== null) callback(new Error('invalid topic name'));
  else if (responseTopic !== undefined && stringFault(responseTopic) !== null) {
    callback(new Error('invalid response topic'));
  } else if (topic.startsWith('$SYS/')) callback(new Error('$SYS/ belongs to the broker'));
  else callback(null);
};

const authorizeSubscribe: AuthorizeSubscribeHandler = (_client, subscription, callback) => {
  // For 3.1.1 clients the broker would accept it as a plain filter that never matches anything.
  callback(null, subscription.topic.startsWith('$share/') ? null : subscription);
};

const BROKER_OPTIONS: AedesOptions = {
  authorizePublish,
  authorizeSubscribe,
  drainTimeout: DRAIN_TIMEOUT_MS,
  pendingSessionsLimit: MAX_AWAY_SESSIONS,
  maxTopicLevels: EMBEDDED_MAX_LEVELS,
};

function watch(broker: Aedes, server: Server, logger: Logger): void {
  const onClientError = (client: { id?: string | null }, error: Error): void => {
    logger.debug(
      { event: 'embedded_broker.client_error', client_id: client.id ?? undefined, reason: error.message },
      'an MQTT client of the embedded broker did something wrong',
    );
  };
  broker.on('clientError', onClientError);
  broker.on('connectionError', onClientError);
  const onError = (error: Error): void => {
    logger.error({ event: 'embedded_broker.error', err: error }, 'the embedded broker reports an error');
  };
  // Not among the typed events, but emitted; without a listener it would end the process.
  const emitter: EventEmitter = broker;
  emitter.on('error', onError);
  server.on('error', onError);
}

function listen(server: Server, { host, port }: EmbeddedBrokerOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const address = `${host}:${port}`;
      const message = `the embedded broker cannot listen on ${address}: ${error.code ?? error.message}`;
      const context = { key: 'upstream.embedded_bind', address, code: error.code };
      reject(new GatewayError('GW_LISTEN', message, { cause: error, context }));
    });
    server.listen({ port, ...(host !== '' && { host }) }, () => {
      server.removeAllListeners('error');
      const bound = server.address();
      resolve(typeof bound === 'object' && bound !== null ? bound.port : port);
    });
  });
}

/** An address that means "all" is no address to connect to. */
function reachableHost(host: string): string {
  if (host === '' || host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') ? `[${host}]` : host;
}

function closeBroker(broker: Aedes): Promise<void> {
  return new Promise((resolve) => broker.close(() => resolve()));
}

async function closeAll(broker: Aedes, server: Server, sockets: Set<Socket>): Promise<void> {
  const isPortFree = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  await closeBroker(broker);
  // Those that had not sent a CONNECT: the broker does not know them yet.
  for (const socket of sockets) socket.destroy();
  await isPortFree;
}
