/** What operators may see of a connection and its session. Reads only; nothing is worked out before it is asked for. */
import { workerOf } from '../control/client-pages.ts';
import type { ClientState, ClientView } from '../control/client-view.ts';
import type { PeerInfo, SessionView } from '../session/ports.ts';

/** What a connection knows of itself. */
export interface ViewedConnection {
  readonly peer: PeerInfo;
  /** Milliseconds since 1970. */
  readonly startMs: number;
  readonly pendingBytes: number;
  readonly sessionView: SessionView;
}

/** A connection that is there, as it is at each moment. */
export class LiveClientView implements ClientView {
  readonly #connection: ViewedConnection;
  readonly #session: SessionView;
  readonly stopMs = null;
  readonly reason = null;

  constructor(connection: ViewedConnection) {
    this.#connection = connection;
    this.#session = connection.sessionView;
  }

  get cid(): number {
    return this.#connection.peer.cid;
  }

  get worker(): number {
    return workerOf(this.cid);
  }

  get state(): ClientState {
    return this.#session.state;
  }

  get listener(): string {
    return this.#connection.peer.listener;
  }

  get transport(): 'tcp' | 'ws' {
    return this.#connection.peer.transport;
  }

  get address(): string {
    return this.#connection.peer.remoteAddress;
  }

  get port(): number {
    return this.#connection.peer.remotePort;
  }

  get startMs(): number {
    return this.#connection.startMs;
  }

  /** Connecting is activity, too. */
  get lastActivityMs(): number {
    return Math.max(this.#connection.startMs, this.#session.lastActivityMs);
  }

  get rttMs(): number | null {
    return this.#session.rttMs;
  }

  get pendingBytes(): number {
    return this.#connection.pendingBytes;
  }

  get inMessages(): number {
    return this.#session.inMessages;
  }

  get outMessages(): number {
    return this.#session.outMessages;
  }

  get inBytes(): number {
    return this.#session.inBytes;
  }

  get outBytes(): number {
    return this.#session.outBytes;
  }

  get subscriptions(): number {
    return this.#session.subscriptions;
  }

  get name(): string {
    return this.#session.name;
  }

  get lang(): string {
    return this.#session.lang;
  }

  get version(): string {
    return this.#session.version;
  }

  get user(): string {
    return this.#session.user;
  }

  get method(): string {
    return this.#session.method;
  }

  get account(): string {
    return this.#session.account;
  }

  get tls(): ClientView['tls'] {
    const session = this.#connection.peer.tls?.session ?? null;
    if (session === null) return null;
    const { version, cipher, certificate } = session;
    return { version, cipher, subject: certificate?.subject ?? null };
  }

  get mqttClientId(): string {
    return this.#session.mqttClientId;
  }

  get mountpoint(): string {
    return this.#session.mountpoint;
  }

  get expiresMs(): number | null {
    return this.#session.expiresMs;
  }
}

/** A copy that stays as it is, and can be sent to another process. */
export function plainClient(view: ClientView): ClientView {
  return {
    cid: view.cid,
    worker: view.worker,
    state: view.state,
    listener: view.listener,
    transport: view.transport,
    address: view.address,
    port: view.port,
    startMs: view.startMs,
    lastActivityMs: view.lastActivityMs,
    stopMs: view.stopMs,
    reason: view.reason,
    rttMs: view.rttMs,
    pendingBytes: view.pendingBytes,
    inMessages: view.inMessages,
    outMessages: view.outMessages,
    inBytes: view.inBytes,
    outBytes: view.outBytes,
    subscriptions: view.subscriptions,
    name: view.name,
    lang: view.lang,
    version: view.version,
    user: view.user,
    method: view.method,
    account: view.account,
    tls: view.tls,
    mqttClientId: view.mqttClientId,
    mountpoint: view.mountpoint,
    expiresMs: view.expiresMs,
  };
}
