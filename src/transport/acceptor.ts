/**
 * Makes a connection with its session out of every accepted byte stream, or turns it away.
 * Must not know what kind of listener accepted it.
 */
import { GatewayError } from '../errors.ts';
import type { Counters } from '../metrics/counters.ts';
import type { ClientPort, ClientSession, PeerInfo } from '../session/ports.ts';
import type { Admission } from './admission.ts';
import type { ByteStream } from './byte-stream.ts';
import { Connection } from './connection.ts';
import type { ConnectionContext, ConnectionObserver } from './connection-context.ts';
import type { ConnectionRegistry } from './connection-registry.ts';
import type { PaceLimits } from './input-pace.ts';

/** What an {@link Acceptor} is made of. */
export interface AcceptorParts {
  readonly context: ConnectionContext;
  readonly registry: ConnectionRegistry<Connection>;
  readonly counters: Counters;
  readonly createSession: (port: ClientPort) => ClientSession;
  /** Decides in place of the registry and the listener's limit; left out: they do. */
  readonly admission?: Admission | undefined;
}

/** A byte stream and where it comes from. */
export interface AcceptedStream {
  readonly stream: ByteStream;
  readonly origin: Omit<PeerInfo, 'cid'>;
  /** Limit of the listener alone; undefined: only the limit of the gateway counts. */
  readonly maxConnections: number | undefined;
  /** How fast the client may publish; null: as fast as it can. */
  readonly pace: PaceLimits | null;
}

/** Shared by all listeners of a gateway. */
export class Acceptor {
  readonly #parts: AcceptorParts;
  readonly #observer: ConnectionObserver<Connection>;

  constructor(parts: AcceptorParts) {
    this.#parts = parts;
    this.#observer = {
      onClosing: (connection, reason) => {
        parts.registry.noteClosing(connection, reason);
        parts.admission?.leave(connection.peer);
      },
      onErrorSent: (code) => parts.counters.countError(code),
      onGone: (connection) => parts.registry.noteGone(connection),
    };
  }

  /** Never throws: a client that cannot be served must not take the listener with it. */
  accept({ stream, origin, maxConnections, pace }: AcceptedStream): void {
    const { registry, context, createSession, admission, counters } = this.#parts;
    const counted = counters.ofListener(origin.listener);
    const isTooMany = admission === undefined && this.#isTooMany(origin.listener, maxConnections);
    if (isTooMany) counted.reject('max_connections');
    else if (admission === undefined) counted.accepted += 1;
    if (isTooMany && registry.isOverrun) {
      stream.destroy();
      return;
    }
    const peer: PeerInfo = { cid: registry.nextCid(), ...origin };
    let connection: Connection;
    try {
      connection = new Connection({ stream, peer, context, observer: this.#observer, createSession, pace });
    } catch (error) {
      context.logger.error(
        { event: 'client.internal_error', cid: peer.cid, err: error },
        'no session for a client',
      );
      stream.destroy();
      return;
    }
    if (!isTooMany) registry.add(connection);
    // Before the start, which may end the connection: whoever leaves must have asked.
    admission?.ask(peer, (isAdmitted) => {
      if (isAdmitted) {
        counted.accepted += 1;
        connection.admit();
      } else {
        counted.reject('max_connections');
        refuse(connection);
      }
    });
    connection.start({ isAdmitted: admission === undefined });
    // After INFO, as nats-server does: client libraries read one INFO before anything else.
    if (isTooMany) refuse(connection);
  }

  #isTooMany(listener: string, maxConnections: number | undefined): boolean {
    const { registry } = this.#parts;
    if (registry.isFull) return true;
    return maxConnections !== undefined && registry.countOf(listener) >= maxConnections;
  }
}

function refuse(connection: Connection): void {
  connection.fail(new GatewayError('GW_MAX_CONNECTIONS', 'too many client connections'));
}
