/**
 * Real listeners on loopback with a small session behind them, so that transport is tested without the rest.
 */
import net from 'node:net';
import type { CloseReason } from '../../../src/close-reason.ts';
import { Counters } from '../../../src/metrics/counters.ts';
import type { PublishOp } from '../../../src/nats/operations.ts';
import type { ClientPort, ClientSession, SessionView } from '../../../src/session/ports.ts';
import { Acceptor } from '../../../src/transport/acceptor.ts';
import type { Admission } from '../../../src/transport/admission.ts';
import type { Connection } from '../../../src/transport/connection.ts';
import type { ConnectionLimits } from '../../../src/transport/connection-context.ts';
import { ConnectionRegistry } from '../../../src/transport/connection-registry.ts';
import { FlushScheduler } from '../../../src/transport/flush-scheduler.ts';
import { InputAccount } from '../../../src/transport/input-account.ts';
import type { Listener } from '../../../src/transport/listener.ts';
import { PendingAccount } from '../../../src/transport/pending-account.ts';
import { TcpListener } from '../../../src/transport/tcp-listener.ts';
import { type ListenerTls, TlsHandshakes } from '../../../src/transport/tls-handshakes.ts';
import {
  WebSocketListener,
  type WebSocketListenerOptions,
} from '../../../src/transport/websocket-listener.ts';
import { systemClock } from '../../../src/util/clock.ts';
import { type LogFields, type Logger, RepeatLimiter, silentLogger } from '../../../src/util/logger.ts';
import { connectRaw, type RawClient } from '../../support/raw-client.ts';
import { within } from '../../support/wait-for.ts';

/** What the session sends first. */
export const INFO = 'INFO {"test":true} \r\n';

/** Of a session that is about nothing but bytes. */
const PLAIN_VIEW: SessionView = {
  state: 'ready',
  inMessages: 0,
  outMessages: 0,
  inBytes: 0,
  outBytes: 0,
  subscriptions: 0,
  rttMs: null,
  lastActivityMs: 0,
  name: '',
  lang: '',
  version: '',
  user: '',
  method: '',
  account: '',
  mqttClientId: '',
  mountpoint: '',
  expiresMs: null,
  permissions: null,
  subscriptionList: () => [],
  isSubscribedTo: () => false,
};

/** Answers PING, sends every publication back as MSG, and can be told to refuse publications. */
export class EchoSession implements ClientSession {
  readonly maxPayloadBytes: number = 1024 * 1024;
  readonly hasHeaders = false;
  readonly view = PLAIN_VIEW;
  readonly port: ClientPort;
  /** Publications are refused (held) while set. */
  isHolding = false;
  /** Called in place of the echo. */
  onPublication: ((session: EchoSession) => boolean) | null = null;
  readonly bodies: string[] = [];
  readonly closeReasons: CloseReason[] = [];
  refusals = 0;
  activity = 0;
  flushes = 0;
  ends = 0;

  constructor(port: ClientPort) {
    this.port = port;
  }

  say(text: string): void {
    this.port.output.appendText(text);
    this.port.flushSoon();
  }

  start(): void {
    this.say(INFO);
  }
  onActivity(): void {
    this.activity += 1;
  }
  onOutput(): void {
    this.flushes += 1;
  }
  onEnd(): void {
    this.ends += 1;
    this.port.close('Client Closed');
  }
  onClosing(): void {}

  onClosed(reason: CloseReason): void {
    this.closeReasons.push(reason);
  }
  onConnect(): boolean {
    return true;
  }
  onPublishIncomplete(): boolean {
    return true;
  }
  onPublish(op: PublishOp): boolean {
    if (this.isHolding) {
      this.refusals += 1;
      return false;
    }
    if (this.onPublication !== null) return this.onPublication(this);
    const { output } = this.port;
    this.bodies.push(op.body.toString('latin1', op.payloadStart, op.payloadEnd));
    output.appendText(`MSG x 1 ${op.payloadEnd - op.payloadStart}\r\n`);
    output.appendBytes(op.body, op.payloadStart, op.payloadEnd);
    this.say('\r\n');
    return true;
  }
  onSubscribe(): boolean {
    return true;
  }
  onUnsubscribe(): boolean {
    return true;
  }
  onPing(): boolean {
    this.say('PONG\r\n');
    return true;
  }
  onPong(): boolean {
    return true;
  }
}

