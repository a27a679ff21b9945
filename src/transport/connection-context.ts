/**
 * What a connection is made of and what it shares with others. Types only.
 */
import type { CloseReason } from '../close-reason.ts';
import type { ClientPort, ClientSession, PeerInfo } from '../session/ports.ts';
import type { Clock } from '../util/clock.ts';
import type { Logger } from '../util/logger.ts';
import type { ByteStream } from './byte-stream.ts';
import type { FlushScheduler } from './flush-scheduler.ts';
import type { InputAccount } from './input-account.ts';
import type { PaceLimits } from './input-pace.ts';
import type { PendingAccount } from './pending-account.ts';

/** Limits of every connection, looked up when they are needed: a reload changes them in place. */
export interface ConnectionLimits {
  readonly maxControlLineBytes: number;
  /** Above this much unsent output the client is cut (`max_pending`). */
  readonly maxPendingBytes: number;
  /** A write older than this cuts the client (`write_deadline`), in milliseconds. */
  readonly writeDeadlineMs: number;
}

/** What all connections of a gateway share. */
export interface ConnectionContext {
  readonly limits: ConnectionLimits;
  readonly scheduler: FlushScheduler;
  readonly pending: PendingAccount;
  readonly input: InputAccount;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What a connection tells whoever keeps count of connections. */
export interface ConnectionObserver<C> {
  /** The session has ended; last bytes may still be on their way. Called once. */
  onClosing(connection: C, reason: CloseReason): void;
  /** The client is told about an error by `-ERR`. @param code see `errors.ts` */
  onErrorSent(code: string): void;
  /** The stream is gone. Called once, after `onClosing`. */
  onGone(connection: C): void;
}

/** What a connection is made of. */
export interface ConnectionParts<C> {
  readonly stream: ByteStream;
  readonly peer: PeerInfo;
  readonly context: ConnectionContext;
  readonly observer: ConnectionObserver<C>;
  readonly createSession: (port: ClientPort) => ClientSession;
  /** How fast the client may publish; null: as fast as it can. */
  readonly pace: PaceLimits | null;
}