/** Settings of {@link startTransport}. */
export interface TransportSettings extends Partial<ConnectionLimits> {
  readonly maxConnections?: number;
  readonly maxPerListener?: number;
  readonly maxTotalPendingBytes?: number;
  readonly maxTotalInputBytes?: number;
  readonly admission?: Admission;
  /** Present: a WebSocket listener. */
  readonly webSocket?: Partial<WebSocketListenerOptions>;
  readonly tls?: ListenerTls;
}

/** A running listener and everything behind it. */
export interface TestTransport {
  readonly listener: Listener;
  readonly port: number;
  readonly acceptor: Acceptor;
  readonly registry: ConnectionRegistry<Connection>;
  readonly pending: PendingAccount;
  readonly input: InputAccount;
  /** In the order of connecting. */
  readonly sessions: EchoSession[];
  readonly logLines: LogFields[];
  /** A TCP client that has read INFO. */
  connect(): Promise<RawClient>;
  stop(): Promise<void>;
}

const MIB = 1024 * 1024;

/** Starts a TCP listener, or a WebSocket listener if `settings.webSocket` is given. */
export async function startTransport(settings: TransportSettings = {}): Promise<TestTransport> {
  const sessions: EchoSession[] = [];
  const logLines: LogFields[] = [];
  const record = (fields: LogFields): void => {
    logLines.push(fields);
  };
  const logger: Logger = { ...silentLogger, info: record, warn: record, error: record };
  const registry = new ConnectionRegistry<Connection>({ maxConnections: settings.maxConnections ?? 1000 });
  const pending = new PendingAccount(settings.maxTotalPendingBytes ?? 512 * MIB);
  const input = new InputAccount(settings.maxTotalInputBytes ?? 256 * MIB, systemClock);
  const acceptor = new Acceptor({
    context: {
      limits: {
        maxControlLineBytes: settings.maxControlLineBytes ?? 4096,
        maxPendingBytes: settings.maxPendingBytes ?? 64 * MIB,
        writeDeadlineMs: settings.writeDeadlineMs ?? 10_000,
      },
      scheduler: new FlushScheduler(),
      pending,
      input,
      clock: systemClock,
      logger,
    },
    registry,
    counters: new Counters(),
    admission: settings.admission,
    createSession: (port) => {
      const session = new EchoSession(port);
      sessions.push(session);
      return session;
    },
  });
  const tls =
    settings.tls && new TlsHandshakes('test', settings.tls, new RepeatLimiter(logger, systemClock, 0));
  const common = { name: 'test', host: '127.0.0.1', port: 0, maxConnections: settings.maxPerListener, tls };
  const listener =
    settings.webSocket === undefined
      ? new TcpListener(common, acceptor, logger)
      : new WebSocketListener(
          { ...common, maxMessageBytes: 2 * MIB, handshakeTimeoutMs: 2000, ...settings.webSocket },
          acceptor,
          logger,
        );
  await listener.open();
  listener.begin();
  const { port } = listener.address;
  const clients: RawClient[] = [];
  return {
    listener,
    port,
    acceptor,
    registry,
    pending,
    input,
    sessions,
    logLines,
    async connect() {
      const client = await connectRaw('127.0.0.1', port);
      clients.push(client);
      return client;
    },
    async stop() {
      await listener.close();
      for (const client of clients) if (client.isOpen) client.reset();
      await within(registry.closeAll('Server Shutdown', 100), 5_000, 'all connections to end');
    },
  };
}

/** Sends `request` to a port as it is and returns everything that comes back until the end. */
export function exchange(port: number, request: string | Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const socket = net.connect(port, '127.0.0.1', () => socket.write(request));
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.on('error', reject);
    socket.on('close', () => resolve(Buffer.concat(chunks).toString('latin1')));
  });
}
